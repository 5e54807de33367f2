"""A progress bar for people: Documents, their rate, and the time that is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

__all__ = ["Bar"]

_PATIENCE = 0.5


class Bar:
    """Shows how far a call is, on standard error. A call that is over in half a second shows nothing.

    `total` is how many Documents there will be. Without it `estimate` is called for each update; it may return None.
    """

    def __init__(
        self, title: str, total: int | None, wanted: bool | None, estimate: Callable[[], int | None] = lambda: None
    ) -> None:
        self._title = title
        self._total, self._estimate = total, estimate
        self._wanted = sys.stderr.isatty() if wanted is None else wanted
        self._at_once = wanted is True
        self._began = time.monotonic()
        self._done = 0
        self._progress: Progress | None = None

    def __enter__(self) -> Bar:
        if self._at_once:
            self._show()
        return self

    def advance(self, documents: int) -> None:
        """Take note of Documents that were answered."""
        self._done += documents
        if self._progress is None and self._wanted and time.monotonic() - self._began > _PATIENCE:
            self._show()
        if self._progress:
            self._progress.update(self._progress.task_ids[0], completed=self._done, total=self._better_total())

    def _better_total(self) -> int | None:
        """Return a new estimate that differs by over 2 %, else None: each new total makes rich forget the speed."""
        assert self._progress is not None
        now, shown = self._estimate() if self._total is None else None, self._progress.tasks[0].total
        return now if now is None or shown is None or abs(now - shown) > shown / 50 else None

    def _show(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            _Count(exact=self._total is not None),
            _Rate(self._began),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._progress.add_task(self._title, total=self._total, completed=self._done)
        self._progress.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress:
            self._progress.stop()


class _Count(ProgressColumn):
    """Shows the number of Documents that are done, and of all where it is known or estimated."""

    def __init__(self, exact: bool) -> None:
        super().__init__()
        self._of = "/" if exact else " of about "

    def render(self, task: Task) -> Text:
        """Return the count."""
        total = "" if task.total is None else f"{self._of}{max(task.total, task.completed):,.0f}"
        return Text(f"{task.completed:,.0f}{total}", style="progress.download")


class _Rate(ProgressColumn):
    """Documents per second since the call began."""

    def __init__(self, began: float) -> None:
        super().__init__()
        self._began = began

    def render(self, task: Task) -> Text:
        """Return the rate."""
        seconds = (task.finished_time or task.elapsed or 0) + 1e-9
        return Text(f"{task.completed / seconds:,.0f} documents/s", style="progress.data.speed")
