"""One child process: started, read, ended, and started again when it ends by itself."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

from peavine.backoff import Backoff
from peavine.local import lifeline
from peavine.local.layout import CHILD_ENV, Process

Sink = Callable[[str, str], None]
"""Takes the name of a process and a line of its output."""

BACKOFF = Backoff(0.5, 15.0)
"""Delays before a process that exited is started again."""

STEADY = 30.0
"""Seconds after which a process counts as healthy: its earlier failures are forgotten."""

LAST_WORDS = 12
"""Lines of a process's output that are kept to be shown when it ends."""


class Child:
    """A process and its successors. `supervise` restarts it; before that an end is for the caller to see."""

    def __init__(self, process: Process, folder: Path, line: int, sink: Sink, log_level: str) -> None:
        self.process = process
        self._folder, self._termination = folder, folder / f"{process.name}.end"
        self._line, self._sink, self._log_level = line, sink, log_level
        self._words: deque[str] = deque(maxlen=LAST_WORDS)
        self._stopping = threading.Event()
        self._supervisor: threading.Thread | None = None
        self._failures = 0
        self._launch()

    @property
    def pid(self) -> int:
        """The process that runs now, or ran last."""
        return self._popen.pid

    def ended(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._popen.poll()

    def last_words(self) -> str:
        """Return why it ended: what it wrote for that purpose, else its exit code and last lines."""
        try:
            report = json.loads(self._termination.read_text(encoding="utf-8"))
            executor = report.get("executor")
            return f"{self.process.name}: {report['error']}" + (f" (executor {executor})" if executor else "")
        except (OSError, ValueError, KeyError, TypeError):
            lines = "".join(f"\n  {line}" for line in self._words)
            return f"{self.process.name} {_how(self._popen.returncode)}{lines}"

    def supervise(self) -> None:
        """From now on start it again whenever it ends, with growing delays."""
        self._supervisor = threading.Thread(target=self._keep, name=f"keep {self.process.name}", daemon=True)
        self._supervisor.start()

    def terminate(self) -> None:
        """Ask it to end, and do not start it again."""
        self._stopping.set()
        if self._popen.poll() is None:
            self._popen.terminate()

    def join(self, deadline: float) -> None:
        """Wait for its end until `deadline` (time.monotonic), then kill it."""
        if self._supervisor is not None:
            self._supervisor.join(max(0.0, deadline - time.monotonic()))
        try:
            self._popen.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._reader.join(1.0)

    def kill(self) -> None:
        """End it at once, and do not start it again."""
        self._stopping.set()
        self._popen.kill()
        self._popen.wait()

    def _launch(self) -> None:
        self._termination.unlink(missing_ok=True)
        if self.process.address.startswith("unix:"):
            Path(self.process.address.removeprefix("unix:")).unlink(missing_ok=True)
        own = {lifeline.VARIABLE: str(self._line), "PEAVINE_TERMINATION_LOG": str(self._termination)}
        usual = {**CHILD_ENV, "PEAVINE_LOG_LEVEL": self._log_level}
        self._started = time.monotonic()
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "peavine", *self.process.command],
            # What a process that is killed leaves among temporary files goes with the Flow's folder.
            env={**usual, **os.environ, "TMPDIR": str(self._folder), **self.process.env, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[self._line],
            # Ctrl-C in a terminal reaches every process of the foreground: it is the parent's to end the others.
            start_new_session=True,
        )
        assert self._popen.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._popen.stdout,), daemon=True)
        self._reader.start()

    def _read(self, output: IO[bytes]) -> None:
        with output:
            while line := output.readline(65536):
                text = line.decode(errors="replace").rstrip("\n")
                self._words.append(text)
                self._tell(text)

    def _tell(self, text: str) -> None:
        """Give a line to the sink. Where nobody reads any more, the process goes on all the same."""
        with contextlib.suppress(OSError):
            self._sink(self.process.name, text)

    def _keep(self) -> None:
        while not self._stopping.is_set():
            self._popen.wait()
            if self._stopping.is_set():
                return
            self._reader.join(1.0)
            self._failures = 1 if time.monotonic() - self._started > STEADY else self._failures + 1
            delay = BACKOFF.delay(self._failures)
            self._tell(f"{self.last_words()}\nstarting it again in {delay:.1f} s")
            if self._stopping.wait(delay):
                return
            self._words.clear()
            self._launch()
            # `terminate` may have come between the wait and the launch, and met the process before this one.
            if self._stopping.is_set():
                self._popen.terminate()


def _how(code: int | None) -> str:
    if code is None:
        return "is running"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
