"""Continuous load on a Flow, with every answer checked: nothing may be lost, wrong, or missing afterwards."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np

from peavine import AsyncClient, Document
from peavine.client.answer import Answer
from peavine.errors import PeavineError
from tests.cluster.kube import until

DIMENSION = 32


def document(number: int) -> Document:
    """Return Document `number`: the same each time, and nearest to itself."""
    return Document(id=f"doc-{number}", embedding=np.random.default_rng(number).random(DIMENSION, dtype=np.float32))


@dataclass
class Report:
    """What became of the requests."""

    answered: Counter[str] = field(default_factory=Counter)
    """Right answers, by kind of request."""
    lost: list[str] = field(default_factory=list)
    """Requests that got an error, and which."""
    wrong: list[str] = field(default_factory=list)
    """Answers that were not right."""
    partial: int = 0
    """Searches answered by fewer than all shards, and saying so."""
    slowest: float = 0.0
    """Seconds that the slowest answer took."""
    peas: deque[tuple[float, str]] = field(default_factory=deque)
    """When an answer came (monotonic), and each Pea it went through."""
    tags: deque[tuple[float, str]] = field(default_factory=deque)
    """When an answer came, and what the Executor `Stamp` wrote into it."""

    @property
    def total(self) -> int:
        """How many requests got an answer or an error."""
        return self.answered.total() + len(self.lost) + len(self.wrong)

    def since(self, moment: float, seen: deque[tuple[float, str]]) -> Counter[str]:
        """Return what was seen after a moment, counted."""
        return Counter(what for when, what in list(seen) if when >= moment)

    def first(self, what: str, seen: deque[tuple[float, str]]) -> float | None:
        """Return when something was first seen."""
        return next((when for when, each in list(seen) if each == what), None)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.answered.items()))
        return f"{kinds}; {len(self.lost)} lost, {len(self.wrong)} wrong; slowest {self.slowest:.2f} s"


class Load:
    """Index and search requests in turn, `rate` a second, from a thread of its own; used in a with statement.

    It is the public client with its defaults: what that makes up for by trying again is not lost.
    """

    def __init__(self, host: str, rate: float = 24.0, kinds: tuple[str, ...] = ("index", "search")) -> None:
        self.host, self.rate, self.kinds = host, rate, kinds
        self.report = Report()
        self.acknowledged: list[int] = []
        self._stop = threading.Event()
        self._first = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")

    def __enter__(self) -> Load:
        self._thread.start()
        if not self._first.wait(30):
            self._stop.set()
            self._thread.join(60)
            raise AssertionError(f"no answer within 30 s: {self.report}; {self.report.lost[:3]}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(120)
        assert not self._thread.is_alive(), "the load did not end"

    def run_for(self, seconds: float) -> None:
        """Go on until as many more requests were answered as are sent in this time."""
        wanted = self.report.total + seconds * self.rate
        until(f"{wanted:.0f} answers", lambda: self.report.total >= wanted, 60 + 5 * seconds)

    def check(self) -> Report:
        """Fail unless every request was answered and every answer right; the report is for the record."""
        assert not self.report.wrong, f"{self.report}: {self.report.wrong[:5]}"
        assert not self.report.lost, f"{self.report}: {self.report.lost[:5]}"
        return self.report

    def missing(self) -> list[str]:
        """Return which acknowledged Documents a search does not find now."""

        async def find() -> list[str]:
            async with AsyncClient(self.host) as client:
                found = await client.search([document(n) for n in self.acknowledged], top_k=1, timeout=10)
            return [doc.id for doc in found if not doc.matches or doc.matches[0].id != doc.id]

        return asyncio.run(find())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        async with AsyncClient(self.host) as client:
            begin, number, tasks = loop.time(), 0, set()
            while not self._stop.is_set():
                await asyncio.sleep(max(0.0, begin + number / self.rate - loop.time()))
                kind = self.kinds[number % len(self.kinds)]
                if kind == "search" and not self.acknowledged:
                    kind = "index"
                task = asyncio.create_task(self._one(client, kind, number))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                number += 1
            await asyncio.gather(*tasks)

    async def _one(self, client: AsyncClient, kind: str, number: int) -> None:
        target = number if kind == "index" else random.choice(self.acknowledged)
        began = time.monotonic()
        try:
            top_k = 1 if kind == "search" else None
            async for answer in client.answers(kind, [document(target)], top_k=top_k, fields=["tags"]):
                if not answer.error:  # an answer that failed is followed by its error
                    self._note(kind, target, answer)
        except PeavineError as error:
            self.report.lost.append(f"{kind} {target} after {time.monotonic() - began:.2f} s: {error!r}")
        self.report.slowest = max(self.report.slowest, time.monotonic() - began)

    def _note(self, kind: str, target: int, answer: Answer) -> None:
        now, report = time.monotonic(), self.report
        report.peas += [(now, route.pea) for route in answer.routes]
        report.tags += [(now, str(doc.tags["stamp"])) for doc in answer.docs if "stamp" in doc.tags]
        if kind == "index":
            self.acknowledged.append(target)
        elif answer.coverage and answer.coverage.answered < answer.coverage.total:
            report.partial += 1
        else:
            matches = [match.id for doc in answer.docs for match in doc.matches]
            if matches != [f"doc-{target}"]:
                report.wrong.append(f"search {target}: {matches}")
                return
        report.answered[kind] += 1
        self._first.set()
