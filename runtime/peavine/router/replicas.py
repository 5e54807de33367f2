"""The Peas that share one job: who gets the next unit, and what becomes of it when that one breaks off.

Least outstanding wins, counted in items; equals take turns. What a broken stream left unanswered goes to another Pea:
every kind of request may be sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from peavine.clock import Issuer
from peavine.errors import DeadlineExceeded, ExecutorError, PeavineError
from peavine.router.link import Link
from peavine.router.names import is_fixed, resolve
from peavine.router.question import Parcel, Question
from peavine.v1 import pea_pb2
from peavine.wire.hello import accepts
from peavine.wire.join import fail
from peavine.wire.split import Part, assemble, portions
from peavine.wire.status import status_of
from peavine.wire.unit import MAX_UNIT_ITEMS, answered, parse, serialize

__all__ = ["Observer", "Replicas"]

RESOLVE_SECONDS: Final = 1.0
"""How often a name is resolved: how soon a new Pea is found."""
MAX_DEATHS: Final = 2
"""A request that this many Peas worked on when they died is not given another one. The second one has it alone."""

_log = logging.getLogger(__name__)


class Observer(Protocol):
    """What is called when something changes."""

    def peas_changed(self) -> None:
        """A Pea was connected or lost."""

    def work_done(self) -> None:
        """A Pea can take more work than before."""


class _Died(ExecutorError):
    """A Pea died while it may have worked on a unit of several items: each is to be tried by itself."""


class Replicas:
    """The Peas of a Pod, or of one shard of it."""

    def __init__(self, pod: str, targets: Sequence[str], hello: bytes, observer: Observer, clock: Issuer) -> None:
        self.pod = pod
        self.accepts: dict[str, frozenset[str]] | None = None
        """Parameters by kind, as announced by the Pea that connected last; None before the first."""
        self._targets, self._hello, self._observer, self._clock = targets, hello, observer, clock
        self._links: dict[str, Link] = {}
        self._leaving: set[Link] = set()
        self._queue: deque[Question] = deque()
        self._turns = itertools.count(1)
        self._watch: asyncio.Task[None] | None = None
        self._unresolved: dict[str, str] = {}

    async def start(self) -> None:
        """Begin to connect, and to watch the names."""
        await self._resolve()
        if not all(map(is_fixed, self._targets)):
            self._watch = asyncio.create_task(self._watching(), name=f"names of {self.pod}")

    async def stop(self) -> None:
        """Close all connections."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        await asyncio.gather(*(link.close() for link in (*self._links.values(), *self._leaving)))

    @property
    def ready(self) -> int:
        """Peas that take work."""
        return sum(link.serving for link in self._links.values())

    @property
    def workers(self) -> int:
        """Units that its Peas work on at once."""
        return sum(link.workers for link in self._links.values() if link.serving)

    @property
    def idle(self) -> bool:
        """Whether some Pea has nothing to do, and nothing waits for it."""
        return not self._queue and any(link.idle for link in self._links.values())

    @property
    def free(self) -> bool:
        """Whether a unit that comes now is sent now."""
        return not self._queue and any(link.free for link in self._links.values())

    @property
    def load(self) -> float:
        """Items that its least busy Pea has not answered; infinite when none is there."""
        return min((link.load for link in self._links.values() if link.serving), default=float("inf"))

    async def ask(self, parcel: Parcel, deadline: float) -> Parcel:
        """Return the parcel as a Pea answered it. Raises TimeoutError at `deadline` (monotonic)."""
        limit = min((link.max_bytes for link in self._links.values() if link.max_bytes), default=0)
        if limit and len(parcel.rest) > limit:
            # It grew on its way: of 64 small requests each may have been given an answer of the largest size.
            return await self._in_parts(parcel, deadline, limit)
        try:
            return await self._ask(parcel, deadline)
        except _Died:
            return await self._in_parts(parcel, deadline, limit, deaths=1)

    async def _in_parts(self, parcel: Parcel, deadline: float, max_bytes: int, deaths: int = 0) -> Parcel:
        """Ask for the items of a unit in several units; in one each where a Pea died while it worked on it."""
        unit = parse(parcel.rest)
        parts = portions(unit, max_bytes, self.pod, max_items=1 if deaths else MAX_UNIT_ITEMS)
        answers = await asyncio.gather(*(self._part(parcel, part, deadline, deaths) for part in parts.values()))
        failed = assemble(unit, parts, dict(zip(parts, answers, strict=True)))
        return parcel.after(serialize(unit), failed)

    async def _part(self, parcel: Parcel, part: Part, deadline: float, deaths: int) -> pea_pb2.Unit:
        """Return the answer to some of a unit's items. What goes wrong with them is in it, and fails no others."""
        items = len(part.unit.items)
        try:
            answer = await self._ask(parcel.part(serialize(part.unit), items), deadline, deaths)
            return answered(answer.rest, items)
        except TimeoutError:
            status = status_of(DeadlineExceeded(f'Pod "{self.pod}" did not answer in time'), self.pod)
        except PeavineError as error:
            status = status_of(error, self.pod)
        fail(part.unit, status)
        return part.unit

    async def _ask(self, parcel: Parcel, deadline: float, deaths: int = 0) -> Parcel:
        if deadline <= time.monotonic():
            raise TimeoutError
        question = Question(parcel, deaths=deaths)
        self._queue.append(question)
        self._dispatch()
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await question.answer
        finally:
            if question.answer.cancelled():  # what waits is bounded by who waits for it
                with contextlib.suppress(ValueError):
                    self._queue.remove(question)

    @property
    def trouble(self) -> str:
        """Why no Pea takes work, address by address; empty when one does."""
        if self.ready:
            return ""
        reasons = [f"{link.address}: {link.problem or 'draining'}" for link in self._links.values()]
        reasons += [f"{target}: {problem}" for target, problem in self._unresolved.items()]
        return f'Pod "{self.pod}" cannot be reached ({"; ".join(reasons) or "its name has no address"})'

    def _dispatch(self) -> None:
        queue = self._queue
        while queue:
            if queue[0].answer.done():
                queue.popleft()
                continue
            free = [link for link in self._links.values() if link.takes(queue[0])]
            if not free:
                return
            link = min(free, key=_least)
            link.turn = next(self._turns)
            link.send(queue.popleft())

    def met(self, hello: pea_pb2.Hello) -> None:
        """Remember which parameters these Peas take."""
        self.accepts = accepts(hello)

    def changed(self) -> None:
        """Give what waits to a Pea that is there now."""
        self._dispatch()
        self._observer.peas_changed()

    def answered(self) -> None:
        """Give what waits to a Pea that has room now."""
        self._dispatch()
        self._observer.work_done()

    def lost(self, questions: list[Question]) -> None:
        """Put what a broken stream left unanswered before all else that waits."""
        again = []
        for question in questions:
            if question.answer.done():
                continue
            if question.deaths and question.parcel.count > 1:
                question.answer.set_exception(_Died(f'a Pea of Pod "{self.pod}" died'))
            elif question.deaths < MAX_DEATHS:
                again.append(question)
            else:
                message = (
                    f'{question.deaths} Peas of Pod "{self.pod}" died while they worked on this; it is not tried '
                    "again. Look at their logs; if they had too little memory, send less in a request"
                )
                # Not Unavailable, or the client would send what may be the death of Peas again.
                question.answer.set_exception(ExecutorError(message))
        self._queue.extendleft(reversed(again))

    def drained(self, link: Link) -> None:
        """Connect anew to a Pea whose stream is to end, as it does with age; what is out is answered on the old."""
        if self._links.get(link.address) is link:
            self._links[link.address] = Link(link.address, self._hello, self, self._clock)
            self._leave(link)
        self.changed()

    def _leave(self, link: Link) -> None:
        self._leaving.add(link)
        link.leave(self._leaving.discard)

    async def _watching(self) -> None:
        while True:
            await asyncio.sleep(RESOLVE_SECONDS)
            try:
                await self._resolve()
            except Exception:  # or no new Pea would ever be found
                _log.exception("cannot resolve %s; trying again", ", ".join(self._targets))

    async def _resolve(self) -> None:
        found: set[str] = set()
        failed: dict[str, str] = {}
        for target in self._targets:
            try:
                found |= await resolve(target)
            except OSError as error:
                failed[target] = f"the name cannot be resolved ({error.strerror})"
        self._unresolved = failed
        for address in found - self._links.keys():
            self._links[address] = Link(address, self._hello, self, self._clock)
        # A name server that does not answer says nothing of the Peas: those that are connected stay.
        if not failed:
            for address in self._links.keys() - found:
                link = self._links.pop(address)
                _log.info("%s: no longer in the names of %s", address, self.pod)
                self._leave(link)


def _least(link: Link) -> tuple[int, int]:
    return link.load, link.turn
