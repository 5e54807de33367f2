import inspect
import re
from pathlib import Path

import pytest

from peavine import yaml
from peavine.executors import builtins, load
from peavine.executors.loading.form import from_object
from peavine.executors.loading.metas import TYPES

ROOT = Path(__file__).parents[3]
EXECUTORS = (ROOT / "docs/executors.md").read_text()
YAML = (ROOT / "docs/yaml.md").read_text()


def test_every_built_in_class_is_in_the_documentation() -> None:
    classes = [name for name, cls in builtins().items() if not inspect.isabstract(cls) and name != "Executor"]
    assert [name for name in classes if f"`{name}`" not in EXECUTORS] == []


def test_every_argument_of_a_built_in_class_is_in_the_documentation() -> None:
    for name, cls in builtins().items():
        for argument in inspect.signature(cls.__init__).parameters if "__init__" in vars(cls) else ():
            if argument not in ("self", "kwargs") and not inspect.isabstract(cls):
                assert re.search(rf"`{argument}\b", EXECUTORS), f"{name}({argument})"


def test_every_built_in_name_is_in_the_documentation() -> None:
    names = [path.stem for path in (ROOT / "runtime/peavine/executors/resources").glob("*.yml")]
    assert len(names) > 10
    assert [name for name in names if f"`{name}`" not in EXECUTORS] == []


def test_all_metas_are_in_the_documentation() -> None:
    assert [name for name in TYPES if f"| `{name}` |" not in YAML] == []


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", EXECUTORS + YAML, re.DOTALL))
def test_the_yaml_in_the_documentation_loads(text: str) -> None:
    python = "\n".join(re.findall(r"```python\n(.*?)```", EXECUTORS, re.DOTALL))
    config = yaml.load(text)
    if isinstance(config, dict) and "pods" in config:
        config = config["pods"][0]
    if isinstance(config, dict):
        config, problems = from_object(config.get("executor", config), "executor")
        assert problems == []
    said = load(config, files={"letters.py": python}).config()
    assert said.tag == config.tag
    assert said.value.get("with") == config.value.get("with")


def test_the_python_in_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", YAML, re.DOTALL)
    exec(block)
    assert (tmp_path / "encoder.yml").read_text() == "!RandomProjection\nwith:\n  output_dim: 32\n"
