"""The API server's audit log: who asked for what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster.place import LOGS
from tests.cluster.install import RELEASE, SYSTEM

OPERATOR = f"system:serviceaccount:{SYSTEM}:{RELEASE}"
WRITES = ("create", "update", "patch", "delete", "deletecollection")


class Audit:
    """The requests since it was made."""

    def __init__(self, log: Path = LOGS / "audit.log") -> None:
        self._log, self._start = log, log.stat().st_size

    @classmethod
    def whole(cls, log: Path = LOGS / "audit.log") -> Audit:
        """Return the log from the cluster's beginning."""
        audit = cls(log)
        audit._start = 0
        return audit

    def requests(self, user: str = OPERATOR) -> Iterator[dict[str, Any]]:
        """Yield what a user asked for, in order."""
        with open(self._log, "rb") as log:
            log.seek(self._start)
            for line in log:
                if user.encode() in line and line.endswith(b"\n"):
                    event = json.loads(line)
                    if event["user"]["username"] == user:
                        yield event

    def writes(self, user: str = OPERATOR) -> list[str]:
        """Return the writes of a user but for its Lease: that it lives is written there all the time."""
        found = []
        for event in self.requests(user):
            thing = event.get("objectRef", {})
            if event["verb"] in WRITES and thing.get("resource") != "leases":
                what = "/".join(filter(None, (thing.get("resource"), thing.get("subresource"))))
                found.append(f"{event['verb']} {what} {thing.get('namespace', '')}/{thing.get('name', '')}")
        return found
