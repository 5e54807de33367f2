"""Ask a Flow from Python: over a gateway's gRPC port, in units, with retries, deadlines and bounded memory.

`Client` for programs and notebooks, `AsyncClient` for asyncio; `sources` has generators over files, lines, JSON lines,
CSV and arrays. Knows nothing of how a Flow is run.
"""

from peavine.client import sources
from peavine.client.answer import Answer, Coverage, Route, Summary
from peavine.client.asynchronous import AsyncClient
from peavine.client.info import Info, PodInfo
from peavine.client.options import Options, ReadOptions
from peavine.client.synchronous import Client

__all__ = [
    "Answer",
    "AsyncClient",
    "Client",
    "Coverage",
    "Info",
    "Options",
    "PodInfo",
    "ReadOptions",
    "Route",
    "Summary",
    "sources",
]
