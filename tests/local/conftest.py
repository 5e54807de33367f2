"""Flows that run as processes on this machine, started once and shared by the tests that ask for the same one."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from peavine import spec
from peavine.flow.order import in_order
from peavine.local.layout import Listen
from peavine.local.runner import LocalFlow

StartFlow = Callable[..., LocalFlow]


def _show(name: str, line: str) -> None:
    print(name, line, file=sys.stderr)


OBEDIENT = """
import time
from pathlib import Path
from peavine.executors import Crafter

class Obedient(Crafter):
    def craft(self, text):
        order, _, rest = (text or "").partition(" ")
        if order == "sleep":
            time.sleep(float(rest))
        if order == "await":
            give_up = time.monotonic() + 60
            while not Path(rest).exists() and time.monotonic() < give_up:
                time.sleep(0.01)
        if order == "fail":
            raise ValueError(rest)
        return {"tags": {"seen": True}}
"""
"""An Executor that does what a Document's text says: "sleep 0.5", "fail because of this", "await FILE" to be there."""


@pytest.fixture(scope="session", autouse=True)
def heeded_interrupts() -> None:
    """Let children heed Ctrl-C, even where a shell started the tests in the background and told them to ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def start_flow() -> Iterator[StartFlow]:
    """Return a function that starts a Flow of these Pods, or returns the one that runs already."""
    running: dict[str, LocalFlow] = {}

    def start(*pods: dict[str, Any], **fields: Any) -> LocalFlow:
        manifest = {"metadata": {"name": "flow"}, "spec": {"pods": in_order(pods), **fields}}
        key = json.dumps(manifest)
        if key not in running:
            flow = LocalFlow(spec.parse(manifest), listen=Listen(), sink=_show)
            flow.start(60)
            running[key] = flow
        return running[key]

    yield start
    for flow in running.values():
        flow.stop()


@pytest.fixture(scope="session")
def passing(start_flow: StartFlow) -> LocalFlow:
    """Return a Flow of three Pods that pass everything on."""
    return start_flow({"name": "first"}, {"name": "second"}, {"name": "third"})


@pytest.fixture(scope="session")
def obedient(start_flow: StartFlow) -> LocalFlow:
    """Return a Flow whose Pod `obey` does what a Document's text says, in 2 seconds at most."""
    uses = "!Obedient\nmetas: {py_modules: obedient.py}\n"
    return start_flow({"name": "obey", "uses": uses, "files": {"obedient.py": OBEDIENT}}, timeoutSeconds=2)
