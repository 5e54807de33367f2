"""What the machine must have: installed where that can be done, else named in one line each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from cluster.commands import ClusterError

CLUSTER = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "iptables": "iptables",
    "ip": "iproute2",
    "conntrack": "conntrack",
}
"""Programs that the cluster runs, and their Debian packages."""


def require(programs: Mapping[str, str]) -> None:
    """Make sure that this is root on Linux and that the programs are there, with apt-get where it is."""
    if sys.platform != "linux":
        raise ClusterError("runs on Linux only; give KUBECONFIG of another cluster, such as kind's (`make kind-up`)")
    if os.geteuid():
        raise ClusterError("needs root: it makes namespaces, routes and mounts; or give KUBECONFIG of another cluster")
    missing = sorted({package for program, package in programs.items() if not _present(program)})
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise ClusterError(f"missing, and there is no apt-get to install it: {', '.join(missing)}")
    print(f"installing {' '.join(missing)}", flush=True)
    quietly = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    try:
        subprocess.run(["apt-get", "update", "-qq"], check=True, **quietly)  # type: ignore[call-overload]
        install = [
            "apt-get",
            "-o",
            "DPkg::Lock::Timeout=120",
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            *missing,
        ]
        subprocess.run(install, check=True, **quietly)  # type: ignore[call-overload]
    except subprocess.CalledProcessError as error:
        raise ClusterError(f"apt-get could not install {' '.join(missing)} (exit status {error.returncode})") from None


def require_cgroups() -> None:
    """Make sure that the machine has cgroup version 1, which the nodes' nested cgroups are made for."""
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        raise ClusterError(
            "needs cgroup v1, and this machine has v2; give KUBECONFIG of another cluster (`make kind-up`)"
        )


def _present(program: str) -> bool:
    return Path(program).exists() if program.startswith("/") else shutil.which(program) is not None
