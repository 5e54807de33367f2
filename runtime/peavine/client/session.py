"""The requests of one client on their way to a gateway: sent in units, sent again when that may help, each with an end.

Every kind of request is idempotent, so what a broken stream left unanswered is sent again. Nothing waits for ever: a
request that was sent ends with its deadline, and one that was not ends when no gateway could be reached in time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from peavine.backoff import Backoff
from peavine.client.answer import answer, failure, late, may_try_again
from peavine.client.home import Home
from peavine.client.info import Info, info
from peavine.client.link import Link
from peavine.client.pending import Pending, take
from peavine.client.reach import reach
from peavine.client.sizing import Sizing
from peavine.clock import Issuer
from peavine.errors import DeadlineExceeded, InvalidRequest, Overloaded, PeavineError, Unavailable
from peavine.v1 import gateway_pb2, pea_pb2
from peavine.wire.header import WRITES

__all__ = ["Session"]

_GRACE = 1.0
"""Seconds after a deadline in which the gateway's own answer, which knows where the time went, may still come."""
_SWEEP = 0.1
_PATIENCE = 5
"""Times of a request's timeout within which what was late is sent again, in smaller parts."""
_BACKOFF = Backoff(0.05, 1.0)
"""Delays before connecting to the gateway again, and before sending a request again."""


class Session:
    """Links to one gateway, one at a time. Belongs to the event loop that first used it."""

    def __init__(self, host: str, target: str, connect_timeout: float) -> None:
        self._host = host
        self._target = target
        self._connect_timeout = connect_timeout
        self._patience = connect_timeout
        """Seconds in which a gateway is to be reached. One that was reached before is given the time of a request."""
        self.home = Home(host)
        self._sizes: dict[str, Sizing] = {}
        self._clock = Issuer()
        self._link: Link | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._waiting: list[Pending] = []
        self._open: set[Pending] = set()
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._working = False
        self._closed = False

    @property
    def appetite(self) -> int:
        """Requests that one call should have ready or out, so that the next is there whenever one is answered."""
        return 2 * (self._link.pace if self._link else 1)

    def sizing(self, kind: str) -> Sizing:
        """Return how many Documents requests of that kind should have."""
        return self._sizes.setdefault(kind, Sizing())

    async def limits(self) -> gateway_pb2.FlowInfo:
        """Return what the gateway said of itself when it was reached; connect first where need be."""
        return (await self._connected()).info

    async def ask_info(self) -> Info:
        """Return what the gateway says of itself now."""
        link = await self._connected()
        return info(await link.ask_info(self._connect_timeout))

    async def ping(self) -> float:
        """Return the seconds that a question to the gateway and its answer take."""
        link = await self._connected()
        began = time.perf_counter()
        await link.ask_info(self._connect_timeout)
        return time.perf_counter() - began

    def submit(self, pending: Pending) -> None:
        """Send a request when its turn comes. Its answer's future always gets a result."""
        self._track(pending)
        if self._closed:
            pending.fail(Unavailable("the client is closed"))
            return
        if not self._working:
            self._working = True
            self._spawn(self._work())
            self._spawn(self._sweep())
        self._waiting.append(pending)
        self._wake.set()

    def _track(self, pending: Pending) -> None:
        self._open.add(pending)
        pending.answers.add_done_callback(lambda _: self._open.discard(pending))

    async def close(self) -> None:
        """End everything. What is still unanswered fails."""
        self._closed = True
        if self.home.gone:
            return
        self.home.enter()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._link:
            await self._link.close()
        for pending in list(self._open):
            pending.fail(Unavailable("the client was closed before the answer came"))

    async def _connected(self) -> Link:
        """Return a link that takes requests. Raises Unavailable when none could be had in time."""
        loop = self.home.enter()
        until, attempt = loop.time() + self._patience, 0
        while not self._closed:
            if self._link and not self._link.leaving:
                return self._link
            reaching = self._reaching()
            await asyncio.wait((reaching,), timeout=until - loop.time())
            error: BaseException | None = Unavailable("nothing answers")
            if reaching.done() and not reaching.cancelled():
                error = reaching.exception()
            if error is None:
                continue
            if isinstance(error, InvalidRequest):  # a new one, because every call that waits for this attempt raises it
                raise InvalidRequest(f"host: {self._host}: {error}") from None
            if not isinstance(error, Unavailable):
                raise error
            attempt += 1
            pause = _BACKOFF.delay(attempt)
            if until - loop.time() <= pause:
                raise Unavailable(
                    f"cannot reach a gateway at {self._host} within {self._patience:g} s: {error}; start a Flow with "
                    "`peavine run FILE`, or give the gRPC address of one that runs"
                ) from None
            await asyncio.sleep(pause)
        raise Unavailable("the client is closed")

    def _reaching(self) -> asyncio.Task[None]:
        """Return the attempt to reach a gateway that all wait for who need one now."""
        if self._attempt is None or self._attempt.done():
            self._attempt = self._spawn(self._connect())
        return self._attempt

    async def _connect(self) -> None:
        link = await reach(self._target, self._connect_timeout, self._clock)
        self._link = link
        self._patience = max(self._connect_timeout, link.info.timeout)
        self._spawn(self._listen(link))

    async def _work(self) -> None:
        """Send what waits, whenever there is room."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                try:
                    link = await self._connected()
                except PeavineError as error:
                    self._give_up(error)
                    continue
                requests = take(self._waiting, link.room, partial=link.hungry) if link.room else []
                if not requests:
                    break
                await self._send(link, [pending for pending in requests if not pending.answers.done()])

    async def _send(self, link: Link, requests: Sequence[Pending]) -> None:
        if not requests:
            return
        now = asyncio.get_running_loop().time()
        unit = pea_pb2.Unit(kind=requests[0].envelope.header.kind)
        for pending in requests:
            if pending.deadline is None:
                seconds = link.seconds(pending)
                pending.deadline = now + seconds
                if pending.patience is None and pending.documents > 1:
                    pending.patience = now + seconds * min(pending.documents, _PATIENCE)
            pending.attempts += 1
            header = pending.envelope.header
            if header.kind in WRITES and not header.version:
                header.version = self._clock.issue(pending.documents)
            if pending.timeout or pending.attempts > 1:
                header.timeout = max(pending.deadline - now, 0.001)
            unit.items.append(pending.envelope)
        try:
            await link.send(requests, unit)
        except Unavailable:
            self._leave(link)  # its listener sends again what is unanswered

    async def _listen(self, link: Link) -> None:
        """Take the answers of one link until it ends; what it leaves unanswered is sent again."""
        try:
            while True:
                requests, unit, took = await link.receive()
                self._answered(link, requests, unit, took)
                self._wake.set()
        except PeavineError as error:
            self._leave(link)
            for pending in link.unanswered():
                self._again(pending, error)
            self._wake.set()
        finally:
            await link.close()

    def _answered(self, link: Link, requests: Sequence[Pending], unit: pea_pb2.Unit, took: float) -> None:
        answers = {item.header.id: item for item in unit.items}
        for pending in requests:
            header = pending.envelope.header
            item = answers.get(header.id)
            if unit.HasField("refused"):
                item = pea_pb2.Envelope(header=pea_pb2.Header(status=unit.refused))
            if item is None:
                self._again(pending, Unavailable("the gateway left the request out of its answer"))
            elif item.header.status.code:
                error = failure(item.header.status)
                if may_try_again(error):
                    self._again(pending, error)
                elif isinstance(error, DeadlineExceeded):
                    self._late(pending, error)
                else:
                    pending.fail(error)
            else:
                self.sizing(pending.kind).answered(pending.documents, took, link.seconds(pending))
                pending.succeed(answer(header.id, pending.kind, pending.documents, item, unit))

    def _again(self, pending: Pending, error: PeavineError) -> None:
        """Send a request again after a pause, unless its time would be over."""
        if pending not in self._open:
            return
        loop = asyncio.get_running_loop()
        pause = _BACKOFF.delay(pending.attempts) + (error.retry_after if isinstance(error, Overloaded) else 0.0)
        if pending.deadline is None or loop.time() + pause < pending.deadline:
            loop.call_later(pause, self._resubmit, pending)
        else:
            pending.fail(error)

    def _late(self, pending: Pending, error: DeadlineExceeded) -> None:
        """Send what was late again, in halves, while there is patience: a Document that was sent alone is given up."""
        if pending not in self._open:
            return
        self.sizing(pending.kind).late(pending.documents)
        alone, now = pending.documents == 1, asyncio.get_running_loop().time()
        # What was split off may have been late only because the Flow still worked on the rest: it gets another try.
        if pending.patience is None or (now >= pending.patience and not (alone and pending.lates == 0)):
            pending.fail(late(pending.named(), error))
            return
        self._open.discard(pending)  # what it was split into is awaited now; its own answer is taken if it still comes
        parts = pending.split()
        for part in parts:
            self._track(part)
        # A Document that takes too long should not be ahead of others a second time.
        place = len(self._waiting) if alone else 0
        self._waiting[place:place] = parts
        self._wake.set()

    def _resubmit(self, pending: Pending) -> None:
        if not pending.answers.done():
            self._waiting.insert(0, pending)
            self._wake.set()

    def _leave(self, link: Link) -> None:
        if self._link is link:
            self._link = None

    def _give_up(self, error: PeavineError) -> None:
        """No gateway could be reached: fail what waits, but for what was sent before and still has time."""
        now = asyncio.get_running_loop().time()
        keep = []
        for pending in self._waiting:
            if pending.deadline is not None and now < pending.deadline and isinstance(error, Unavailable):
                keep.append(pending)
            else:
                pending.fail(error)
        self._waiting = keep

    async def _sweep(self) -> None:
        """End requests whose time is over, and links on which nothing was heard since."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP)
            silent = [p for p in self._open if p.deadline is not None and loop.time() > p.deadline + _GRACE]
            for pending in silent:
                self._late(
                    pending,
                    DeadlineExceeded(
                        f"the gateway at {self._host} did not answer within the request's time; grant more "
                        f"(`timeout`), or see with `peavine ping {self._host}` whether it is overloaded"
                    ),
                )
            if silent and self._link and loop.time() - self._link.heard > _GRACE:
                link, self._link = self._link, None
                await link.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Let nobody wait for a task that a defect has ended."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, PeavineError):
            self._closed = True
            for pending in list(self._open):
                pending.fail(PeavineError(f"the client of {self._host} is broken: {error!r}; please report this"))
            asyncio.get_running_loop().call_exception_handler({"message": "peavine client", "exception": error})
