"""What starts Flows in this process, and stops them after the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from peavine.flow.order import in_order
from tests.local.streams.running import Running, Start


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Return a function that starts a Flow of these Pods."""
    running: list[Running] = []

    async def begin(*pods: dict[str, Any], gateway: bool = True, **fields: Any) -> Running:
        flow = Running({"metadata": {"name": "flow"}, "spec": {"pods": in_order(pods), **fields}})
        running.append(flow)
        await flow.start(gateway)
        return flow

    yield begin
    for flow in running:
        await flow.stop()
