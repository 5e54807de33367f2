"""What a Pea counts for Prometheus. Names and labels are a contract with dashboards."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["BYTES", "COMMITS", "DOCUMENTS", "EPOCH", "EXECUTED", "REQUESTS", "WAITING"]

REQUESTS = Counter("peavine_pea_requests", "Requests that the Executor was given", ["kind"])
EXECUTED = Histogram(
    "peavine_pea_call_seconds",
    "How long the Executor took for what it was given together",
    ["kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
EPOCH = Gauge("peavine_store_epoch", "Times that a store was opened for writing", ["name", "id"])
COMMITS = Gauge("peavine_store_commits", "Commits to a store since it was created", ["name", "id"])
DOCUMENTS = Gauge("peavine_store_documents", "Documents that are stored, without their chunks")
BYTES = Gauge("peavine_store_bytes", "Bytes that stored rows take in the files of stores")
WAITING = Gauge("peavine_pea_waiting_units", "Units that wait for the Executor")
