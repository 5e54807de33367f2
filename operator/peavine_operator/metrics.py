"""What the operator counts, and the page where Prometheus and the kubelet read it."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

RECONCILES = Counter("peavine_operator_reconciles", "Flows and Pods looked at.", ["kind", "result"])
RECONCILE_SECONDS = Histogram("peavine_operator_reconcile_seconds", "Time that one look takes.", ["kind"])
QUEUED = Gauge("peavine_operator_queued", "Flows and Pods that wait to be looked at.")
REQUESTS = Counter("peavine_operator_api_requests", "Requests to the API server.", ["verb", "status"])
WRITES = Counter("peavine_operator_writes", "Objects written, by kind and why.", ["kind", "verb"])
LEADING = Gauge("peavine_operator_leading", "1 where this replica does the work.")
SILENCE = Gauge("peavine_operator_watch_silence_seconds", "Time since the least lively watch was heard of.")


async def serve(port: int, unhealthy: Callable[[], str | None]) -> web.AppRunner:
    """Serve /metrics and /healthz, which fails with the reason that `unhealthy` gives."""

    async def healthz(_: web.Request) -> web.Response:
        reason = unhealthy()
        return web.Response(text=(reason or "ok") + "\n", status=503 if reason else 200)

    async def page(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/metrics", page)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner
