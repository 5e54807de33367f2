"""Whether a store is whole: the file's structure, and that rows and the lists of their owners agree.

It only reads. What a row's value means is the Indexer's to know.
"""

from __future__ import annotations

from pathlib import Path

from peavine.errors import StoreDamaged
from peavine.store.store import Store
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
            names = sorted(name[: -len(".owners")] for name in store.tables if name.endswith(".owners"))
            return [problem for name in names for problem in _disagreements(txn, name)]
    finally:
        store.close()


def _disagreements(txn: Reading, name: str) -> list[str]:
    problems = []
    listed: set[tuple[str, str]] = set()
    for key, packed in txn.items(f"{name}.owners"):
        owner = key.decode()
        for id in (each.decode() for each in unpack(packed)):
            if (owner, id) in listed:
                problems.append(f"table {name}: {owner!r} lists the row {id!r} twice")
            listed.add((owner, id))
    there: set[tuple[str, str]] = set()
    for key, value in txn.items(name):
        found = row(key, value)
        there.add((found.owner, found.id))
        if found.id == found.owner and txn.get(f"{name}.owners", key) is None:
            continue  # the short form: an owner with one row of its own id has no list
        if (found.owner, found.id) not in listed:
            problems.append(f"table {name}: row {found.id!r} belongs to {found.owner!r}, which does not list it")
    problems += [
        f"table {name}: {owner!r} lists the row {id!r}, which is not there" for owner, id in sorted(listed - there)
    ]
    return problems
