from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from peavine_operator.settings import PREFIX, Settings, from_environment

ROOT = Path(__file__).resolve().parents[3]


def test_settings_come_from_the_environment() -> None:
    settings = from_environment(
        {"PEAVINE_OPERATOR_IMAGE": "i", "PEAVINE_OPERATOR_WORKERS": "2", "PEAVINE_OPERATOR_WATCH_NAMESPACES": "a, b"}
    )
    assert (settings.image, settings.workers, settings.watch_namespaces) == ("i", 2, ("a", "b"))
    assert settings.identity


def test_every_setting_is_documented_with_its_default() -> None:
    page = (ROOT / "docs" / "install.md").read_text()
    for field in fields(Settings):
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{PREFIX}{field.name.upper()}` |"))
        default = "true" if field.default is True else str(field.default or "")
        assert default in row


@pytest.mark.parametrize(("text", "group"), [("", None), ("2000", 2000)])
def test_a_cluster_may_assign_the_group_of_volumes_itself(text: str, group: int | None) -> None:
    assert from_environment({"PEAVINE_OPERATOR_FS_GROUP": text}).fs_group == group


def test_network_policies_are_switched_off_by_name() -> None:
    assert from_environment({}).network_policies
    assert not from_environment({"PEAVINE_OPERATOR_NETWORK_POLICIES": "false"}).network_policies
    with pytest.raises(ValueError, match='NETWORK_POLICIES is "no"; known: true, false'):
        from_environment({"PEAVINE_OPERATOR_NETWORK_POLICIES": "no"})


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ValueError, match="WORKERS") as error:
        from_environment({"PEAVINE_OPERATOR_WORKERS": "many", "PEAVINE_OPERATOR_WORKER": "1"})
    assert "a number above 0" in str(error.value)
    assert "PEAVINE_OPERATOR_WORKER is not known" in str(error.value)
    with pytest.raises(ValueError, match='LOG_LEVEL is "loud"; known: DEBUG, INFO, WARNING, ERROR'):
        from_environment({"PEAVINE_OPERATOR_LOG_LEVEL": "loud"})


def test_the_operator_loads_neither_grpc_nor_numpy() -> None:
    code = (
        "import sys, peavine_operator.__main__; "
        "print([name for name in ('grpc', 'numpy', 'google.protobuf') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
