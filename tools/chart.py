"""Lint, render and package the chart.

    python tools/chart.py              lint and render the chart with its defaults and with each file of helm/values
    python tools/chart.py FOLDER       write the chart's archive there

helm is the one on PATH or that of the test cluster. Without it the first prints that and exits with 0: it is part of
`make check`, which must work on every machine. `make test` compiles helm with the test cluster, and then
tests/cluster/test_chart.py does the same and more.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cluster.place import BIN

CHART = Path(__file__).resolve().parent.parent / "helm" / "peavine"
VALUES: list[Path | None] = [None, *sorted((CHART.parent / "values").glob("*.yaml"))]
"""Files of values with which the chart is checked; None stands for the defaults."""
SECONDS = 120
"""The limit for each command."""


def helm() -> str | None:
    """Return where helm is, if it is anywhere."""
    return shutil.which("helm") or shutil.which("helm", path=str(BIN))


def check(program: str, values: Path | None) -> list[dict[str, Any]]:
    """Lint and render the chart with the values of a file, and return its objects. Raises ValueError if two are one."""
    given = [] if values is None else ["--values", str(values)]
    subprocess.run([program, "lint", "--strict", "--quiet", str(CHART), *given], check=True, timeout=SECONDS)
    rendering = [program, "template", "peavine", str(CHART), "--namespace", "system", *given]
    done = subprocess.run(rendering, check=True, timeout=SECONDS, stdout=subprocess.PIPE, text=True)
    objects = [each for each in yaml.safe_load_all(done.stdout) if each]
    called = Counter((each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects)
    if twice := [each for each, count in called.items() if count > 1]:
        raise ValueError(f"{values or 'the defaults'}: rendered twice: {twice}")
    return objects


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="FOLDER", nargs="?", type=Path)
    folder = parser.parse_args().folder
    program = helm()
    if program is None:
        message = "no helm on PATH, and tools/cluster has not compiled one (`tools/cluster/cluster build`)"
        if folder:
            sys.exit(f"tools/chart.py: {message}")
        print(f"chart not checked: {message}; `make test` checks it")
        return
    if folder:
        subprocess.run([program, "package", str(CHART), "--destination", str(folder)], check=True, timeout=SECONDS)
        return
    for values in VALUES:
        check(program, values)


if __name__ == "__main__":
    main()
