"""Files beside an Executor: its code finds them wherever the Flow was started from, and stacks name the user's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from peavine import Document, Flow
from peavine.errors import ExecutorError

MODULE = """
from pathlib import Path

class Reader:
    def post_init(self):
        self.words = Path(__file__).with_name("vocab.txt").read_text().split()

    def craft(self, text):
        return {"tags": {"place": self.words.index(text)}}
"""


@pytest.mark.parametrize("listed", [True, False], ids=["named under metas.files", "only beside the module"])
def test_a_data_file_is_found_from_any_working_directory(
    tmp_path: Path, listed: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "executors"
    folder.mkdir()
    (folder / "reader.py").write_text(MODULE)
    (folder / "vocab.txt").write_text("red green")
    files = ", files: [vocab.txt]" if listed else ""
    (folder / "reader.yml").write_text(f"!Reader {{metas: {{py_modules: [reader.py]{files}}}}}")
    (tmp_path / "flow.yaml").write_text(
        "kind: Flow\nmetadata: {name: f}\nspec: {pods: [{name: read, uses: executors/reader.yml}]}\n"
    )
    with Flow.load(tmp_path / "flow.yaml") as flow:
        assert flow.search([Document(text="green")], progress=False)[0].tags == {"place": 1}
        with pytest.raises(ExecutorError, match="'blue' is not in list"):
            flow.search([Document(text="blue")], progress=False)
    log = capfd.readouterr().err
    assert f'File "{folder / "reader.py"}", line 9, in craft' in log
    carried = Flow.load(tmp_path / "flow.yaml").manifest().spec.pods[0].files
    assert set(carried) == ({"reader.py", "vocab.txt"} if listed else {"reader.py"})
