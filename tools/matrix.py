#!/usr/bin/env python3
"""Run the unit tests and some local ones with each supported Python, and with the lowest dependencies.

    tools/matrix.py [NAME ...]     all, or some of: 3.11 3.12 3.13 lowest

A number is that Python with the newest dependencies; `lowest` is the oldest Python with the lowest ones that
pyproject.toml allows. uv finds the interpreters (on PATH and in pyenv) or downloads them. The environments are in
.cache/matrix and made anew each time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".cache" / "matrix"
PYTHONS = ("3.11", "3.12", "3.13")
LOWEST = "lowest"
EXTRAS = "operator,text,faiss"
TESTS = (
    "tests/test_layout.py",
    "tests/unit",
    "tests/local/test_search_flow.py",
    "tests/local/test_cli.py",
    "tests/local/test_http_stream.py",
)
SECONDS = 1800
"""The limit for each command."""


def uv(*argv: str | Path) -> str:
    """Return what uv prints. Raises CalledProcessError."""
    command = [Path(sys.executable).with_name("uv"), *argv]
    return subprocess.run(command, check=True, cwd=ROOT, env=environment(), text=True, stdout=subprocess.PIPE).stdout


def environment() -> dict[str, str]:
    """Return the environment of the commands: pyenv's shims work only for versions that are chosen, so all are."""
    found = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV_PYTHON")}
    if shutil.which("pyenv"):
        versions = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, timeout=60).stdout
        found["PYENV_VERSION"] = ":".join(reversed(versions.split()))
    return found


def make(name: str) -> Path:
    """Make the environment of an entry of the matrix and return its interpreter."""
    folder = HOME / name
    python = folder / "bin" / "python"
    uv("venv", "--quiet", "--clear", "--python", PYTHONS[0] if name == LOWEST else name, folder)
    install = ("pip", "install", "--quiet", "--python", python)
    if name == LOWEST:
        uv(*install, "--resolution", "lowest-direct", "--editable", f".[{EXTRAS}]")
        # What runs the tests may be new, but must not replace what is tested.
        kept = HOME / "lowest.txt"
        kept.write_text(uv("pip", "freeze", "--quiet", "--exclude-editable", "--python", python))
        uv(*install, "--constraint", kept, "--editable", ".[test]")
    else:
        uv(*install, "--editable", f".[{EXTRAS},test]")
    return python


def run(name: str) -> str:
    """Return how an entry of the matrix went: empty where it passed."""
    try:
        python = make(name)
    except subprocess.CalledProcessError as error:
        return f"no environment: `{' '.join(map(str, error.cmd))}` failed"
    options = ("-q", "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider")
    done = subprocess.run([str(python), "-m", "pytest", *options, *TESTS], cwd=ROOT, timeout=SECONDS, env=environment())
    return f"pytest exited with {done.returncode}" if done.returncode else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    entries = (*PYTHONS, LOWEST)
    parser.add_argument("names", nargs="*", metavar="NAME", default=entries)
    names = parser.parse_args().names
    for name in set(names) - set(entries):
        parser.error(f"no entry {name}; there are {', '.join(entries)}")
    results = {}
    for name in names:
        print(f"== {name}", flush=True)
        began = time.monotonic()
        failure = run(name)
        results[name] = (failure, time.monotonic() - began)
    for name, (failure, seconds) in results.items():
        print(f"{name:8} {failure or 'passed'} ({seconds:.0f} s)")
    return any(failure for failure, _ in results.values())


if __name__ == "__main__":
    sys.exit(main())
