"""Shards as processes that execute one unit after the other as they are told: the test decides what arrives when.

`python -m tests.local.shard_process SOCKET` forks a shard for each connection to that socket: a fork takes
milliseconds, a new interpreter a second. What every shard imports and reads is imported and read before the first fork.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import time
from multiprocessing.connection import Connection, Listener
from pathlib import Path

from peavine.clock import SHARD
from peavine.drivers import Runner, Where
from peavine.executors import load
from peavine.pea.executing import Arrived, Host, execute
from peavine.pea.faults import Faults
from peavine.spec import parse_pod
from peavine.wire.header import name_of
from peavine.wire.unit import parse

EXECUTOR = {"class": "_index", "with": {"metric": "euclidean"}}
POD = parse_pod({"metadata": {"name": "index"}, "spec": {"executor": EXECUTOR}})


def opened(folder: Path) -> Runner:
    """Return a Runner of an Executor whose store is in that folder."""
    return Runner(load(EXECUTOR, folder=folder, workspace=folder))


def serve(connection: Connection, folder: Path) -> None:
    """Answer each unit with the number of failed items, the rest of the answer and the time at which it arrived."""
    runner, host, faults = opened(folder), Host.of(POD, "index-0"), Faults()
    connection.send(os.getpid())
    while True:
        try:
            unit = parse(connection.recv_bytes())
        except EOFError:
            runner.executor.close()
            return
        arrived = SHARD.seconds
        units = [Arrived(unit, time.time(), 0.0)]
        ((failed, rest),) = execute(runner, name_of(unit.kind), units, host, faults, Where())
        connection.send((failed, rest, arrived))


def main(path: str) -> None:
    """Fork shards until the process is ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel then forgets children that end
    with tempfile.TemporaryDirectory() as scratch:
        opened(Path(scratch)).executor.close()
    gc.freeze()  # else each shard's collector would copy the pages of all that it shares with this process
    with Listener(path, family="AF_UNIX", backlog=8) as listener:
        while True:
            connection = listener.accept()
            if os.fork() == 0:
                try:
                    serve(connection, Path(connection.recv()))
                finally:
                    os._exit(0)
            connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
