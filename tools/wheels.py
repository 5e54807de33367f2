#!/usr/bin/env python3
"""Tell whether everything that the images install has a wheel for an architecture, so that they can be built for it.

    tools/wheels.py [ARCHITECTURE ...]     aarch64 when none is named

It asks the package index with pip and downloads metadata alone, for the Python of the images. Run it by hand: it needs
the network. docs/install.md says what it found.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "3.11"
"""Of the images."""
LIBC = ("2_28", "2_27", "2_26", "2_24", "2_17")
"""Versions of glibc whose wheels run in the images, newest first."""
SETS = {"runtime": (), "operator": ("operator",), "extras": ("text", "faiss", "images")}
"""The optional dependencies of each image, and those that users' images add."""
SECONDS = 600


def requirements(extras: tuple[str, ...]) -> list[str]:
    """Return what a set installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *(each for name in extras for each in project["optional-dependencies"][name])]


def wheels(architecture: str, wanted: list[str]) -> list[str]:
    """Return the file names of the wheels that pip would install there. Raises CalledProcessError where one lacks."""
    platforms = [f"--platform=manylinux_{libc}_{architecture}" for libc in LIBC]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-",
            "--only-binary=:all:", "--python-version", PYTHON, *platforms, "--target", folder, *wanted,
        ]  # fmt: skip
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=SECONDS)
    return sorted(item["download_info"]["url"].rpartition("/")[2] for item in json.loads(done.stdout)["install"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architectures", metavar="ARCHITECTURE", nargs="*", default=["aarch64"])
    failed = False
    for architecture in parser.parse_args().architectures:
        for name, extras in SETS.items():
            try:
                found = wheels(architecture, requirements(extras))
            except subprocess.CalledProcessError:
                failed = True
                print(f"{architecture}: {name}: a wheel is missing; pip names it above")
            else:
                binary = [file for file in found if architecture in file]
                print(f"{architecture}: {name}: {len(found)} wheels, {len(binary)} of them for {architecture}")
                print("".join(f"    {file}\n" for file in binary), end="")
    sys.exit(failed)


if __name__ == "__main__":
    main()
