"""A volume that was replaced, is empty or older than before is noticed, and only a person can accept it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peavine.executors.indexers import NumpyIndexer
from peavine.pea.stores import report
from peavine_operator import reasons, volumes
from peavine_operator.volumes import Outcome


def run(volume: Path, commits: int = 1) -> list[dict[str, Any]]:
    """Let a Pea run on the volume and write to it; return what it reports at its end."""
    with NumpyIndexer("euclidean").open(volume) as indexer:
        for n in range(commits):
            indexer.add([str(n)], np.array([[1, 2]], np.float32), [str(n)])
        return report(indexer, volume)


class Operator:
    """Remembers, as the status does."""

    def __init__(self) -> None:
        self.stores: list[dict[str, Any]] = []

    def look(self, *shards: Sequence[Mapping[str, Any]] | str, accepted: str = "") -> Outcome:
        found = volumes.look("shop-index", self.stores, dict(enumerate(shards)), accepted)
        self.stores = found.stores
        return found


def token(outcome: Outcome) -> str:
    """Return the value for the annotation that the message names."""
    (finding,) = outcome.failing
    return finding.message.partition("peavine.dev/accept-volume=")[2].partition(" ")[0]


def restore(snapshot: Path, volume: Path) -> None:
    shutil.rmtree(volume)
    shutil.copytree(snapshot, volume)


def snapshot(volume: Path, to: Path) -> Path:
    with NumpyIndexer("euclidean").open(volume) as indexer:
        indexer.snapshot(to)
    return to


def test_a_shard_that_starts_again_on_its_own_volume_is_well(tmp_path: Path) -> None:
    operator = Operator()
    for _ in range(3):
        assert operator.look(run(tmp_path / "0"), run(tmp_path / "1")).failing == []
        run(tmp_path / "0", 0)  # it started and ended between two looks
    assert [(store["shard"], store["epoch"]) for store in operator.stores] == [(0, 5), (1, 3)]


def test_an_answer_from_before_the_one_that_is_remembered_changes_nothing(tmp_path: Path) -> None:
    operator = Operator()
    with NumpyIndexer("euclidean").open(tmp_path) as indexer:
        answers = []
        for n in range(3):
            indexer.add([str(n)], np.array([[1, 2]], np.float32), [str(n)])
            answers.append(report(indexer, tmp_path))
    operator.look(answers[1])  # another operator asked, and wrote what it heard into the status
    remembered = operator.stores
    found = operator.look(answers[0])
    assert (found.stores, found.failing) == (remembered, [])
    assert operator.look(answers[2]).stores[0]["counter"] > remembered[0]["counter"]


def test_an_empty_volume_is_told_until_a_person_accepts_it(tmp_path: Path) -> None:
    operator = Operator()
    operator.look(run(tmp_path / "0"), run(tmp_path / "1", 12))
    commits = operator.stores[1]["counter"]
    shutil.rmtree(tmp_path / "1")
    for _ in range(3):  # also after many commits and starts
        found = operator.look(run(tmp_path / "0"), run(tmp_path / "1", 20))
        (finding,) = found.failing
        assert finding.reason == reasons.VOLUME_REPLACED
        assert finding.message.startswith("shop-index-1: its volume is another one: it holds a store of ")
        assert f"the one before had {commits}. Put the right volume back, or accept" in finding.message
    assert operator.look(run(tmp_path / "0"), run(tmp_path / "1"), accepted="another").failing != []
    assert operator.look(run(tmp_path / "0"), run(tmp_path / "1"), accepted=f"x, {token(found)}").failing == []
    assert operator.look(run(tmp_path / "0"), run(tmp_path / "1")).failing == []


def test_the_right_volume_put_back_is_well_again(tmp_path: Path) -> None:
    operator = Operator()
    operator.look(run(tmp_path / "0", 3))
    assert operator.look(run(tmp_path / "other")).failing != []
    assert operator.look(run(tmp_path / "0")).failing == []


@pytest.mark.parametrize("commits", [0, 1, 50], ids=["at once", "after a commit", "after more commits than were lost"])
def test_a_restored_snapshot_is_told_however_much_was_written_since(tmp_path: Path, commits: int) -> None:
    operator, volume = Operator(), tmp_path / "0"
    run(volume, 3)
    older = snapshot(volume, tmp_path / "snapshot")
    operator.look(run(volume, 5))
    newest = operator.stores[0]["counter"]
    restore(older, volume)
    for _ in range(2):
        (finding,) = operator.look(run(volume, commits)).failing
        assert finding.reason == reasons.VOLUME_OLDER
        assert f"the newest one known is {newest}." in finding.message
    accepted = token(operator.look(run(volume)))
    assert operator.look(run(volume), accepted=accepted).failing == []


def test_a_snapshot_taken_after_the_last_look_is_the_same_volume(tmp_path: Path) -> None:
    operator, volume = Operator(), tmp_path / "0"
    operator.look(run(volume, 3))
    newer = snapshot(volume, tmp_path / "snapshot")
    restore(newer, volume)
    assert operator.look(run(volume)).failing == []


def test_what_was_accepted_once_is_not_accepted_again(tmp_path: Path) -> None:
    operator, volume = Operator(), tmp_path / "0"
    operator.look(run(tmp_path / "lost"))
    accepted = token(operator.look(run(volume)))
    assert operator.look(run(volume), accepted=accepted).failing == []
    older = snapshot(volume, tmp_path / "snapshot")
    operator.look(run(volume, 5), accepted=accepted)
    restore(older, volume)
    (finding,) = operator.look(run(volume), accepted=accepted).failing
    assert finding.reason == reasons.VOLUME_OLDER


def test_a_store_with_more_writers_than_it_remembers_is_still_the_same(tmp_path: Path) -> None:
    operator, volume = Operator(), tmp_path / "0"
    operator.look(run(volume, 1))
    for _ in range(volumes.REMEMBERED_WRITERS + 5):
        reported = run(volume, 0)
    assert len(reported[0]["writers"]) == volumes.REMEMBERED_WRITERS
    assert operator.look(reported).failing == []


def test_a_shard_that_cannot_be_asked_is_told_and_what_was_known_is_kept(tmp_path: Path) -> None:
    operator = Operator()
    operator.look(run(tmp_path / "0"), run(tmp_path / "1"))
    before = operator.stores
    found = operator.look(run(tmp_path / "0", 0), "10.0.0.7:9090: timed out")
    assert found.failing == []
    assert found.unchecked is not None
    assert found.unchecked.reason == reasons.VOLUME_UNCHECKED
    assert "shop-index-1: cannot be asked" in found.unchecked.message
    assert "10.0.0.7:9090: timed out; let the operator reach the metrics port" in found.unchecked.message
    assert [store["id"] for store in operator.stores] == [store["id"] for store in before]


def test_a_pea_of_an_earlier_version_reports_nothing_and_nothing_is_forgotten(tmp_path: Path) -> None:
    operator = Operator()
    operator.look(run(tmp_path / "0"))
    before = operator.stores
    assert operator.look([]).failing == []
    assert operator.stores == before
