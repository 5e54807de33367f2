"""/v1/stream: requests of any kind as JSON messages, each answered once, in the order in which answers are ready.

The id of a message is the client's, and its answer bears it. No more than a bounded number is unanswered on one socket:
after that nothing is read until an answer has left, so a client that does not read makes nothing grow.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from peavine.errors import InvalidRequest, PeavineError
from peavine.gateway.edge import Edge
from peavine.gateway.messages import Asking, answer, asking, json, read, sized
from peavine.gateway.problems import problem, status
from peavine.wire.header import kind_of

__all__ = ["WINDOW", "Sockets"]

WINDOW: Final = 32
"""Messages that may be unanswered on one socket."""


class Sockets:
    """The endpoint: every open socket is a conversation."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._open: set[_Conversation] = set()

    async def serve(self, socket: WebSocket) -> None:
        """Answer messages until the client goes, or a drain is done."""
        if not _same_origin(socket):
            await socket.close(1008, "this page is not from here")
            return
        await socket.accept()
        conversation = _Conversation(self._edge, socket)
        self._open.add(conversation)
        try:
            await conversation.run()
        finally:
            self._open.discard(conversation)

    async def drain(self, grace: float) -> None:
        """Read nothing new, and end each socket once all that came on it is answered, within `grace` seconds."""
        ending = [conversation.drain() for conversation in self._open]
        if ending:
            await asyncio.wait(ending, timeout=grace)


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
        self._asked: set[str] = set()
        """Ids of the messages that are unanswered."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = asyncio.Event()
        self._ended = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Answer messages until the client goes, or a drain is done."""
        draining = asyncio.create_task(self._draining.wait())
        try:
            while await self._read(draining):
                pass
            if draining.done():
                if self._tasks:
                    await asyncio.wait(self._tasks)
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                    await self._socket.close(1012, "this gateway is stopping; connect again")
        finally:
            draining.cancel()
            for task in self._tasks:
                task.cancel()
            self._ended.set_result(None)

    def drain(self) -> asyncio.Future[None]:
        """Read nothing new, and end once all that came is answered. The result tells when."""
        self._draining.set()
        return self._ended

    async def _read(self, draining: asyncio.Task[Any]) -> bool:
        """Take the next message, and return whether there may be more."""
        reading = asyncio.create_task(self._next())
        try:
            await asyncio.wait((reading, draining), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                return False
        finally:
            reading.cancel()
        message = reading.result()
        if message["type"] == "websocket.disconnect":
            return False
        await self._take(message.get("text") or message.get("bytes") or "")
        return True

    async def _next(self) -> Message:
        await self._room.acquire()
        return await self._socket.receive()

    async def _take(self, raw: str | bytes) -> None:
        """Start to answer a message."""
        name: str | None = None
        try:
            data = await sized(len(raw), lambda: read(raw.encode() if isinstance(raw, str) else raw))
            name, kind = _text(data, "id"), _text(data, "kind")
            kind_of(kind)
            if name in self._asked:
                raise InvalidRequest(f'id: "{name}" is unanswered already; give each message an id of its own')
            asked = await sized(len(raw), lambda: asking(kind, data))
        except PeavineError as error:
            self._room.release()
            await self._send(json({"id": name, "error": problem(status(error, self._edge.name), error)}))
            return
        self._asked.add(name)
        task = asyncio.create_task(self._answer(name, kind, asked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, name: str, kind: str, asked: Asking) -> None:
        try:
            said = await self._said({"id": name, "kind": kind}, asked)
            self._asked.discard(name)
            await self._send(said)
        finally:
            self._room.release()

    async def _said(self, said: dict[str, Any], asked: Asking) -> bytes:
        try:
            answered = await self._edge.ask(asked.envelope)
            if answered.header.status.code:
                return json(said | {"error": problem(answered.header.status)})
            return await sized(answered.ByteSize(), lambda: json(said | answer(answered, asked.arrays)))
        except Exception as error:  # a message is answered, whatever happens
            return json(said | {"error": problem(status(error, self._edge.name), error)})

    async def _send(self, said: bytes) -> None:
        async with self._sending:
            try:
                await self._socket.send_text(said.decode())
            except (WebSocketDisconnect, RuntimeError):
                return  # the client is gone, and `run` is told


def _text(data: dict[str, Any], key: str) -> str:
    value = data.pop(key, None)
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f'{key}: must be text; a message is {{"id": "1", "kind": "search", "docs": [..]}}')
    return value
