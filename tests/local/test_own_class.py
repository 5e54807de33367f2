"""A script's own class runs in a Pod of a Flow that the script starts."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
from peavine import Crafter, Flow

SIGN = "!"

class Loud(Crafter):
    def __init__(self, times: int = 1):
        self.times = times

    def craft(self, text):
        return {"text": text.upper() + SIGN * self.times}

flow = Flow("x").add("loud", uses=Loud, executor={"with": {"times": 2}})
"""
GUARDED = """
if __name__ == "__main__":
    with flow:
        print(flow.search(["well"], progress=False)[0].text)
"""


def ran(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    (folder / "loud.py").write_text(script)
    command = [sys.executable, str(folder / "loud.py")]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_class_of_a_script_runs_in_a_pod(tmp_path: Path) -> None:
    done = ran(tmp_path, SCRIPT + GUARDED)
    assert (done.stdout, done.returncode) == ("WELL!!\n", 0), done.stderr


def test_a_script_that_starts_its_flow_unguarded_is_told_what_to_do(tmp_path: Path) -> None:
    done = ran(tmp_path, SCRIPT + "flow.start()\n")
    assert done.returncode == 1
    assert "put that under `if __name__" in done.stderr
