"""/v1/stream: requests of any kind as JSON messages, each answered once, in the order in which answers are ready.

The id of a message is the client's, and its answer bears it. No more than a bounded number is unanswered on one socket:
after that nothing is read until an answer has left, so a client that does not read makes nothing grow.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from peavine.errors import InvalidRequest, Overloaded, PeavineError, Unavailable
from peavine.gateway.checks import MAX_ID_BYTES
from peavine.gateway.edge import Edge
from peavine.gateway.http.connection import CONNECTION, FREE_BYTES
from peavine.gateway.http.intake import Intake
from peavine.gateway.http.messages import Asking, answer, asking, json
from peavine.gateway.http.origin import is_same_origin
from peavine.gateway.http.pacing import is_gone
from peavine.gateway.http.problems import problem, status
from peavine.gateway.http.sharing import Share
from peavine.wire.header import kind_of

__all__ = ["SOCKETS", "WINDOW", "Sockets"]

SOCKETS: Final = 64
"""Sockets that may be open at once. One more closes the one on which no message came for longest."""

WINDOW: Final = 32
"""Messages that may be unanswered on one socket."""
CROWDED: Final = f"there are more than {SOCKETS} sockets, and this one has been idle for longest; connect again"


class Sockets:
    """The endpoint: every open socket is a conversation."""

    def __init__(self, edge: Edge, intake: Intake) -> None:
        self._edge, self._intake = edge, intake
        self._open: set[_Conversation] = set()
        self._places = Share(SOCKETS)

    async def serve(self, socket: WebSocket) -> None:
        """Answer messages until the client goes, or a drain is done."""
        if not is_same_origin(socket.headers):
            await socket.close(1008, "this page is not from here")
            return
        await socket.accept()
        conversation = _Conversation(self._edge, self._intake, self._places, socket)
        self._open.add(conversation)
        self._places.hold(conversation, 1)
        try:
            await conversation.run()
        finally:
            self._open.discard(conversation)
            self._places.release(conversation)

    async def drain(self, grace: float) -> None:
        """Read nothing new, and end each socket once all that came on it is answered, within `grace` seconds."""
        ending = [conversation.drain() for conversation in self._open]
        if ending:
            await asyncio.wait(ending, timeout=grace)


class _Message:
    """The bytes of a message that is not answered yet."""

    def __init__(self, bodies: Share, size: int) -> None:
        self._bodies, self._refused = bodies, False
        if size > FREE_BYTES:
            bodies.hold(self, size)
            bodies.settle(self)
        if self._refused:
            raise Overloaded("other messages take all the memory there is for them; try again", retry_after=1.0)

    def give_way(self) -> None:
        """Be refused: all that is there before it is being worked on."""
        self._refused = True

    def answered(self) -> None:
        """Let go of the bytes."""
        self._bodies.release(self)


class _Conversation:
    """One socket."""

    def __init__(self, edge: Edge, intake: Intake, places: Share, socket: WebSocket) -> None:
        self._edge, self._intake, self._places, self._socket = edge, intake, places, socket
        self._crowded_out = False
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
                code, why = (1013, CROWDED) if self._crowded_out else (1012, "this gateway is stopping; connect again")
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                    await self._socket.close(code, why)
        finally:
            draining.cancel()
            for task in self._tasks:
                task.cancel()
            self._ended.set_result(None)

    def give_way(self) -> None:
        """Close the socket: there are too many, and on this one no message came for longest."""
        self._crowded_out = True
        self._draining.set()

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
        await self._take(message.get("bytes") or b"")
        return True

    async def _next(self) -> Message:
        await self._room.acquire()
        return await self._socket.receive()

    async def _take(self, raw: bytes) -> None:
        """Start to answer a message."""
        name = ""
        message: _Message | None = None
        try:
            message = _Message(self._intake.bodies, len(raw))
            name, kind, asked = await self._intake.read(raw, self._understood)
            if isinstance(asked, PeavineError):
                raise asked
            if name in self._asked:
                raise InvalidRequest(f'id: "{name}" is unanswered already; give each message an id of its own')
        except PeavineError as error:
            if message is not None:
                message.answered()
            self._room.release()
            await self._send(json({"id": name or None, "error": problem(status(error, self._edge.name), error)}))
            return
        self._asked.add(name)
        self._place()
        task = asyncio.create_task(self._answer(name, kind, asked, message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _understood(self, data: dict[str, Any]) -> tuple[str, str, Asking | PeavineError]:
        """Return a message's id, kind and request, or what is wrong with it after as much of that as there is."""
        name = kind = ""
        try:
            name = _text(data, "id")
            kind = _text(data, "kind")
            kind_of(kind)
            return name, kind, asking(kind, data, self._edge.plan.max_documents)
        except PeavineError as error:
            return name, kind, error

    async def _answer(self, name: str, kind: str, asked: Asking, message: _Message) -> None:
        try:
            said = await self._said({"id": name, "kind": kind}, asked)
            self._asked.discard(name)
            await self._send(said)
        finally:
            message.answered()
            self._room.release()
            self._place()

    def _place(self) -> None:
        """Say that the conversation goes on, and whether the client waits for the gateway or the other way round."""
        if not self._draining.is_set():
            self._places.hold(self, 1)
            if self._asked:
                self._places.settle(self)

    async def _said(self, said: dict[str, Any], asked: Asking) -> bytes:
        try:
            connection = self._socket.scope.get(CONNECTION)
            if connection is not None and is_gone(connection.transport):
                raise Unavailable("the client went before its request was answered")
            answered = await self._edge.ask(asked.envelope)
            if answered.header.status.code:
                return json(said | {"error": problem(answered.header.status)})
            return await self._intake.write(answered, lambda: json(said | answer(answered, asked.arrays)))
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
    if len(value.encode(errors="replace")) > MAX_ID_BYTES:
        raise InvalidRequest(f"{key}: has more than {MAX_ID_BYTES} bytes")
    return value
