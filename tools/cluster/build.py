"""Compile the components: minutes the first time on a machine, then never until their sources change."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from pathlib import Path

from cluster.commands import ClusterError, sh
from cluster.place import BIN, BUILD, HOME, SOURCE, TOOLS, VERSION

COMPONENTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubeadm",
    "kubectl",
    "coredns",
)


def build() -> None:
    """Make the binaries of this version of the sources unless they are there; a second call waits for the first."""
    done = BUILD / "done"
    if done.exists():
        return
    if not shutil.which("go"):
        raise ClusterError("needs Go 1.25 or later (https://go.dev/dl); or give KUBECONFIG of another cluster")
    HOME.mkdir(parents=True, exist_ok=True)
    with open(HOME / "build.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return
        began = time.monotonic()
        print("compiling Kubernetes: about 10 minutes on 2 cores the first time, then cached", flush=True)
        _compile()
        done.touch()
        for old in HOME.glob("build-*"):
            if old != BUILD:
                shutil.rmtree(old, ignore_errors=True)
        print(f"compiled in {time.monotonic() - began:.0f} s")


def _compile() -> None:
    BIN.mkdir(parents=True, exist_ok=True)
    stamp = "-X k8s.io/component-base/version.git"
    major, minor, _ = VERSION.split(".")
    flags = f"-s -w {stamp}Version=v{VERSION} {stamp}Major={major} {stamp}Minor={minor} {stamp}TreeState=clean"
    environment = {**os.environ, "CGO_ENABLED": "0", "GOBIN": str(BIN)}

    def go(*argv: str | Path) -> None:
        sh("go", *argv, cwd=SOURCE, env=environment)

    go("build", "-trimpath", "-ldflags", flags, "-o", BIN / "kube", ".")
    go("build", "-trimpath", "-ldflags", "-s -w", "-o", BIN / "pause", "./pause")
    for package in TOOLS.values():
        go("install", "-trimpath", "-ldflags", "-s -w", package)
    for name in COMPONENTS:
        link = BIN / name
        link.unlink(missing_ok=True)
        link.symlink_to("kube")
