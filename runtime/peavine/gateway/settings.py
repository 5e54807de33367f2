"""What a gateway is started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from peavine.serving import AGE_SECONDS

__all__ = ["GatewaySettings"]


@dataclass(frozen=True)
class GatewaySettings:
    """One gateway."""

    plan: Path
    """The plan, JSON or YAML."""
    host: str = "127.0.0.1"
    """Where it listens; `::` for all addresses, IPv6 and IPv4."""
    grpc_port: int = 8081
    """Port of the gRPC service; 0 takes a free one, which the log names."""
    http_port: int | None = 8080
    """Port of the HTTP service; none when None."""
    addresses: Path | None = None
    """File that it writes `{"grpc": "HOST:PORT", "http": "HOST:PORT"}` to once it listens; none when None."""
    name: str = ""
    """Its name in logs and errors; FLOW-gateway when empty."""
    max_age: float = AGE_SECONDS
    """Seconds after which a stream is drained and its client connects again."""
    metrics_port: int | None = None
    """Port of the Prometheus metrics; none when None."""
