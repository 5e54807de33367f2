"""Every error that peavine raises on purpose, and nothing about how an edge reports it.

    PeavineError
    ├── ManifestError        a Flow or Pod manifest, an Executor's YAML: carries every Problem found
    ├── InvalidRequest       the request itself is wrong; sending it again cannot help
    ├── NotFound             something named by the request does not exist
    ├── DeadlineExceeded     the request's time was over; says at which hop and what the others spent
    ├── Overloaded           a bound was reached; carries how long to wait before trying again
    ├── Unavailable          no Pea can take the request now; trying again may help
    ├── ExecutorError        an Executor's own code raised
    ├── StoreError
    │   ├── StoreDamaged     the file is not what was written
    │   ├── StoreTooNew      the file was written by a later version
    │   ├── StoreMisplaced   the store holds the data of another shard or Pod
    │   ├── StoreTaken       another writer has taken the store over, or its file was replaced
    │   └── StoreFull        the disk, or the bound set for the store, is full
    ├── VersionMismatch      two peers speak versions that do not fit
    └── StartError           a process could not start; carries its last words

A message says what, where and the remedy. Edges translate these to gRPC codes and HTTP problems by one table each.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = [
    "LATE_REMEDY",
    "DeadlineExceeded",
    "ExecutorError",
    "InvalidRequest",
    "ManifestError",
    "NotFound",
    "Overloaded",
    "PeavineError",
    "Problem",
    "StartError",
    "StoreDamaged",
    "StoreError",
    "StoreFull",
    "StoreMisplaced",
    "StoreTaken",
    "StoreTooNew",
    "Unavailable",
    "VersionMismatch",
    "did_you_mean",
    "message_of",
    "printable",
    "propagate_interrupt",
]


LONGEST_WORD = 256
"""Characters of a word for which a similar one is looked for: the time for it grows with their square."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?` for the nearest known word, or nothing."""
    if len(word) > LONGEST_WORD:
        return ""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{near[0]}"?' if near else ""


LONGEST_MESSAGE = 2000
"""Characters of a message that a user's code raised; more would not fit into the headers in which gRPC sends it."""


def printable(text: str) -> str:
    """Return text that UTF-8 can hold: lone surrogates, as in names of files that are not UTF-8, become `\\udce9`."""
    return text.encode("utf-8", "backslashreplace").decode()


def message_of(error: BaseException) -> str:
    """Return the class and the message of what a user's code raised, whatever its `__str__` does."""
    name = type(error).__name__
    try:
        message = printable(str(error))
    except BaseException:  # the code of the exception's class is the user's, too
        return f"{name} (its __str__ failed)"
    if len(message) > LONGEST_MESSAGE:
        message = f"{message[:LONGEST_MESSAGE]}... ({len(message):,} characters)"
    return f"{name}: {message}" if message else name


def propagate_interrupt(error: BaseException) -> None:
    """Raise a Ctrl-C again. Python raises it in the main thread only; in others, user code raised it itself."""
    if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
        raise error


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong: where (`spec.pods[2].needs[0]`) and what, with its remedy."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class PeavineError(Exception):
    """The root: `except PeavineError` catches what peavine raises on purpose.

    `pod` and `pea` say where it happened, when that was elsewhere.
    """

    pod = ""
    pea = ""


class ManifestError(PeavineError):
    """A manifest or an Executor's YAML is wrong; `problems` holds all that was found, not the first."""

    def __init__(self, problems: Sequence[Problem] | str, source: str = "") -> None:
        self.problems = (Problem("", problems),) if isinstance(problems, str) else tuple(problems)
        self.source = source
        super().__init__("\n".join(f"{source}: {problem}" if source else str(problem) for problem in self.problems))


class InvalidRequest(PeavineError):
    """The request is wrong, so sending it again cannot help."""


class NotFound(PeavineError):
    """What the request names does not exist."""


LATE_REMEDY = (
    "send fewer Documents in a request, give that Pod more replicas, or allow more time: the request's own timeout, "
    "and the Flow's timeoutSeconds, indexTimeoutSeconds or trainTimeoutSeconds"
)
"""What helps against requests that are late, wherever that is noticed."""


class DeadlineExceeded(PeavineError):
    """The request was not answered in time."""


class Overloaded(PeavineError):
    """A bound was reached; try again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float = 0.1) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Unavailable(PeavineError):
    """Nothing can take the request now; trying again may help."""


class ExecutorError(PeavineError):
    """An Executor's own code raised; `executor`, `driver` and `method` say where, the cause says what."""

    def __init__(self, message: str, executor: str = "", driver: str = "", method: str = "") -> None:
        self.executor, self.driver, self.method = executor, driver, method
        super().__init__(message)


class StoreError(PeavineError):
    """A store cannot do what was asked."""


class StoreDamaged(StoreError):
    """The file is not what was written."""


class StoreTooNew(StoreError):
    """The file was written by a later version of peavine."""


class StoreMisplaced(StoreError):
    """The store holds the data of another shard or Pod, so nothing was read from it."""


class StoreTaken(StoreError):
    """Another writer has taken the store over, or its file was replaced. Nothing of the transaction was kept."""


class StoreFull(StoreError):
    """The disk, or the bound set for the store, is full. Nothing of the transaction was kept."""


class VersionMismatch(PeavineError):
    """Two peers speak versions that do not fit; the message names both."""


class StartError(PeavineError):
    """A process could not start; the message carries its last words."""
