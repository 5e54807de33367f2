"""The cluster, the images and the chart under test: what a session of tests needs before its first one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import images
from cluster import lifecycle, place
from tests.cluster.sharing import shared

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "peavine"
SYSTEM, RELEASE = "peavine-system", "peavine"
NODES = 2
STARTED_BY_TESTS = place.RUN / "started-by-tests"


def is_foreign() -> bool:
    """Whether KUBECONFIG names another cluster than the one of tools/cluster."""
    return Path(os.environ.get("KUBECONFIG") or place.KUBECONFIG) != place.KUBECONFIG


built_in = pytest.mark.skipif(
    is_foreign(), reason="KUBECONFIG's cluster has no audit log, processes and power switch that tests can reach"
)
"""Marks a test of what only the test cluster of tools/cluster lets a test see or do."""
alone = pytest.mark.alone
"""Marks a test that others would disturb or be disturbed by: it counts what the operator does, or stops the operator,
the API server or a node. `make test` runs the others in several namespaces at once, and these one after another."""


def machine(*argv: str) -> None:
    """Do something to the test cluster: `kill node-2`, `start node-2`, `kill apiserver`, ..."""
    done = subprocess.run([ROOT / "tools" / "cluster" / "cluster", *argv], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, f"cluster {' '.join(argv)}: {done.stdout}{done.stderr}"


@contextmanager
def cluster() -> Iterator[None]:
    """Have a cluster with the images and the chart of this tree: KUBECONFIG's, or that of tools/cluster.

    All workers of a run of the tests share it.
    """
    if not is_foreign():
        os.environ["KUBECONFIG"] = str(place.KUBECONFIG)
        os.environ["PATH"] = f"{place.BIN}:{os.environ['PATH']}"
    with shared(place.HOME, _prepare, _take_down):
        yield


def _prepare() -> None:
    """Install the chart; images for another cluster than the built-in one are loaded by whoever made that.

    The built-in cluster is started unless the user has. One that an aborted run of the tests left is removed first.
    """
    if not is_foreign():
        if STARTED_BY_TESTS.exists():
            machine("down")
        was_up = lifecycle.is_up() and lifecycle.is_healthy(NODES)
        machine("up", "--nodes", str(NODES))
        if not was_up:
            STARTED_BY_TESTS.touch()
        images.load()
    install()


def _take_down() -> None:
    if STARTED_BY_TESTS.exists():
        machine("down")


def helm(*argv: str, seconds: float = 180) -> str:
    """Return what helm prints."""
    done = subprocess.run(["helm", *argv], capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, f"helm {' '.join(argv)}: {done.stderr}"
    return done.stdout


def install(*values: str, chart: Path = CHART) -> None:
    """Install the chart with the images of this tree, or upgrade to it, and wait until the operator is ready."""
    where = ["--namespace", SYSTEM, "--create-namespace", "--take-ownership", "--wait", "--timeout", "2m"]
    settings = [f"--set={value}" for value in (f"image.tag={images.tag()}", *values)]
    helm("upgrade", "--install", RELEASE, str(chart), *where, *settings)
