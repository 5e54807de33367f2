"""Whether a process can work, asked through its gRPC health."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from peavine.listening import reachable
from peavine.wire.channel import blocking_channel

BACKOFF = (("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200))
"""A process that starts refuses connections at first; gRPC would wait a second and more before it tried again."""


class Health:
    """Asks one process; `address` tells where it serves, and is empty as long as that is not known."""

    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address
        self._channel: grpc.Channel | None = None

    def serving(self) -> bool:
        """Return whether it says that it can work."""
        if self._channel is None:
            address = self._address()
            if not address or (address.startswith("unix:") and not Path(address.removeprefix("unix:")).exists()):
                return False
            self._channel = blocking_channel(address, *BACKOFF)
        try:
            answer = health_pb2_grpc.HealthStub(self._channel).Check(health_pb2.HealthCheckRequest(), timeout=1.0)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def close(self) -> None:
        """End the connection."""
        if self._channel is not None:
            self._channel.close()


def addresses(file: Path) -> dict[str, str]:
    """Return what the gateway wrote about where it listens, reachable from here; nothing while it has not."""
    try:
        addresses = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return {edge: reachable(address) for edge, address in addresses.items()}
