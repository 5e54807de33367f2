"""What was seen is remembered, durably, and forgotten with its Document."""

from __future__ import annotations

from pathlib import Path

import pytest

from peavine.errors import ManifestError
from peavine.executors.indexers import DocIDCache


def test_what_was_seen_survives_a_restart(tmp_path: Path) -> None:
    with DocIDCache(field="content_hash").open(tmp_path) as cache:
        assert cache.query(["h1", "h2"]) == [None, None]
        cache.add(["h1", "h2"], ["a", "b"])
    with DocIDCache(field="content_hash").open(tmp_path) as cache:
        assert cache.query(["h1", "h2", "h3"]) == ["a", "b", None]
        assert cache.size == 2


def test_a_document_that_changed_or_went_is_not_remembered_as_it_was(tmp_path: Path) -> None:
    with DocIDCache(field="content_hash").open(tmp_path) as cache:
        cache.add(["h1", "h2"], ["a", "b"])
        cache.add(["h3"], ["a"])
        cache.delete(["b", "unknown"])
        assert cache.query(["h1", "h2", "h3"]) == [None, None, "a"]


def test_a_field_that_cannot_be_remembered_is_refused() -> None:
    with pytest.raises(ManifestError, match='field: "text" cannot be remembered; one of id, content_hash'):
        DocIDCache(field="text")  # type: ignore[arg-type]
