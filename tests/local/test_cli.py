"""The commands that use a Flow, against one that runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from peavine import Flow


def _peavine(*arguments: str, host: str, given: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PEAVINE_HOST": host, "COLUMNS": "120", **env}
    command = [sys.executable, "-m", "peavine", *arguments]
    return subprocess.run(command, input=given, capture_output=True, encoding="utf-8", timeout=180, env=env)


@pytest.fixture(scope="module")
def host() -> object:
    """Return the address of a Flow that finds texts."""
    flow = Flow("texts").add("encode", uses="HashingTextEncoder").add("index", uses="_index")
    with flow:
        yield flow.host


def test_what_is_indexed_is_found_changed_and_deleted(host: str, tmp_path: Path) -> None:
    docs = tmp_path / "docs.jsonl"
    docs.write_text('{"id": "a", "text": "red shoes"}\n{"id": "b", "text": "blue hat"}\n')
    told = _peavine("index", str(docs), "--json", host=host)
    assert json.loads(told.stdout)["documents"] == 2
    found = _peavine("search", "red shoes", "--top-k", "5", host=host)
    assert found.returncode == 0
    assert "red shoes" in found.stdout
    assert found.stdout.index(" a ") < found.stdout.index(" b ")
    assert "distance" in found.stdout
    one = json.loads(_peavine("search", "blue hat", "-k", "1", "--json", host=host).stdout)
    asked = _peavine("search", "blue hat", "-k", "1", "--json", "--fields", "uri, embedding", host=host)
    assert set(json.loads(asked.stdout)) == {"id", "embedding", "matches"}
    assert set(json.loads(asked.stdout)["matches"][0]) == {"id", "score"}
    assert [match["id"] for match in one["matches"]] == ["b"]
    changed = _peavine("update", "-", host=host, given='{"id": "b", "text": "green gloves"}\n')
    assert "update: 1 Document sent; those that were not indexed before were ignored" in changed.stdout
    assert "Next: peavine search" in changed.stdout
    deleted = _peavine("delete", "b", "nope", host=host)
    assert "delete: 2 ids sent; none of them is indexed any more" in deleted.stdout
    left = json.loads(_peavine("search", "green gloves", "--json", host=host).stdout)
    assert "b" not in [match["id"] for match in left["matches"]]


def test_what_documents_say_reaches_the_terminal_as_it_is_but_commands_nothing(host: str) -> None:
    text = "see [/docs] for [red]all[/red] \x1b]0;owned\x07"
    assert _peavine("index", "-", host=host, given=json.dumps({"id": "[b]", "text": text})).returncode == 0
    found = _peavine("search", "see [/docs]", "--top-k", "1", host=host)
    assert found.returncode == 0, found.stderr
    assert "see [/docs] for [red]all[/red] " in found.stdout
    assert "[b]" in found.stdout
    assert "\x1b" not in found.stdout
    assert _peavine("delete", "[b]", host=host).returncode == 0


def test_a_terminal_that_knows_few_letters_is_no_obstacle(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    assert (
        _peavine("index", "-", host=host, given=json.dumps({"id": "n", "text": "nasi goreng \u65e5"})).returncode == 0
    )
    found = _peavine("search", "nasi goreng", "--top-k", "1", host=host)
    assert found.returncode == 0, found.stderr
    assert "nasi goreng \\u65e5" in found.stdout
    assert _peavine("delete", "n", host=host).returncode == 0


def test_queries_come_from_a_file_too(host: str, tmp_path: Path) -> None:
    lines = tmp_path / "queries.txt"
    lines.write_text("one\ntwo\n")
    told = _peavine("search", "--file", str(lines), "--json", host=host)
    assert [json.loads(line)["text"] for line in told.stdout.splitlines()] == ["one", "two"]


def test_ping_tells_which_pods_are_there(host: str) -> None:
    told = json.loads(_peavine("ping", "--json", host=host).stdout)
    assert [(pod["name"], pod["ready"]) for pod in told["pods"]] == [("encode", 1), ("index", 1)]


@pytest.mark.parametrize("command", [["ping"], ["search", "x"], ["delete", "x"]])
def test_nobody_there_is_exit_code_3_and_names_the_host(command: list[str]) -> None:
    told = _peavine(*command, host="127.0.0.1:1")
    assert told.returncode == 3
    assert "127.0.0.1:1" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["search", "x", "--top-k", "0"], 2, "top_k"),
        (["search", "x", "-p", "nonsense=1"], 2, "nonsense"),
        (["index", "nowhere.jsonl"], 1, "nowhere.jsonl"),
        (["search"], 2, "name what to search for"),
        (["search", "x", "-p", "top_k"], 2, "NAME=VALUE"),
    ],
)
def test_a_mistake_is_told_without_a_stack(host: str, command: list[str], code: int, said: str) -> None:
    told = _peavine(*command, host=host)
    assert said in told.stderr
    assert (told.returncode, "Traceback" in told.stderr) == (code, False)


def _texts(host: str, query: str) -> dict[str, str]:
    found = _peavine("search", query, "--top-k", "9", "--json", host=host)
    return {match["id"]: match["text"] for match in json.loads(found.stdout)["matches"]}


def test_standard_input_is_utf_8_whatever_the_locale(host: str) -> None:
    given = "\ufeff" + json.dumps({"id": "menu", "text": "café 日"}, ensure_ascii=False)
    told = _peavine("index", "-", host=host, given=given, PYTHONIOENCODING="latin-1")
    assert told.returncode == 0, told.stderr
    assert _texts(host, "café")["menu"] == "café 日"
    assert _peavine("delete", "-", host=host, given="\ufeffmenu\n", PYTHONIOENCODING="latin-1").returncode == 0
    assert "menu" not in _texts(host, "café")


def test_an_id_keeps_the_spaces_that_it_begins_or_ends_with(host: str) -> None:
    lines = [json.dumps({"id": id, "text": "spaces"}) for id in ("x", "x ", " x")]
    assert _peavine("index", "-", host=host, given="\n".join(lines)).returncode == 0
    assert _peavine("delete", "-", host=host, given="x \r\n\n x\n").returncode == 0
    assert [id for id in _texts(host, "spaces") if "x" in id] == ["x"]
    assert _peavine("delete", "x", host=host).returncode == 0


def test_what_a_shell_puts_into_a_pipe_is_read(host: str) -> None:
    command = f'{sys.executable} -m peavine index <(echo \'{{"id": "piped", "text": "through a pipe"}}\')'
    told = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=180, env={**os.environ, "PEAVINE_HOST": host}
    )
    assert told.returncode == 0, told.stderr
    assert _texts(host, "pipe")["piped"] == "through a pipe"
    assert _peavine("delete", "piped", host=host).returncode == 0


def test_a_wrong_line_of_standard_input_is_named(host: str) -> None:
    told = _peavine("index", "-", host=host, given='{"id": "a", "text": "y"}\n{"id": "b", "txt": "x"}\n')
    assert told.returncode == 2
    assert "standard input:2: txt: unknown field" in told.stderr
    assert _peavine("delete", "a", host=host).returncode == 0


def test_a_file_is_what_its_name_says(host: str, tmp_path: Path) -> None:
    (tmp_path / "page [1].md").write_text("# Markdown\n\nis one text.")
    assert _peavine("index", str(tmp_path / "page [1].md"), host=host).returncode == 0
    assert _texts(host, "markdown")[str(tmp_path / "page [1].md")] == "# Markdown\n\nis one text."
    assert _peavine("delete", str(tmp_path / "page [1].md"), host=host).returncode == 0


def test_a_table_of_products_is_found_with_its_tags(host: str, tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("sku,title,price,stock\np7,felt boots,59.9,3\np8,straw hat,12,\n")
    told = _peavine("index", str(tmp_path), "--text", "title", "--id", "sku", host=host)
    assert "index: 2 Documents" in told.stdout
    (boots,) = json.loads(_peavine("search", "felt boots", "-k", "1", "--json", host=host).stdout)["matches"]
    assert (boots["id"], boots["tags"]) == ("p7", {"price": 59.9, "stock": 3})
    assert "price: 59.9, stock: 3" in _peavine("search", "felt boots", "-k", "1", host=host).stdout
    assert _peavine("delete", "p7", "p8", host=host).returncode == 0


def test_texts_that_are_indexed_twice_are_there_once(host: str, tmp_path: Path) -> None:
    (tmp_path / "titles.txt").write_text("wool scarf\nwool glove\n")
    for _ in range(2):
        assert _peavine("index", str(tmp_path / "titles.txt"), host=host).returncode == 0
    found = _texts(host, "wool")
    assert sorted(text for text in found.values() if "wool" in text) == ["wool glove", "wool scarf"]
    assert _peavine("delete", *found, host=host).returncode == 0


def test_what_is_stored_is_printed_counted_and_described(host: str) -> None:
    docs = [{"id": f"s{n}", "text": f"stored {n}", "tags": {"n": n}} for n in range(3)]
    assert _peavine("index", "-", host=host, given="\n".join(map(json.dumps, docs))).returncode == 0
    (got,) = _peavine("get", "s1", "--json", host=host).stdout.splitlines()
    assert (json.loads(got)["text"], json.loads(got)["tags"]) == ("stored 1", {"n": 1.0})
    missing = _peavine("get", "s1", "gone", host=host)
    assert (missing.returncode, "gone" in missing.stderr, "stored 1" in missing.stdout) == (1, True, True)
    count = json.loads(_peavine("count", "--json", host=host).stdout)["count"]
    assert _peavine("count", host=host).stdout.strip() == str(count)
    listed = _peavine("list", "--after", "s0", "--limit", "2", "--json", host=host)
    assert [json.loads(line)["id"] for line in listed.stdout.splitlines()] == ["s1", "s2"]
    assert "peavine list --after" in _peavine("list", "--limit", "1", host=host).stdout
    stats = json.loads(_peavine("stats", "--json", host=host).stdout)
    assert (stats["documents"], stats["vectors"]) == (count, count)
    assert "number (3)" in _peavine("stats", host=host).stdout
    assert _peavine("delete", "s0", "s1", "s2", host=host).returncode == 0


def test_an_export_comes_back_as_it_was_and_is_not_encoded_again(host: str, tmp_path: Path) -> None:
    docs = [{"id": f"e{n}", "text": f"exported {n}", "tags": {"n": n, "list": [1, "x"]}} for n in range(150)]
    assert _peavine("index", "-", host=host, given="\n".join(map(json.dumps, docs))).returncode == 0
    file = tmp_path / "all.jsonl"
    told = json.loads(_peavine("export", str(file), "--json", host=host).stdout)
    lines = file.read_text().splitlines()
    assert told["documents"] == told["embeddings"] == len(lines) >= 150
    assert [path.name for path in tmp_path.iterdir()] == ["all.jsonl"]
    changed = [json.loads(line) for line in lines]
    for doc in changed:
        doc["text"] = "not what its embedding was made of"
    assert _peavine("import", "-", host=host, given="\n".join(json.dumps(doc) for doc in changed)).returncode == 0
    again = _peavine("export", host=host).stdout.splitlines()
    assert [json.loads(line) for line in again] == changed
    assert _peavine("import", str(file), host=host).returncode == 0
    # As values, because tags have no order.
    exported = [json.loads(line) for line in _peavine("export", host=host).stdout.splitlines()]
    assert exported == [json.loads(line) for line in lines]
    assert _peavine("delete", "-", host=host, given="\n".join(str(doc["id"]) for doc in docs)).returncode == 0
