"""Lint, render and package the chart.

    python tools/chart.py              lint the chart and render it, with helm from PATH or from the test cluster
    python tools/chart.py FOLDER       write the chart's archive there

Without helm the first prints that and exits with 0: it is part of `make check`, which must work on every machine.
`make test` compiles helm with the test cluster, and then tests/cluster/test_chart.py checks the chart with many values.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cluster.place import BIN

CHART = Path(__file__).resolve().parent.parent / "helm" / "peavine"
SECONDS = 120
"""The limit for each command."""


def helm() -> str | None:
    """Return where helm is, if it is anywhere."""
    return shutil.which("helm") or shutil.which("helm", path=str(BIN))


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
    subprocess.run([program, "lint", "--strict", "--quiet", str(CHART)], check=True, timeout=SECONDS)
    rendering = [program, "template", "peavine", str(CHART)]
    subprocess.run(rendering, check=True, timeout=SECONDS, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
