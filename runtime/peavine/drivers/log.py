"""Log: what passes is written to the log, without its arrays."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from peavine.documents.plain import to_dict
from peavine.drivers.driver import Driver, Work

__all__ = ["LogInfoDriver"]

log = logging.getLogger(__name__)

LONGEST = 10_000
"""How many characters of a request are logged."""


class LogInfoDriver(Driver):
    """Write each request to the log, and hand it on as it is."""

    def run(self, works: Sequence[Work], executor: Any, kind: str) -> None:
        """Log each request."""
        for work in works:
            docs = [to_dict(doc, "none") for doc in work.batch.docs]
            log.info("%s %s", kind, json.dumps(docs, ensure_ascii=False)[:LONGEST])
