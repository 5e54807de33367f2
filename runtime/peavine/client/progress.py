"""A progress bar for people: Documents, their rate, and the time that is left."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

__all__ = ["Bar"]

_PATIENCE = 0.5


class Bar:
    """Shows how far a call is, on standard error. A call that is over in half a second shows nothing."""

    def __init__(self, title: str, total: int | None, wanted: bool | None) -> None:
        self._title = title
        self._total = total
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
            self._progress.update(self._progress.task_ids[0], completed=self._done)

    def _show(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
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


class _Rate(ProgressColumn):
    """Documents per second since the call began."""

    def __init__(self, began: float) -> None:
        super().__init__()
        self._began = began

    def render(self, task: Task) -> Text:
        """Return the rate."""
        seconds = (task.finished_time or task.elapsed or 0) + 1e-9
        return Text(f"{task.completed / seconds:,.0f} documents/s", style="progress.data.speed")
