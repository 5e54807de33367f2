"""A full disk: a batch is refused as a whole, what was acknowledged stays, and it goes on when there is room again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

SCENARIO = """
import pathlib, sys
from peavine.errors import StoreFull
from peavine.store import Store, Table

folder = pathlib.Path(sys.argv[1])
ballast = pathlib.Path(sys.argv[2])
ballast.write_bytes(bytes(1 << 20))
store = Store(folder / "store")
table = Table(store, "rows")
kept = 0
for start in range(0, 100_000, 500):
    ids = [f"{n:06}" for n in range(start, start + 500)]
    try:
        table.add(ids, [id.encode() * 100 for id in ids], ids)
    except StoreFull as error:
        assert str(folder / "store") in str(error) and "the disk is full" in str(error), error
        break
    kept += 500
else:
    raise SystemExit("the disk was never full")
assert kept and len(table) == kept, (kept, len(table))
for _ in range(3):
    try:
        table.add(ids, [id.encode() * 100 for id in ids], ids)
    except StoreFull:
        pass
    else:
        raise SystemExit("the disk had room again")
rows = list(table)
assert len(rows) == kept and all(row.value == row.id.encode() * 100 for row in rows)
try:
    store.snapshot(folder / "snapshot")
except StoreFull:
    pass
else:
    raise SystemExit("there was room for a snapshot")
assert not (folder / "snapshot" / "data.mdb").exists()
"""

ROOM_AGAIN = """
ballast.unlink()
table.add(ids, [id.encode() * 100 for id in ids], ids)
assert len(table) == kept + 500
"""

REOPEN = """
store.close()
store = Store(folder / "store")
assert len(Table(store, "rows")) == len(rows)
"""


def test_on_a_small_disk(tmp_path: Path) -> None:
    """A tmpfs of its own where the machine lets us mount one; else the same by a limit on the size of files."""
    disk = tmp_path / "disk"
    disk.mkdir()
    program = SCENARIO + ROOM_AGAIN + REOPEN.replace("len(rows)", "kept + 500")
    mount = 'mount -t tmpfs -o size=6m peavine "$1" && exec "$2" -c "$3" "$1" "$1/ballast"'
    for private in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        if shutil.which("unshare") and run([*private, "true"]).returncode == 0:
            result = run([*private, "sh", "-c", mount, "sh", str(disk), sys.executable, program])
            if "mount:" not in result.stderr:
                assert result.returncode == 0, result.stderr
                return
    on_limited_files(tmp_path)


def test_with_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    on_limited_files(tmp_path)


def on_limited_files(folder: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, resource.RLIM_INFINITY))\n"
    again = "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)\n"
    snapshot = SCENARIO[SCENARIO.index("try:\n    store.snapshot") :]
    program = limit + SCENARIO.replace(snapshot, "") + again + ROOM_AGAIN + REOPEN.replace("len(rows)", "kept + 500")
    result = run([sys.executable, "-c", program, str(folder), str(folder / "ballast")])
    assert result.returncode == 0, result.stderr


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120)
