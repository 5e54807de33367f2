"""The first thing that a user does: the example's manifest, real images, and a second life for the index."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from peavine import Client
from peavine.hello import images
from tests.cluster.flow import Flow
from tests.cluster.kube import Kube, name, until

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "01-fashion" / "flow.yaml"
INDEXED, SEARCHED = 10_000, 500


def hello(workdir: Path, *options: str) -> dict[str, Any]:
    """Return the figures of `peavine hello`."""
    command = [sys.executable, "-m", "peavine", "hello", "--docs", str(INDEXED), "--queries", str(SEARCHED), "--json"]
    done = subprocess.run([*command, "--workdir", workdir, *options], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def test_the_example_searches_as_on_a_laptop_and_its_index_outlives_it(kube: Kube, tmp_path: Path) -> None:
    flow = Flow(kube, "fashion")
    began = time.monotonic()
    kube.apply(EXAMPLE.read_text())
    flow.wait_ready()
    seconds = time.monotonic() - began
    print(f"apply to Ready: {seconds:.1f} s")

    there = hello(tmp_path / "there", "--host", flow.host)
    here = hello(tmp_path / "here")
    assert there["documents"] == INDEXED
    for figure in ("precision_at_1", "precision_at_10"):
        assert there[figure] == pytest.approx(here[figure], abs=0.002)
    assert there["precision_at_1"] > 0.75
    print(f"in the cluster: {there}\non this machine: {here}")

    kube.delete("flows.peavine.dev", "fashion")
    kinds = "flows,peapods,deployments,statefulsets,services,pods,configmaps,pdb,hpa,serviceaccounts"
    of_kubernetes = {"kube-root-ca.crt", "default"}
    until("only volumes are left", lambda: {name(left) for left in kube.all(kinds)} == of_kubernetes)
    assert len(kube.all("pvc")) == 2

    began = time.monotonic()
    kube.apply(EXAMPLE.read_text())
    flow.wait_ready()
    print(f"apply to Ready, a second time: {time.monotonic() - began:.1f} s")
    some = images.load(images.folder(None), "train", 20)
    found = Client(flow.host).search(some.documents(), top_k=1, progress=False)
    assert [doc.matches[0].id for doc in found] == [doc.id for doc in some.documents()]
