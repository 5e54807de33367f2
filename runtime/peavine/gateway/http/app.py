"""The HTTP edge: a JSON view of a Flow. It reads, checks, asks the Edge, and writes. Knows no Pods and no units."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import grpc
from fastapi import FastAPI, Request
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from peavine.documents.plain import Arrays
from peavine.errors import Overloaded, Unavailable
from peavine.gateway.edge import Edge
from peavine.gateway.http.connection import CONNECTION, FREE_BYTES
from peavine.gateway.http.intake import Intake
from peavine.gateway.http.messages import Asking, answer, asking, json
from peavine.gateway.http.openapi import describe
from peavine.gateway.http.origin import OwnNames, is_loopback
from peavine.gateway.http.pacing import is_gone
from peavine.gateway.http.problems import Refused, problem, response, status
from peavine.gateway.http.reads import BODIES, reading, written
from peavine.gateway.http.sharing import Share
from peavine.gateway.http.websocket import Sockets
from peavine.spec import KINDS
from peavine.v1 import pea_pb2
from peavine.version import __version__

__all__ = ["app"]

STEP_BYTES: Final = 65536
"""Bytes of a body that have to come for it to count as getting on."""
STEP_SECONDS = 5.0
"""How long a client may take to send so much of a request's body, or the rest of it."""

MAX_PATH: Final = 200
"""Characters of an unknown path that its problem shows."""

DESCRIPTION: Final = """
Neural search over a Flow. Errors are problem details (RFC 9457) with gRPC's codes. A stream of requests goes over the
WebSocket `/v1/stream`; the same Flow answers gRPC on its gRPC port, which is several times faster.
"""


def app(edge: Edge, intake: Intake, sockets: Sockets, host: str) -> FastAPI:
    """Return the ASGI application of a gateway that listens on this host."""
    made = _described(edge.plan.name) if edge.plan.docs else FastAPI(openapi_url=None)
    plan = edge.plan
    for kind in KINDS:
        if kind != "read":  # which has a path for each of its operations
            understood = partial(asking, kind, max_documents=plan.max_documents)
            made.add_route(f"/v1/{kind}", _answering(_ask(edge, intake, understood, answer), edge), methods=["POST"])
    for operation in BODIES:
        understood = partial(reading, operation, max_documents=plan.max_documents, max_bytes=plan.max_message_bytes)
        ask = _stats if operation == "stats" else _ask
        endpoint = _answering(ask(edge, intake, understood, written(operation)), edge)
        made.add_route(f"/v1/{operation}", endpoint, methods=["GET" if operation == "stats" else "POST"])
    made.add_api_websocket_route("/v1/stream", sockets.serve)
    made.add_route("/v1/status", _answering(_status(edge), edge))
    made.add_route("/healthz", _answering(_healthz, edge))
    made.add_route("/readyz", _answering(_readyz(edge), edge))
    made.add_exception_handler(HTTPException, _not_routed(edge))
    if is_loopback(host):
        made.add_middleware(OwnNames, gateway=edge.name)
    return made


def _described(name: str) -> FastAPI:
    """Return an application with /docs and /openapi.json."""
    made = FastAPIOffline(
        title=name,
        version=__version__,
        description=DESCRIPTION,
        redoc_url=None,
        static_url="/docs/static",
        swagger_ui_oauth2_redirect_url="/docs/oauth2-redirect",
    )
    describe(made)
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


Understand = Callable[[dict[str, Any]], Asking]
"""Makes a request of a body."""
Write = Callable[[pea_pb2.Envelope, Arrays], dict[str, Any]]
"""Makes the data of a JSON body of an answer."""


def _ask(edge: Edge, intake: Intake, understand: Understand, write: Write) -> Endpoint:
    async def ask(request: Request) -> Response:
        return await _answered(request, edge, intake, await _asked(request, edge, intake, understand), write)

    return ask


def _stats(edge: Edge, intake: Intake, understand: Understand, write: Write) -> Endpoint:
    async def ask(request: Request) -> Response:
        return await _answered(request, edge, intake, understand(dict(request.query_params)), write)

    return ask


async def _answered(request: Request, edge: Edge, intake: Intake, asked: Asking, write: Write) -> Response:
    answered = await _unless_gone(request, _submitted(request, edge, asked))
    if answered.header.status.code:
        return response(problem(answered.header.status))
    data = await intake.write(answered, lambda: json(write(answered, asked.arrays)))
    return Response(data, media_type="application/json")


async def _asked(request: Request, edge: Edge, intake: Intake, understand: Understand) -> Asking:
    """Return what a client asks. Its body is dropped once it is read."""
    plan = edge.plan
    _check_announced(request, plan.max_message_bytes)
    body = _Body(intake.bodies, plan.max_message_bytes)
    try:
        raw = await body.receive(request)
        return await intake.read(raw, understand)
    finally:
        intake.bodies.release(body)


async def _submitted(request: Request, edge: Edge, asked: Asking) -> pea_pb2.Envelope:
    """Return the answer, unless the client is gone already: nobody would hear of it, and a write might come too late.

    A gateway that stood still finds requests whose clients have long sent them elsewhere.
    """
    connection = request.scope.get(CONNECTION)
    if connection is not None and is_gone(connection.transport):
        raise _went()
    return await edge.ask(asked.envelope)


def _check_announced(request: Request, most: int) -> None:
    """Refuse what is not JSON, or is too large, before it is read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        # A form or plain text could be sent here by any web page that the user has open.
        raise Refused(415, f'content-type: "{kind}" is not application/json; add the header Content-Type')
    if (coding := request.headers.get("content-encoding", "identity").strip().lower()) != "identity":
        raise Refused(415, f'content-encoding: "{coding}" is not taken; send the body as it is')
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise _too_large(int(length), most)


def _too_large(size: int, most: int) -> Refused:
    return Refused(
        413,
        f"the body has {size} bytes or more (the limit is {most}); send fewer Documents a request, or raise "
        "spec.maxMessageBytes of the Flow",
    )


class _Body:
    """A body that arrives. It gives way to others when it gets on less than they do."""

    def __init__(self, bodies: Share, most: int) -> None:
        self._bodies, self._most = bodies, most
        self._gave_way = False
        self._patience = asyncio.timeout(STEP_SECONDS)

    def give_way(self) -> None:
        """Stop waiting for the rest of it."""
        self._gave_way = True
        self._patience.reschedule(0)

    async def receive(self, request: Request) -> bytearray:
        """Return it, of which never more than the largest body's bytes are in memory."""
        raw = bytearray()
        try:
            async with self._patience:
                async for part in request.stream():
                    step = len(raw) // STEP_BYTES
                    raw += part
                    if len(raw) > self._most:
                        raise _too_large(len(raw), self._most)
                    self._take(len(raw), progress=len(raw) // STEP_BYTES > step)
        except TimeoutError:
            if self._gave_way:
                raise _crowded_out() from None
            message = f"in {STEP_SECONDS:g} s there came neither {STEP_BYTES} bytes of the body nor the rest of it"
            raise Refused(408, message, grpc.StatusCode.DEADLINE_EXCEEDED) from None
        except ClientDisconnect:
            raise _went() from None
        if self._gave_way:
            raise _crowded_out()
        self._bodies.settle(self)
        return raw

    def _take(self, size: int, progress: bool) -> None:
        """Count what has come."""
        if size > FREE_BYTES:
            self._bodies.hold(self, size, progress)
        if progress and not self._gave_way:
            self._patience.reschedule(asyncio.get_running_loop().time() + STEP_SECONDS)


def _crowded_out() -> Overloaded:
    message = "other bodies, which come faster, take all the memory there is for them; try again, or send smaller ones"
    return Overloaded(message, retry_after=1.0)


def _went() -> Refused:
    return Refused(499, "the client went before its request was answered", grpc.StatusCode.CANCELLED)


async def _unless_gone(request: Request, asked: Awaitable[Any]) -> Any:
    """Return the answer; when the client goes first, drop the request."""
    asking = asyncio.ensure_future(asked)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((asking, gone), return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            raise _went()
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
            "max_documents": info.max_documents,
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


def _not_routed(edge: Edge) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return what answers for paths and methods that do not exist."""

    async def not_routed(request: Request, error: Exception) -> Response:
        http = error.status_code if isinstance(error, HTTPException) else 500
        code = grpc.StatusCode.NOT_FOUND if http == 404 else grpc.StatusCode.UNIMPLEMENTED
        hint = "; /docs shows what is" if edge.plan.docs else ""
        refused = Refused(http, f"{request.method} {request.url.path[:MAX_PATH]} is not served{hint}", code)
        made = response(problem(status(refused, edge.name), refused))
        if isinstance(error, HTTPException) and error.headers:
            made.headers.update(error.headers)
        return made

    return not_routed


def _json(data: Any) -> Response:
    return Response(json(data), media_type="application/json")
