from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from peavine_operator import names, ownership

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def lease(seconds_ago: float) -> dict[str, Any]:
    renewed = (NOW - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"spec": {"holderIdentity": "", "leaseDurationSeconds": 15, "renewTime": renewed}}


@pytest.mark.parametrize(
    ("found", "lives"),
    [
        pytest.param(lease(10), True, id="renewed just now"),
        pytest.param(lease(290), True, id="given back by an operator that is being upgraded"),
        pytest.param(lease(301), False, id="not renewed for five minutes"),
        pytest.param({"spec": {}}, False, id="never renewed"),
        pytest.param(None, False, id="no such Lease"),
    ],
)
def test_an_operator_lives_by_its_lease(found: dict[str, Any] | None, lives: bool) -> None:
    assert ownership.lives(found, NOW) is lives


def test_a_resource_names_its_operator_in_an_annotation() -> None:
    assert ownership.operator({"metadata": {"annotations": {names.OPERATOR: "ns/peavine"}}}) == "ns/peavine"
    assert ownership.operator({"metadata": {"name": "f"}}) == ""
