"""Log: what passes is written to the log, without its arrays."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from peavine.documents.plain import to_dict
from peavine.drivers.driver import Driver, Task

__all__ = ["LogInfoDriver"]

log = logging.getLogger(__name__)

LONGEST = 10_000
"""How many characters of a request are logged."""


class LogInfoDriver(Driver):
    """Write each request to the log, and hand it on as it is."""

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Log each request."""
        for task in tasks:
            docs = [to_dict(doc, "none") for doc in task.batch.docs]
            log.info("%s %s", kind, json.dumps(docs, ensure_ascii=False)[:LONGEST])
