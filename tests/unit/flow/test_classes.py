"""A class of Python's can be what a Pod runs: its source travels with the manifest."""

import importlib.util
import itertools
import linecache
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from peavine import Flow
from peavine.errors import ManifestError
from peavine.flow.checking import checked
from peavine.flow.files import examine_data

numbers = itertools.count()

MODULE = """
import numpy as np
from peavine import Encoder

WORDS = 3

class Words(Encoder):
    def __init__(self, extra: int = 0):
        self.extra = extra

    def encode(self, batch):
        return np.ones((len(batch), WORDS + self.extra), np.float32)
"""


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "words.py").write_text(MODULE)
    name = f"words_{next(numbers)}"
    spec = importlib.util.spec_from_file_location(name, tmp_path / "words.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A `__main__` as a notebook has it: without a file, its cells known to linecache."""
    module = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    return vars(module)


def run_cell(session: dict[str, Any], text: str) -> None:
    name = f"<cell {next(numbers)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), session)


def right(flow: Flow) -> dict[str, Any]:
    """Return the first Pod of a Flow that could be started, also elsewhere."""
    plain = flow.manifest().manifest()
    checked(examine_data(plain, Path("/nonexistent")))
    return dict(plain["spec"]["pods"][0])


def test_a_class_of_a_module_brings_the_whole_file(imported: ModuleType) -> None:
    flow = Flow("x").add("encode", uses=imported.Words, executor={"with": {"extra": 2}, "metas": {"batch_size": 7}})
    pod = right(flow)
    assert pod["files"] == {"words.py": MODULE}
    assert pod["executor"] == {
        "class": "Words",
        "with": {"extra": 2},
        "metas": {"py_modules": ["words.py"], "batch_size": 7},
    }
    assert Flow.load(flow.dump()) == flow


def test_its_arguments_are_checked_as_those_of_any_other(imported: ModuleType) -> None:
    with pytest.raises(ManifestError, match=r"executor\.with\.extar: unknown argument of Words; did you mean"):
        right(Flow("x").add("encode", uses=imported.Words, executor={"with": {"extar": 2}}))


def test_a_class_of_a_notebook_brings_what_it_uses(session: dict[str, Any]) -> None:
    run_cell(session, "import numpy as np\nfrom peavine import Encoder\nfrom pathlib import Path\nWORDS = 3\n")
    run_cell(session, MODULE.partition("WORDS = 3")[2] + "\nprinted = 'not a part of the class'\n")
    (text,) = right(Flow("x").add("encode", uses=session["Words"]))["files"].values()
    assert "import numpy as np" in text
    assert "WORDS = 3" in text
    assert "Path" not in text
    assert "not a part" not in text


def test_what_a_notebook_cannot_bring_is_named(session: dict[str, Any]) -> None:
    run_cell(session, "def shout(text): return text.upper()\n")
    run_cell(session, "class Loud:\n    def craft(self, text): return {'text': shout(text)}\n")
    with pytest.raises(ManifestError, match=r"the class Loud uses shout, which only this session has; move it into"):
        Flow("x").add("loud", uses=session["Loud"])


def test_parameters_and_local_variables_may_have_names_that_the_session_has(session: dict[str, Any]) -> None:
    run_cell(session, "from peavine import Crafter\ntext = object()\nloud = object()\nEND = '!'\n")
    cell = "class Loud(Crafter):\n    def craft(self, text, end=END):\n        loud = text.upper()\n"
    run_cell(session, cell + "        return {'text': ''.join(loud + each for each in end)}\n")
    (text,) = right(Flow("x").add("loud", uses=session["Loud"]))["files"].values()
    assert text.partition("\n\n")[0] == "from peavine.executors.families import Crafter as Crafter\nEND = '!'"


def test_a_class_without_source_is_refused(session: dict[str, Any]) -> None:
    exec("class Gone:\n    def craft(self, text): ...\n", session)
    with pytest.raises(ManifestError, match="the class Gone has no source here; write it to a file"):
        Flow("x").add(uses=session["Gone"])


def test_a_class_within_a_function_is_refused() -> None:
    class Inner:
        def craft(self, text: str) -> None: ...

    with pytest.raises(ManifestError, match="the class Inner is defined within a function"):
        Flow("x").add(uses=Inner)


SCRIPT = """
from peavine import Crafter, Flow

class Loud(Crafter):
    def craft(self, text):
        return {"text": text.upper()}

with Flow("x").add(uses=Loud):
    pass
"""


def test_a_script_that_starts_its_flow_when_it_is_imported_is_told_where_to_put_that(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(SCRIPT)
    plain = {"metadata": {"name": "x"}, "spec": {"pods": [{"name": "a"}]}}
    plain["spec"]["pods"][0]["executor"] = {"class": "Loud", "metas": {"py_modules": "loud.py"}}  # type: ignore[index]
    with pytest.raises(ManifestError, match=r"loud\.py failed to import at line 8: .*put that under `if __name__"):
        checked(examine_data(plain, tmp_path))
