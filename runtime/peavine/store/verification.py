"""Whether a store is whole: the file's structure, and that rows and the lists of their owners agree.

It only reads. What a row's value means is the Indexer's to know.
"""

from __future__ import annotations

from pathlib import Path

from peavine.errors import StoreDamaged
from peavine.store.store import META, Store
from peavine.store.table import row, unpack
from peavine.store.transaction import Reading


def verify(folder: Path) -> list[str]:
    """Return what is wrong with the store in `folder`, nothing if it is whole.

    A store that is being written to can be verified too: as of the last commit.
    """
    try:
        store = Store(folder, read_only=True)
    except StoreDamaged as error:
        return [str(error)]
    try:
        with store.committed() as txn:
            names = sorted(name for name in store.tables if name != META and not name.endswith(".owners"))
            return [problem for name in names for problem in _disagreements(txn, name)]
    finally:
        store.close()


def _disagreements(txn: Reading, name: str) -> list[str]:
    problems = []
    listed: dict[bytes, bytes] = {}
    for owner, packed in txn.items(f"{name}.owners"):
        for key in unpack(packed):
            if key in listed:
                problems.append(f"table {name}: row {key!r} is listed by {listed[key]!r} and by {owner!r}")
            listed[key] = owner
            if txn.get(name, key) is None:
                problems.append(f"table {name}: {owner!r} lists the row {key!r}, which is not there")
    for key, value in txn.items(name):
        owner = row(key, value).owner.encode()
        if owner == key and key not in listed and txn.get(f"{name}.owners", key) is None:
            continue  # the short form: an owner with one row of its own id has no list
        if listed.get(key) != owner:
            problems.append(f"table {name}: row {key!r} belongs to {owner!r}, but {listed.get(key)!r} lists it")
    return problems
