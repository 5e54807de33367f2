from __future__ import annotations

import logging
from typing import Any

import pytest

from peavine.documents import Document


def test_requests_are_logged_without_arrays_and_pass(ask: Any, caplog: pytest.LogCaptureFixture) -> None:
    docs = [Document(id="a", text="héllo", embedding=[1.0])]
    with caplog.at_level(logging.INFO):
        assert ask("_logforward", "index", docs).docs == docs
    assert [record.getMessage() for record in caplog.records if record.name.startswith("peavine.drivers")] == [
        'index [{"id": "a", "text": "héllo"}]'
    ]


def test_a_long_request_makes_a_short_line(ask: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        ask("_logforward", "index", [Document(text="x" * 100_000)])
    assert len(caplog.records[-1].getMessage()) < 10_100
