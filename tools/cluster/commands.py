"""Run commands, and wait for conditions with a deadline."""

from __future__ import annotations

import os
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster.place import BIN, KUBECONFIG, LOGS, PKI, RUN

ENV = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
ENV["PATH"] = f"{BIN}:{ENV['PATH']}"
STARTED: dict[Path, subprocess.Popen[bytes]] = {}
"""What this run started: the process of each log."""


class ClusterError(SystemExit):
    """Ends the command with one line that says what is wrong and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(f"cluster: {message}")


def sh(*argv: object, **options: Any) -> None:
    """Run a command that must succeed."""
    subprocess.run([str(word) for word in argv], check=True, **{"env": ENV, **options})


def quiet(*argv: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command whose result the caller looks at."""
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, env=ENV, **options)


def kubectl(*argv: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return quiet("kubectl", "--kubeconfig", KUBECONFIG, "--cache-dir", RUN / "cache", *argv, **options)


def wait(what: str, check: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until `check()` is true, or end with what failed: a deadline, or a process that this run started."""
    deadline = time.monotonic() + seconds
    while not check():
        for log, process in list(STARTED.items()):
            if process.poll() is not None:
                raise ClusterError(f"a process ended by itself; see {log}")
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not in {seconds:g} s; see {LOGS}")
        time.sleep(0.1)


def answers(url: str, ca: Path = PKI / "ca.crt") -> bool:
    """Return whether a server of a control plane answers with 200."""
    try:
        context = ssl.create_default_context(cafile=ca)
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        return bool(urllib.request.build_opener(*handlers).open(url, timeout=2).status == 200)
    except OSError:
        return False
