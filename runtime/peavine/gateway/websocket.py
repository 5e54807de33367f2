"""/v1/stream: requests of any kind as JSON messages, each answered once, in the order in which answers are ready.

The id of a message is the client's, and its answer bears it. No more than a bounded number is unanswered on one socket:
after that nothing is read until an answer has left, so a client that does not read makes nothing grow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

import pydantic_core
from starlette.websockets import WebSocket, WebSocketDisconnect

from peavine.errors import InvalidRequest, PeavineError
from peavine.gateway.edge import Edge
from peavine.gateway.messages import Asking, answer, asking, read
from peavine.gateway.problems import problem, status
from peavine.wire.header import kind_of

__all__ = ["WINDOW", "stream"]

WINDOW: Final = 32
"""Messages that may be unanswered on one socket."""


def stream(edge: Edge) -> Callable[[WebSocket], Awaitable[None]]:
    """Return the endpoint."""

    async def serve(socket: WebSocket) -> None:
        if not _same_origin(socket):
            await socket.close(1008, "this page is not from here")
            return
        await socket.accept()
        await _Conversation(edge, socket).run()

    return serve


def _same_origin(socket: WebSocket) -> bool:
    """Whether it is no web page of another site: browsers open a socket without asking, but say for which page."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")


class _Conversation:
    """One socket."""

    def __init__(self, edge: Edge, socket: WebSocket) -> None:
        self._edge, self._socket = edge, socket
        self._room = asyncio.Semaphore(WINDOW)
        self._sending = asyncio.Lock()
        self._asked: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Answer messages until the client goes."""
        try:
            while True:
                await self._room.acquire()
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                await self._take(message.get("text") or message.get("bytes") or "")
        finally:
            for task in list(self._asked.values()):
                task.cancel()

    async def _take(self, raw: str | bytes) -> None:
        """Start to answer a message."""
        name: str | None = None
        try:
            data = read(raw.encode() if isinstance(raw, str) else raw)
            name, kind = _text(data, "id"), _text(data, "kind")
            kind_of(kind)
            if name in self._asked:
                raise InvalidRequest(f'id: "{name}" is unanswered already; give each message an id of its own')
            asked = asking(kind, data)
        except PeavineError as error:
            self._room.release()
            await self._send({"id": name, "error": problem(status(error, self._edge.name), error)})
            return
        task = asyncio.create_task(self._answer(name, kind, asked))
        self._asked[name] = task

    async def _answer(self, name: str, kind: str, asked: Asking) -> None:
        try:
            said = {"id": name, "kind": kind, **await self._said(asked)}
            del self._asked[name]
            await self._send(said)
        finally:
            self._asked.pop(name, None)
            self._room.release()

    async def _said(self, asked: Asking) -> dict[str, Any]:
        try:
            answered = await self._edge.ask(asked.envelope)
            if not answered.header.status.code:
                return answer(answered, asked.arrays)
            return {"error": problem(answered.header.status)}
        except Exception as error:  # a message is answered, whatever happens
            return {"error": problem(status(error, self._edge.name), error)}

    async def _send(self, said: dict[str, Any]) -> None:
        async with self._sending:
            try:
                await self._socket.send_text(pydantic_core.to_json(said).decode())
            except (WebSocketDisconnect, RuntimeError):
                return  # the client is gone, and `run` is told


def _text(data: dict[str, Any], key: str) -> str:
    value = data.pop(key, None)
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f'{key}: must be text; a message is {{"id": "1", "kind": "search", "docs": [..]}}')
    return value
