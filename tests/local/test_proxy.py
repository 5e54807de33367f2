"""A proxy in the environment is for the web: peavine's own connections do not go through it."""

import os
import subprocess
import sys

import pytest

NOWHERE = "http://127.0.0.1:9"

PROGRAM = """
from peavine import Flow

with Flow("texts").add("only") as flow:
    print(flow.search("x")[0].text)
"""


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "grpc_proxy"])
def test_a_flow_on_this_machine_starts_and_answers_whatever_proxy_is_set(variable: str) -> None:
    env = {**os.environ, variable: NOWHERE}
    ended = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, timeout=120)
    assert ended.stdout == "x\n", ended.stderr
