"""What a gateway counts for Prometheus. Names and labels are a contract with dashboards."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from peavine.v1 import pea_pb2
from peavine.wire.header import KIND_NUMBERS, name_of

__all__ = ["IN_FLIGHT", "PEAS", "REQUESTS", "SECONDS", "UNIT_REQUESTS", "kind_label"]

REQUESTS = Counter("peavine_requests", "Requests answered", ["kind", "code"])
SECONDS = Histogram(
    "peavine_request_seconds",
    "From arrival to answer, of single requests and of units that clients formed",
    ["kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
IN_FLIGHT = Gauge("peavine_in_flight_requests", "Requests that are not answered yet")
UNIT_REQUESTS = Histogram(
    "peavine_unit_requests", "Requests in a unit", ["formed_by"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
PEAS = Gauge("peavine_connected_peas", "Peas that take work", ["pod"])


def kind_label(number: int) -> str:
    """Return the kind's name for a label; what a client made up is not a label of its own."""
    return name_of(pea_pb2.Kind.ValueType(number)) if number in KIND_NUMBERS else "unknown"
