"""The processes of core pods, as the machine that runs the test cluster sees them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from cluster.place import NAME
from tests.cluster.kube import Object


def sigkill(pod: Object) -> None:
    """Kill every process of a core pod's containers at once, as when memory runs out; the kubelet starts them again."""
    uid = pod["metadata"]["uid"]
    groups = list(Path("/sys/fs/cgroup/pids", NAME).rglob(f"pod{uid}/*/cgroup.procs"))
    pids = [int(pid) for group in groups for pid in group.read_text().split()]
    victims = [pid for pid in pids if Path("/proc", str(pid), "cmdline").read_bytes() != b"/pause\0"]
    assert victims, f"no process of pod {uid}"
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
