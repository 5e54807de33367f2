"""The HTTP edge: a JSON view of a Flow. It reads, checks, asks the Edge, and writes. Knows no Pods and no units."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import grpc
import prometheus_client
from fastapi import FastAPI, Request
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.responses import Response

import peavine
from peavine.errors import Unavailable
from peavine.gateway.admission import Admission
from peavine.gateway.edge import Edge
from peavine.gateway.messages import answer, asking, json, read, sized
from peavine.gateway.openapi import describe
from peavine.gateway.problems import Refused, problem, response, status
from peavine.gateway.websocket import Sockets
from peavine.spec import KINDS

__all__ = ["app"]

BODY_SECONDS: Final = 30.0
"""How long a client may take to send a request's body."""
BODIES: Final = 16
"""Largest bodies that may be in memory at once; what is smaller counts by its bytes."""

DESCRIPTION: Final = """
Neural search over a Flow. Errors are problem details (RFC 9457) with gRPC's codes. A stream of requests goes over the
WebSocket `/v1/stream`; the same Flow answers gRPC on its gRPC port, which is several times faster.
"""


def app(edge: Edge, sockets: Sockets) -> FastAPI:
    """Return the ASGI application of a gateway."""
    made = FastAPIOffline(
        title=edge.plan.name,
        version=peavine.__version__,
        description=DESCRIPTION,
        redoc_url=None,
        static_url="/docs/static",
        swagger_ui_oauth2_redirect_url="/docs/oauth2-redirect",
    )
    describe(made)
    bodies = Admission(edge.plan.max_in_flight, BODIES * edge.plan.max_message_bytes)
    for kind in KINDS:
        made.add_route(f"/v1/{kind}", _answering(_ask(edge, kind, bodies), edge), methods=["POST"])
    made.add_api_websocket_route("/v1/stream", sockets.serve)
    made.add_route("/v1/status", _answering(_status(edge), edge))
    made.add_route("/healthz", _answering(_healthz, edge))
    made.add_route("/readyz", _answering(_readyz(edge), edge))
    made.add_route("/metrics", _metrics)
    made.add_exception_handler(HTTPException, _not_routed(edge))
    return made


Endpoint = Callable[[Request], Awaitable[Response]]


def _answering(endpoint: Endpoint, edge: Edge) -> Endpoint:
    """Let errors of an endpoint become problems. Of those not raised on purpose a client is told an id alone."""

    async def answering(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception as error:
            return response(problem(status(error, edge.name), error))

    return answering


def _ask(edge: Edge, kind: str, bodies: Admission) -> Endpoint:
    async def ask(request: Request) -> Response:
        most = edge.plan.max_message_bytes
        size = _announced(request, most)
        loop = asyncio.get_running_loop()
        began = loop.time()
        bodies.enter(1, size)
        try:
            raw = await _body(request, most)
            asked = await sized(len(raw), lambda: asking(kind, read(raw)))
            answered = await _unless_gone(request, edge.ask(asked.envelope))
            if answered.header.status.code:
                return response(problem(answered.header.status))
            data = await sized(answered.ByteSize(), lambda: json(answer(answered, asked.arrays)))
            return Response(data, media_type="application/json")
        finally:
            bodies.leave(1, size, loop.time() - began)

    return ask


def _announced(request: Request, most: int) -> int:
    """Return the bytes that a body may have, and refuse what is too large before it is read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        # A form or plain text could be sent here by any web page that the user has open.
        raise Refused(415, f'content-type: "{kind}" is not application/json; add the header Content-Type')
    if (coding := request.headers.get("content-encoding", "identity").strip().lower()) != "identity":
        raise Refused(415, f'content-encoding: "{coding}" is not taken; send the body as it is')
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        return most
    if int(length) > most:
        raise _too_large(int(length), most)
    return int(length)


def _too_large(size: int, most: int) -> Refused:
    return Refused(
        413,
        f"the body has {size} bytes or more, and {most} are the most; send fewer Documents a request, or raise "
        "spec.maxMessageBytes of the Flow",
    )


async def _body(request: Request, most: int) -> bytes:
    """Return the body, of which never more than `most` bytes are in memory."""
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                raw += part
                if len(raw) > most:
                    raise _too_large(len(raw), most)
    except TimeoutError:
        message = f"the body did not come within {BODY_SECONDS:g} s"
        raise Refused(408, message, grpc.StatusCode.DEADLINE_EXCEEDED) from None
    return bytes(raw)


async def _unless_gone(request: Request, asked: Awaitable[Any]) -> Any:
    """Return the answer; when the client goes first, drop the request."""
    asking = asyncio.ensure_future(asked)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((asking, gone), return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            raise Refused(499, "the client went before the answer came", grpc.StatusCode.CANCELLED)
        return asking.result()
    finally:
        asking.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _status(edge: Edge) -> Endpoint:
    async def flow_status(_: Request) -> Response:
        info = edge.info()
        pods: Sequence[dict[str, Any]] = [
            {"name": pod.name, "needs": list(pod.needs), "shards": pod.shards, "ready": pod.ready} for pod in info.pods
        ]
        limits = {
            "max_message_bytes": info.max_message_bytes,
            "max_in_flight": info.max_in_flight,
            "timeout_seconds": info.timeout,
            "index_timeout_seconds": info.index_timeout,
            "train_timeout_seconds": info.train_timeout,
        }
        data = {"flow": info.flow, "version": info.version, "ready": edge.ready, "pods": pods, "limits": limits}
        data["time"] = edge.router.clock.now()
        return _json(data)

    return flow_status


async def _healthz(_: Request) -> Response:
    return _json({"healthy": True})


def _readyz(edge: Edge) -> Endpoint:
    async def readyz(_: Request) -> Response:
        if not edge.serving:
            missing = ", ".join(pod.name for pod in edge.info().pods if not pod.ready)
            raise Unavailable(f"no Pea takes work of: {missing}" if missing else "the gateway starts or stops")
        return _json({"ready": True})

    return readyz


async def _metrics(_: Request) -> Response:
    return Response(prometheus_client.generate_latest(), media_type=prometheus_client.CONTENT_TYPE_LATEST)


def _not_routed(edge: Edge) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return what answers for paths and methods that do not exist."""

    async def not_routed(request: Request, error: Exception) -> Response:
        http = error.status_code if isinstance(error, HTTPException) else 500
        code = grpc.StatusCode.NOT_FOUND if http == 404 else grpc.StatusCode.UNIMPLEMENTED
        refused = Refused(http, f"{request.method} {request.url.path} is not served; /docs tells what is", code)
        made = response(problem(status(refused, edge.name), refused))
        if isinstance(error, HTTPException) and error.headers:
            made.headers.update(error.headers)
        return made

    return not_routed


def _json(data: Any) -> Response:
    return Response(json(data), media_type="application/json")
