"""What a gateway reports about its Flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from peavine.v1 import gateway_pb2

__all__ = ["Info", "PodInfo", "info", "seconds"]


@dataclass(frozen=True)
class PodInfo:
    """A Pod of the Flow; `ready` counts the addresses, of its Peas or else of its heads, that answer now."""

    name: str
    needs: Sequence[str]
    shards: int
    ready: int


@dataclass(frozen=True)
class Info:
    """A Flow as its gateway knows it."""

    flow: str
    version: str
    protocol: int
    max_message_bytes: int
    max_documents: int
    max_in_flight: int
    timeout: float
    """Seconds that a request to search or to read may take."""
    index_timeout: float
    """Seconds that an index, update or delete request may take."""
    train_timeout: float
    """Seconds that a train request may take."""
    pods: Sequence[PodInfo]


def info(message: gateway_pb2.FlowInfo) -> Info:
    """Return what the message says."""
    pods = [PodInfo(pod.name, list(pod.needs), pod.shards, pod.ready) for pod in message.pods]
    return Info(
        flow=message.flow,
        version=message.version,
        protocol=message.protocol,
        max_message_bytes=message.max_message_bytes,
        max_documents=message.max_documents,
        max_in_flight=message.max_in_flight,
        timeout=message.timeout,
        index_timeout=seconds(message, "index"),
        train_timeout=seconds(message, "train"),
        pods=pods,
    )


def seconds(message: gateway_pb2.FlowInfo, kind: str) -> float:
    """Return how long a request of that kind may take. A gateway that does not say so has one limit for all kinds."""
    own = {"search": 0.0, "read": 0.0, "train": message.train_timeout}.get(kind, message.index_timeout)
    return own or message.timeout
