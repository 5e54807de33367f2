"""The folders keep to what makes `operator/` harmless and imports cheap."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_operator_is_a_plain_folder() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists(), "it would hide the standard library's `operator`"


def test_no_folder_of_tests_is_a_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py")), "tests/operator would become `operator`"


def test_python_starts_in_the_root_of_the_repository() -> None:
    subprocess.run([sys.executable, "-c", "import collections"], cwd=ROOT, check=True)


def _loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(' '.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_the_manifest_loads_neither_grpc_nor_numpy() -> None:
    assert not {"grpc", "numpy", "google.protobuf", "lmdb", "fastapi"} & _loaded_by(
        "import peavine.spec, peavine.graph"
    )


def test_the_package_loads_nothing_until_a_name_is_used() -> None:
    loaded = _loaded_by("import peavine")
    assert "peavine.documents" not in loaded
    assert "peavine.documents" in _loaded_by("from peavine import Document")


def test_help_loads_neither_grpc_nor_numpy() -> None:
    assert not {"grpc", "numpy", "pydantic"} & _loaded_by("from peavine.cli import run; run(['--help'])")
