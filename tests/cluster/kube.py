"""The cluster as its user sees it: kubectl, and waits for conditions with a deadline."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import yaml

T = TypeVar("T")
PATIENCE = 180.0
"""Seconds that anything may take on a busy machine. How long it took is printed, never asserted."""
Object = dict[str, Any]


class NotYet(AssertionError):
    """A condition was not met within its deadline."""


def until(what: str, check: Callable[[], T | None], seconds: float = PATIENCE, pause: float = 0.2) -> T:
    """Return the first result of `check()` that is true; an AssertionError from it counts as not yet."""
    deadline = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            last = check()
            if last:
                return last
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise NotYet(f"{what}: not within {seconds:g} s; at last: {last!r}")
        time.sleep(pause)


class Refused(AssertionError):
    """kubectl failed; the message is what a user sees."""


class Kube:
    """kubectl in one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def run(self, *argv: str, text: str | None = None, seconds: float = 60) -> str:
        """Return what kubectl prints, or raise Refused with what it complains of."""
        command = ["kubectl", "--namespace", self.namespace, f"--request-timeout={seconds:g}s", *argv]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=seconds + 10)
        if done.returncode:
            raise Refused(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def apply(self, *manifests: Mapping[str, Any] | str) -> str:
        """Apply manifests server-side, as a user does; conflicts are an error."""
        texts = [each if isinstance(each, str) else yaml.safe_dump(dict(each)) for each in manifests]
        return self.run("apply", "--server-side", "-f", "-", text="\n---\n".join(texts))

    def get(self, kind: str, name: str) -> Object | None:
        """Return an object, or None where there is none."""
        found = self.run("get", kind, name, "--ignore-not-found", "-o", "json")
        return json.loads(found) if found.strip() else None

    def must(self, kind: str, name: str) -> Object:
        """Return an object that is there."""
        found = self.get(kind, name)
        assert found is not None, f"no {kind} {name}"
        return found

    def all(self, kind: str, selector: str = "") -> list[Object]:
        """Return the objects of a kind, or of several with commas between."""
        return list(json.loads(self.run("get", kind, "-l", selector, "-o", "json"))["items"])

    def patch(self, kind: str, name: str, body: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Change an object by a merge patch, or by a JSON patch where `body` is a list."""
        how = "merge" if isinstance(body, Mapping) else "json"
        self.run("patch", kind, name, f"--type={how}", "-p", json.dumps(body))

    def delete(self, kind: str, *names: str, now: bool = False) -> None:
        """Delete objects without waiting for their end; `now` is a SIGKILL for core pods."""
        self.run("delete", kind, *names, "--wait=false", *(["--grace-period=0", "--force"] if now else []))


def condition(thing: Object | None, kind: str) -> Object:
    """Return a condition of an object's status, or an empty one."""
    listed = (thing or {}).get("status", {}).get("conditions") or []
    return next(
        (found for found in listed if found["type"] == kind), {"status": "Unknown", "reason": "", "message": ""}
    )


def is_ready(thing: Object | None) -> bool:
    """Whether an object says that it is Ready, and says so of what its manifest says now."""
    if thing is None or thing.get("status", {}).get("observedGeneration") != thing["metadata"]["generation"]:
        return False
    return bool(condition(thing, "Ready")["status"] == "True")


def name(thing: Object) -> str:
    return str(thing["metadata"]["name"])


def pod_is_ready(pod: Object) -> bool:
    """Whether a core pod is ready and stays."""
    return condition(pod, "Ready")["status"] == "True" and "deletionTimestamp" not in pod["metadata"]
