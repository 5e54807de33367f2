"""Start the processes of a Flow, wait until all can work, keep them running, and end them in order."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from peavine import spec
from peavine.errors import StartError
from peavine.listening import bind
from peavine.local.child import Child, Sink
from peavine.local.health import Health, addresses
from peavine.local.layout import Listen, Process, gateway, layout

START_SECONDS = 120.0
"""How long all processes may take to start, by default. A model may be large."""

FINISH_SECONDS = 25.0
"""How long the processes may take to finish what they do before they are killed."""


class LocalFlow:
    """A Flow that runs. Use it in a `with` statement, or call `start` and `stop`.

    `listen` is the manifest's ports on the loopback interface by default. `data` is the folder for the
    Peas' data; without it the data ends with the Flow. `sources` are the folders that the manifest's files were read
    from: while they are unchanged there, that is where they are used. `sink` gets each line that a process prints, with
    the process's name; `log_level` is what they log, unless the environment says otherwise. Raises ManifestError for
    what only a cluster can do, StartError with the failing process's own words when it cannot start in time.
    """

    def __init__(
        self,
        flow: spec.Flow,
        *,
        data: Path | None = None,
        listen: Listen | None = None,
        sources: Sequence[Path] = (),
        sink: Sink,
        log_level: str = "info",
    ) -> None:
        ports = flow.spec.gateway.service.ports
        self.flow, self._data, self._sources, self._sink = flow, data, sources, sink
        self._listen = listen or Listen(grpc_port=ports.grpc, http_port=ports.http)
        self._log_level = log_level
        self._children: list[Child] = []
        self._folder: Path | None = None
        self._line: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self.host = ""
        """Where the gateway answers gRPC, `HOST:PORT`, once it runs."""
        self.url = ""
        """Where it answers HTTP."""

    @property
    def pids(self) -> dict[str, int]:
        """The processes by name."""
        return {child.process.name: child.pid for child in self._children}

    def start(self, timeout: float = START_SECONDS) -> None:
        """Start everything and return when all of it can work."""
        deadline = time.monotonic() + timeout
        for port, name in ((self._listen.grpc_port, "gRPC"), (self._listen.http_port, "HTTP")):
            field = name.lower()
            # Say at once that a port is taken; the gateway would find out only after seconds.
            bind(self._listen.host, port, name, f"--{field}-port or spec.gateway.service.ports.{field}").close()
        self._folder = Path(tempfile.mkdtemp(prefix="peavine-"))
        self._line = os.pipe()
        try:
            planned = layout(self.flow, self._folder, self._data, self._listen, self._sources)
            for path, text in planned.files.items():
                path.write_text(text, encoding="utf-8")
            for process in planned.processes:
                child = Child(process, self._folder, self._line[0], self._sink, self._log_level)
                self._children.append(child)
            self._wait_until_ready(planned.addresses, deadline, timeout)
            listening = addresses(planned.addresses)
            self.host, self.url = listening["grpc"], f"http://{listening['http']}"
        except BaseException:
            self.stop()
            raise
        for child in self._children:
            if child.process.role == "gateway":
                # One that is started again listens where this one does, also on ports that were found free.
                ports = (int(address.rpartition(":")[2]) for address in (self.host, self.url))
                child.process = gateway(self._folder, Listen(self._listen.host, *ports))
            child.supervise()

    def stop(self) -> None:
        """End everything: the gateway first, so that what it took is still answered, then heads, then Peas.

        An exception meanwhile, such as KeyboardInterrupt, ends all of it at once.
        """
        with self._lock:
            deadline = time.monotonic() + FINISH_SECONDS
            try:
                for role in ("gateway", "head", "pea"):
                    ending = [child for child in self._children if child.process.role == role]
                    for child in ending:
                        child.terminate()
                    for child in ending:
                        child.join(deadline)
            finally:
                for child in self._children:
                    child.kill()
                self._children.clear()
                if self._line is not None:
                    for end in self._line:
                        os.close(end)
                    self._line = None
                if self._folder is not None:
                    shutil.rmtree(self._folder, ignore_errors=True)
                    self._folder = None

    def __enter__(self) -> LocalFlow:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_until_ready(self, file: Path, deadline: float, timeout: float) -> None:
        def address(process: Process) -> Callable[[], str]:
            return lambda: process.address or addresses(file).get("grpc", "")

        waiting = {child: Health(address(child.process)) for child in self._children}
        try:
            while waiting:
                for child in self._children:
                    if child.ended() is not None:
                        child.join(time.monotonic() + 1.0)
                        raise StartError(child.last_words())
                for child in [child for child, health in waiting.items() if health.serving()]:
                    waiting.pop(child).close()
                if time.monotonic() > deadline:
                    names = ", ".join(child.process.name for child in waiting)
                    raise StartError(f"not ready within {timeout:g} s: {names}; their log says what they wait for")
                time.sleep(0.02)
        finally:
            for health in waiting.values():
                health.close()
