"""Clients in processes that were forked: they work, or say at once why they cannot."""

import subprocess
import sys

import pytest

from peavine.local.runner import LocalFlow

PROGRAM = """
import asyncio, multiprocessing, os, sys
from peavine.client import AsyncClient, Client

host, before, inside = sys.argv[1:]

def ask(client):
    return client.search("x", timeout=5)[0].text

def work(answers):
    try:
        if inside == "a new one":
            with Client(host) as client:
                answers.put(ask(client))
        elif inside == "a new asynchronous one":
            async def main():
                async with AsyncClient(host) as client:
                    return (await client.search("x", timeout=5))[0].text
            answers.put(asyncio.run(main()))
        elif inside == "the parent's asynchronous one":
            answers.put(asyncio.run(asynchronous.search("x"))[0].text)
        else:
            answers.put(ask(parents))
    except Exception as error:
        answers.put(f"{type(error).__name__}: {error}")
    parents.close()  # which is nothing here: it is open in the parent
    if inside == "the parent's asynchronous one":
        asyncio.run(asynchronous.close())

parents, asynchronous = Client(host), AsyncClient(host)
if before == "used":
    ask(parents)
elif before == "closed":
    ask(parents)
    parents.close()
context = multiprocessing.get_context("fork")
answers = context.Queue()
worker = context.Process(target=work, args=(answers,))
worker.start()
print(answers.get(timeout=30))
worker.join(30)
print(worker.exitcode)
parents.close()
"""

FORKED = "cannot use gRPC: it was forked from a process that had already used it"
INHERITED = "works only in the process that made it"


def run(*arguments: str) -> list[str]:
    program = [sys.executable, "-W", "ignore", "-c", *arguments]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=90)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


@pytest.mark.parametrize("inside", ["a new one", "a new asynchronous one"])
def test_a_forked_worker_may_make_the_first_client_that_is_used(passing: LocalFlow, inside: str) -> None:
    assert run(PROGRAM, passing.host, "made", inside) == ["x", "0"]


@pytest.mark.parametrize("before", ["used", "closed"])
@pytest.mark.parametrize("inside", ["a new one", "a new asynchronous one"])
def test_a_worker_forked_after_a_client_was_used_is_told_to_be_spawned(
    passing: LocalFlow, before: str, inside: str
) -> None:
    answer, code = run(PROGRAM, passing.host, before, inside)
    assert answer.startswith("PeavineError: ")
    assert FORKED in answer
    assert 'start workers with multiprocessing.get_context("spawn")' in answer
    assert code == "0"


@pytest.mark.parametrize("before", ["made", "used", "closed"])
@pytest.mark.parametrize("inside", ["the parent's", "the parent's asynchronous one"])
def test_a_client_that_was_made_before_the_fork_says_so(passing: LocalFlow, before: str, inside: str) -> None:
    answer, code = run(PROGRAM, passing.host, before, inside)
    assert answer.startswith("PeavineError: ")
    assert INHERITED in answer
    assert passing.host in answer
    assert code == "0"


LEAVE = """
import os, sys
from peavine.client import Client

client = Client(sys.argv[1])
client.search("x")
if child := os.fork():
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), client.search("y")[0].text)
    client.close()
"""


def test_a_forked_process_that_leaves_its_client_alone_ends_as_usual_and_disturbs_nobody(passing: LocalFlow) -> None:
    assert run(LEAVE, passing.host) == ["0 y"]
