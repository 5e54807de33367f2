"""Make a release: version and changelog in the tree, archives in dist/. docs/releasing.md describes all steps.

python tools/release.py dist             build sdist, wheel and chart, and try the wheel in a fresh environment
python tools/release.py prepare VERSION  write the version and the changelog
"""

from __future__ import annotations

import argparse
import datetime
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION_FILE = ROOT / "runtime/peavine/version.py"
CHANGELOG, CHANGES, DIST = ROOT / "CHANGELOG.md", ROOT / "changes", ROOT / "dist"
KINDS = ("added", "changed", "fixed", "removed", "security")
"""What a fragment's name ends in, and the sections of a release, in this order."""


def read_changes(folder: Path) -> dict[str, list[str]]:
    """Return the texts of the fragments by kind. Raises SystemExit for one that is empty, or badly named."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.md")):
        if path.name == "README.md":
            continue
        name, _, kind = path.stem.rpartition(".")
        text = path.read_text().strip()
        if not name or kind not in KINDS:
            raise SystemExit(f"changes/{path.name}: name it NAME.KIND.md, where KIND is one of {', '.join(KINDS)}")
        if not text.startswith("* "):
            raise SystemExit(f'changes/{path.name}: each change is a list item that begins with "* "')
        found.setdefault(kind, []).append(text)
    return found


def with_release(changelog: str, version: str, date: str, changes: Mapping[str, list[str]]) -> str:
    """Return the changelog with a dated section for the release.

    The changes are added to the section `## VERSION, unreleased` where there is one, else to a new first section.
    """
    heading, ahead = f"## {version}, {date}", f"## {version}, unreleased\n"
    if f"## {version}, " in changelog and ahead not in changelog:
        raise SystemExit(f"CHANGELOG.md: {version} is released already")
    if begun := re.search(r"(?m)^## (.+), unreleased$", changelog.replace(ahead, "")):
        raise SystemExit(f"CHANGELOG.md: {begun[1]} is not released yet; release that, or rename its section")
    lists = "".join(
        f"\n### {kind.capitalize()}\n\n" + "\n".join(changes[kind]) + "\n" for kind in KINDS if kind in changes
    )
    if ahead in changelog:
        start, rest = changelog.split(ahead)
        section, *older = re.split(r"(?m)^(?=## )", rest, maxsplit=1)
        return "".join([start, f"{heading}\n", section.rstrip() + "\n", lists, *("\n" + each for each in older)])
    if not lists:
        raise SystemExit(f"changes/: there is nothing to release as {version}")
    start, *older = re.split(r"(?m)^(?=## )", changelog, maxsplit=1)
    return "".join([start, f"{heading}\n", lists, *("\n" + each for each in older)])


def prepare(version: str) -> None:
    """Write the version and the changelog, and remove the fragments that are in it now."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise SystemExit(f'"{version}" is not a version such as 1.2.3')
    if git("status", "--porcelain"):
        raise SystemExit("the working tree has changes; commit them, or put them aside")
    if git("tag", "--list", f"v{version}"):
        raise SystemExit(f"the tag v{version} is there already")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    CHANGELOG.write_text(with_release(CHANGELOG.read_text(), version, today, read_changes(CHANGES)))
    for path in CHANGES.glob("*.*.md"):
        path.unlink()
    VERSION_FILE.write_text(re.sub(r'(?<=__version__ = ")[^"]+', version, VERSION_FILE.read_text()))
    run(sys.executable, ROOT / "tools/generate.py")


def dist() -> None:
    """Build sdist, wheel and chart, and try the wheel."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(Path(sys.executable).with_name("uv"), "build", "--quiet", "--out-dir", DIST, ROOT)
    run(sys.executable, ROOT / "tools/chart.py", DIST)
    version = runpy.run_path(str(VERSION_FILE))["__version__"]
    (wheel,) = DIST.glob(f"peavine-{version}-*.whl")
    try_wheel(wheel, version)
    print("\n".join(str(path.relative_to(ROOT)) for path in sorted(DIST.glob("peavine-*"))))


def try_wheel(wheel: Path, version: str) -> None:
    """Install a wheel alone and use it: what only the source tree has would be missing."""
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("peavine/py.typed", "peavine_operator/__main__.py"):
        if name not in names:
            raise SystemExit(f"{wheel.name}: {name} is missing")
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder, "bin", "python")
        run(sys.executable, "-m", "venv", folder)
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[operator]")
        flow = Path(folder, "flow.yaml")
        shutil.copy(ROOT / "examples/01-fashion/flow.yaml", flow)
        peavine = python.with_name("peavine")
        found = run(peavine, "--version", cwd=folder).strip()
        if found != f"peavine {version}":
            raise SystemExit(f"{wheel.name}: `peavine --version` prints {found!r}")
        run(peavine, "check", flow, cwd=folder)
        run(peavine, "render", "--file", flow, cwd=folder)
        run(python, "-c", "import peavine_operator.operation", cwd=folder)


def git(*argv: str) -> str:
    return run("git", *argv)


def run(*argv: str | Path, cwd: str | Path = ROOT) -> str:
    """Return what a command prints; exit with its errors when it fails."""
    done = subprocess.run(list(map(str, argv)), cwd=cwd, text=True, capture_output=True, timeout=900)
    if done.returncode:
        raise SystemExit(f"`{' '.join(map(str, argv))}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("dist").set_defaults(run=dist)
    preparing = verbs.add_parser("prepare")
    preparing.set_defaults(run=prepare)
    preparing.add_argument("version", metavar="VERSION")
    options = vars(parser.parse_args())
    options.pop("verb")
    options.pop("run")(**options)


if __name__ == "__main__":
    main()
