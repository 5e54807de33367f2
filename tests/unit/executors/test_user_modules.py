import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np
import pytest

from peavine.errors import ExecutorError, InvalidRequest, ManifestError
from peavine.executors import Crafter, Encoder, load

ENCODER = """
import numpy as np
from peavine.executors import Encoder

class Ones(Encoder):
    def __init__(self, size: int = 3):
        self.size = size

    def encode(self, batch):
        return np.ones((len(batch), self.size))
"""

ONES = "!Ones {metas: {py_modules: ones.py}}"
A = "class A:\n    def craft(self, text): ..."
FROM_X = "!A {metas: {py_modules: x.py}}"


def load_a(text: str) -> Any:
    return load(FROM_X, files={"x.py": f"from peavine.executors import *\n{text}\n"})


def test_a_class_in_a_file_that_the_manifest_carries_is_used() -> None:
    encoder: Any = load("!Ones {with: {size: 2}, metas: {py_modules: [ones.py]}}", files={"ones.py": ENCODER})
    assert isinstance(encoder, Encoder)
    assert encoder.encode(["a"]).tolist() == [[1, 1]]


def test_a_class_in_a_file_of_the_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "ones.py").write_text(ENCODER)
    (tmp_path / "ones.yml").write_text(ONES)
    encoder: Any = load("ones.yml", folder=tmp_path)
    assert encoder.size == 3
    assert encoder.py_modules == ("ones.py",)


def test_a_plain_class_with_a_familys_method_is_of_that_family() -> None:
    text = "class Upper:\n    def craft(self, text):\n        return {'text': text.upper()}"
    crafter: Any = load("!Upper {metas: {py_modules: upper.py}}", files={"upper.py": text})
    assert isinstance(crafter, Crafter)
    assert crafter.craft(text="a") == {"text": "A"}
    assert crafter.name == "Upper"


@pytest.mark.parametrize("name", ["Derived", "Static"])
def test_a_plain_class_may_inherit_its_method_or_have_a_static_one(name: str) -> None:
    text = "from enum import Enum\nclass Base:\n    def encode(self, batch): ...\nclass Derived(Base): ...\n"
    text += "class Static:\n    @staticmethod\n    def encode(batch): ...\n"
    text += "class Level(str, Enum):\n    LOW = 'low'\n    def score(self): ...\n"
    assert isinstance(load(f"!{name} {{metas: {{py_modules: a.py}}}}", files={"a.py": text}), Encoder)


def test_a_class_need_not_call_the_constructor_of_its_family() -> None:
    encoder = load(ONES, files={"ones.py": ENCODER})
    with encoder.transaction():
        pass
    encoder.close()


def test_modules_import_each_other_by_relative_imports() -> None:
    files = {"words.py": "SIZE = 7", "ones.py": ENCODER.replace("= 3", "= SIZE") + "\nfrom .words import SIZE"}
    files["ones.py"] = "from .words import SIZE\n" + files["ones.py"]
    encoder: Any = load("!Ones {metas: {py_modules: [ones.py]}}", files=files)
    assert encoder.size == 7


def test_components_may_name_the_same_file() -> None:
    part = "!A {metas: {py_modules: x.py}}"
    compound = load(f"!CompoundExecutor {{components: [{part}, {part}]}}", files={"x.py": A})
    assert [component.name for component in compound.components] == ["A", "A-1"]


def test_two_executors_with_files_of_one_name_do_not_meet() -> None:
    one: Any = load(ONES, files={"ones.py": ENCODER})
    other: Any = load(ONES, files={"ones.py": ENCODER.replace("= 3", "= 4")})
    assert (one.size, other.size) == (3, 4)
    assert "ones" not in sys.modules


def test_files_of_the_manifest_are_removed_with_the_executor() -> None:
    before = set(Path(gettempdir()).glob("peavine-files-*"))
    encoder = load(ONES, files={"ones.py": ENCODER})
    (made,) = set(Path(gettempdir()).glob("peavine-files-*")) - before
    assert made.stat().st_mode & 0o077 == 0
    del encoder
    gc.collect()
    assert not made.exists()


@pytest.mark.parametrize(
    ("files", "uses", "said"),
    [
        ({}, ONES, 'uses.metas.py_modules[0]: no file "ones.py"'),
        ({"one.py": ENCODER}, ONES, 'did you mean "one.py"'),
        ({"ones.py": ENCODER}, ONES.replace("!Ones", "!One"), 'is named One here or in Ones; did you mean "Ones"?'),
        ({"ones.py": ENCODER}, "!Ones {}", "name its file under metas.py_modules"),
        ({"x.py": "class A:\n    def add(self): ..."}, FROM_X, "x.py defines A, which is not an Executor; give"),
        ({"x.py": "a = 1\nb = a / 0\n"}, FROM_X, "x.py failed to import at line 2: ZeroDivisionError: division by"),
        ({"x.py": "def f():\n    raise ValueError('no')\n\nf()"}, FROM_X, "import at line 2: ValueError: no"),
        ({"x.py": "a = 1\nclass B(:\n"}, FROM_X, "x.py failed to import at line 2: SyntaxError"),
        ({"x.py": "import sys; sys.exit(3)"}, FROM_X, "x.py failed to import at line 1: SystemExit: 3"),
        ({"x.py": "import not_there.at_all"}, FROM_X, "'not_there'; install it where the Executor runs"),
        ({"x.py": "import y", "y.py": ""}, FROM_X, "write `from . import y`"),
        ({"x.py": "from peavine import Encoder\nclass Sentencizer(Encoder): ..."}, FROM_X, "the name of a built-in"),
        ({"x.py": A, "y.py": A}, "!A {metas: {py_modules: [x.py, y.py]}}", "y.py defines A, as a module before it"),
        ({"x.txt": ""}, "!A {metas: {py_modules: x.txt}}", "is not a Python file"),
        ({"x.py": ""}, FROM_X.replace("x.py", "[5]"), "is not a Python file"),
        ({"../x.py": ""}, "!A {}", 'the file "../x.py" is not a plain name'),
    ],
    ids=lambda value: str(value)[-50:],
)  # fmt: skip
def test_what_is_wrong_with_a_module_is_told(files: dict[str, str], uses: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(uses, files=files)
    assert said in str(caught.value)
    assert not [name for name in sys.modules if name.startswith("peavine_user_") and name.endswith(".x")]


def test_a_class_is_not_missed_whose_file_cannot_be_imported() -> None:
    with pytest.raises(ManifestError) as caught:
        load(FROM_X, files={"x.py": "a = 1 / 0"})
    assert [problem.path for problem in caught.value.problems] == ["uses.metas.py_modules[0]"]


@pytest.mark.parametrize("name", ["../evil.py", "/evil.py", "link.py", "a/../../evil.py", "a..py", "os"])
def test_no_module_outside_the_folder_is_imported(tmp_path: Path, name: str) -> None:
    marker = tmp_path / "marker"
    (tmp_path / "evil.py").write_text(f"open({str(marker)!r}, 'w')")
    folder = tmp_path / "executor"
    folder.mkdir()
    (folder / "link.py").symlink_to(tmp_path / "evil.py")
    with pytest.raises(ManifestError, match=r"uses.metas.py_modules\[0\]"):
        load(f"!A {{metas: {{py_modules: [{name}]}}}}", folder=folder)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("class A(Encoder):\n    def encode(self): ...", "A.encode(self) is called as encode(batch); write"),
        ("class A(Encoder):\n    def encode(self, a, b): ...", "A.encode(self, a, b) is called as encode(batch)"),
        ("class A(Encoder):\n    def encod(self, batch): ...", 'A has no encode(), which its family requires'),
        ("class A(Encoder):\n    async def encode(self, batch): ...", "A.encode() is async"),
        ("class A(Encoder):\n    def __init__(self, n): ...\n    def encode(self, batch): ...", "with.n: A needs it"),
        ("class A(Crafter):\n    def craft(self, txt): ...", 'is not a field of a Document; did you mean "text"?'),
        ("class A(Crafter):\n    def craft(self): ...", "A.craft() takes nothing"),
        ("class A(Segmenter):\n    def segment(self, *fields): ...", "A.segment() takes *fields"),
        ("class A(Classifier):\n    def predict(self): ...", "A.predict(self) is called as predict(batch)"),
        ("class A(TextEvaluator):\n    def evaluate(self, actual): ...", "is called as evaluate(actual, desired)"),
    ],
)  # fmt: skip
def test_a_wrong_method_is_told_at_load(body: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load_a(body)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        "class A(Encoder):\n    def encode(self, batch, scale=2): ...",
        "class A(Encoder):\n    @staticmethod\n    def encode(batch): ...",
        "class A(Crafter):\n    def craft(self, content, tags, extra=None): ...",
        "class A(Crafter):\n    def craft(self, **fields): ...",
        "class A(MultiModalEncoder):\n    def encode(self, image, caption): ...",
        "class A(Encoder):\n    def __init__(self, a: 'Unknown' = 1, **rest): ...\n    def encode(self, batch): ...",
    ],
)
def test_a_right_method_is_accepted(body: str) -> None:
    assert load_a(body).name == "A"


def test_an_error_of_the_executors_own_code_names_class_and_method() -> None:
    text = "class A(Crafter):\n    def craft(self, text): ...\n    def {}(self):\n        raise KeyError('x')"
    for method in ("__init__", "post_init"):
        with pytest.raises(ExecutorError, match=rf"A.{method}\(\) raised KeyError: 'x'") as caught:
            load_a(text.format(method))
        assert (caught.value.executor, caught.value.method) == ("A", method)
        assert isinstance(caught.value.__cause__, KeyError)


def test_a_compound_of_which_a_part_cannot_start_lets_go_of_its_folder(tmp_path: Path) -> None:
    text = "class A:\n    def craft(self, text): ...\n    def post_init(self): raise KeyError('x')"
    uses = "!CompoundExecutor {{components: [!BinaryPbIndexer {{}}{}]}}"
    with pytest.raises(ExecutorError):
        load(uses.format(", !A {metas: {py_modules: a.py}}"), files={"a.py": text}, workspace=tmp_path)
    load(uses.format(""), workspace=tmp_path).close()


def test_an_executor_that_calls_exit_while_it_starts_is_named() -> None:
    text = (
        "import sys\nclass A(Crafter):\n    def craft(self, text): ...\n    def {}(self):\n        sys.exit('no key')"
    )
    for method in ("__init__", "post_init"):
        with pytest.raises(ExecutorError, match=rf"A.{method}\(\) raised SystemExit: no key"):
            load_a(text.format(method))


def test_a_value_error_of_a_constructor_is_about_its_arguments() -> None:
    text = (
        "class A:\n    def craft(self, text): ...\n    def __init__(self, x=1):\n        raise ValueError('x is odd')"
    )
    with pytest.raises(ManifestError, match=r"uses\.with: x is odd"):
        load_a(text)


def test_keys_that_are_numbers_stay_numbers() -> None:
    text = "class A:\n    def craft(self, text): ...\n    def __init__(self, names, more: dict = {}, **free):\n"
    text += "        self.given = names, more, free"
    uses = "!A {with: {names: {0: cat}, more: {1: dog}, other: {2: cow}}, metas: {py_modules: x.py}}"
    executor: Any = load(uses, files={"x.py": text})
    assert executor.given == ({0: "cat"}, {1: "dog"}, {"other": {2: "cow"}})


def test_an_annotated_list_arrives_as_annotated() -> None:
    text = "class A:\n    def craft(self, text): ...\n    def __init__(self, size: tuple[int, int]): self.size = size"
    executor: Any = load("!A {with: {size: [1, 2]}, metas: {py_modules: x.py}}", files={"x.py": text})
    assert executor.size == (1, 2)


def test_an_executor_can_refuse_a_request() -> None:
    text = (
        "from peavine import errors\nclass A:\n    def encode(self, batch):\n        raise errors.InvalidRequest('no')"
    )
    encoder: Any = load_a(text)
    with pytest.raises(InvalidRequest):
        encoder.encode(np.ones((1, 1)))


@pytest.mark.parametrize("where", ["module", "__init__", "post_init"])
@pytest.mark.parametrize(
    "raised",
    ["asyncio.CancelledError", "GeneratorExit", "KeyboardInterrupt", "SystemExit", "type('Own', (BaseException,), {})"],
)
def test_whatever_a_class_raises_while_it_is_loaded_is_an_error_that_names_it(raised: str, where: str) -> None:
    lines = {"module": f"raise {raised}", "__init__": "", "post_init": ""} | {where: f"raise {raised}"}
    text = "import asyncio\nclass A:\n    def craft(self, text): ...\n"
    text += "".join(f"    def {name}(self):\n        {lines[name] or 'pass'}\n" for name in ("__init__", "post_init"))
    if where == "module":
        text += lines["module"]
    # In the main thread a KeyboardInterrupt would be a Ctrl-C; a Pea loads its Executor on another.
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(load, FROM_X, files={"x.py": text}).exception()
    assert isinstance(error, ManifestError | ExecutorError)
    assert ("x.py failed to import at line" if where == "module" else f"A.{where}() raised") in str(error)


def test_a_ctrl_c_while_a_class_is_loaded_stays_one() -> None:
    with pytest.raises(KeyboardInterrupt):
        load_a("raise KeyboardInterrupt")


READER = """
from pathlib import Path

class Reader:
    def post_init(self):
        self.words = Path(__file__).with_name("vocab.txt").read_text().split()
        self.file = __file__
    def encode(self, batch): ...
"""
READS = "!Reader {metas: {py_modules: [reader.py], files: [vocab.txt]}}"


def test_data_files_that_the_manifest_carries_are_beside_the_module() -> None:
    reader: Any = load(READS, files={"reader.py": READER, "vocab.txt": "red green"})
    assert reader.words == ["red", "green"]


def test_a_data_file_that_is_missing_is_named() -> None:
    with pytest.raises(ManifestError, match=r'uses\.metas\.files\[0\]: no file "vocab\.txt"'):
        load(READS, files={"reader.py": READER})


def test_carried_files_are_used_where_they_came_from_while_they_are_unchanged(tmp_path: Path) -> None:
    (tmp_path / "reader.py").write_text(READER)
    (tmp_path / "vocab.txt").write_text("blue")
    uses = "!Reader {metas: {py_modules: [reader.py]}}"
    reader: Any = load(uses, files={"reader.py": READER}, sources=[tmp_path / "none", tmp_path])
    assert (reader.words, reader.file) == (["blue"], str(tmp_path / "reader.py"))
    copy: Any = load(READS, files={"reader.py": READER, "vocab.txt": "what was read first"}, sources=[tmp_path])
    assert copy.words == ["what", "was", "read", "first"]


def test_a_source_with_a_link_that_leads_out_is_not_used(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "reader.py").write_text(READER)
    (inside / "reader.py").symlink_to(tmp_path / "reader.py")
    files = {"reader.py": READER, "vocab.txt": "red"}
    (inside / "vocab.txt").write_text("red")
    reader: Any = load(READS, files=files, sources=[inside])
    assert Path(reader.file).parent not in (inside, tmp_path)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_that_an_executor_starts_can_import_its_modules(method: str) -> None:
    text = (
        "import multiprocessing\nfrom concurrent.futures import ProcessPoolExecutor\nfrom .words import double\n"
        "class Many:\n    def encode(self, batch):\n"
        f"        with ProcessPoolExecutor(1, multiprocessing.get_context('{method}')) as pool:\n"
        "            return list(pool.map(double, batch))\n"
    )
    files = {"many.py": text, "words.py": "def double(word):\n    return word + word\n"}
    many: Any = load("!Many {metas: {py_modules: [many.py]}}", files=files)
    before = list(sys.path)
    assert many.encode(["a", "b"]) == ["aa", "bb"]
    del many
    gc.collect()
    assert len(sys.path) == len(before) - 1
