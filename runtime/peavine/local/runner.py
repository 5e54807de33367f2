"""Start the processes of a Flow, wait until all can work, keep them running, and end them in order."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tempfile
import threading
import time
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from peavine import spec
from peavine.errors import StartError
from peavine.local.child import Child, Sink
from peavine.local.layout import layout, reachable

START_SECONDS = 120.0
"""How long all processes may take to start, unless said otherwise. A model may be large."""

FINISH_SECONDS = 15.0
"""How long the processes may take to finish what they do before they are killed."""


class LocalFlow:
    """A Flow that runs. Use it in a `with` statement, or call `start` and `stop`.

    `data` is the folder for the Peas' data; without it the data ends with the Flow. `sink` gets each line that a
    process prints, with the process's name. Raises ManifestError for what only a cluster can do, StartError with the
    failing process's own words when it cannot start in time.
    """

    def __init__(self, flow: spec.Flow, *, data: Path | None = None, host: str = "127.0.0.1", sink: Sink) -> None:
        self.flow, self._data, self._listen, self._sink = flow, data, host, sink
        self._children: list[Child] = []
        self._folder: Path | None = None
        self._line: tuple[int, int] | None = None
        self._lock = threading.Lock()

    @property
    def host(self) -> str:
        """Where the gateway answers gRPC: `HOST:PORT`."""
        return f"{reachable(self._listen)}:{self.flow.spec.gateway.grpc_port}"

    @property
    def url(self) -> str:
        """Where the gateway answers HTTP."""
        return f"http://{reachable(self._listen)}:{self.flow.spec.gateway.http_port}"

    @property
    def pids(self) -> dict[str, int]:
        """The processes by name."""
        return {child.process.name: child.pid for child in self._children}

    def start(self, timeout: float = START_SECONDS) -> None:
        """Start everything and return when all of it can work."""
        deadline = time.monotonic() + timeout
        for port, field in ((self.flow.spec.gateway.grpc_port, "grpc"), (self.flow.spec.gateway.http_port, "http")):
            _check_free(self._listen, port, field)
        self._folder = Path(tempfile.mkdtemp(prefix="peavine-"))
        self._line = os.pipe()
        try:
            planned = layout(self.flow, self._folder, self._data, self._listen)
            for path, text in planned.files.items():
                path.write_text(text)
            for process in planned.processes:
                self._children.append(Child(process, self._folder, self._line[0], self._sink))
            self._wait_until_ready(deadline, timeout)
        except BaseException:
            self.stop()
            raise
        for child in self._children:
            child.supervise()

    def stop(self) -> None:
        """End everything: the gateway first, so that what it took is still answered, then heads, then Peas."""
        with self._lock:
            deadline = time.monotonic() + FINISH_SECONDS
            for role in ("gateway", "head", "pea"):
                ending = [child for child in self._children if child.process.role == role]
                for child in ending:
                    child.terminate()
                for child in ending:
                    child.join(deadline)
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

    def _wait_until_ready(self, deadline: float, timeout: float) -> None:
        waiting = {child: _Health(child.process.address) for child in self._children}
        try:
            while waiting:
                for child, health in list(waiting.items()):
                    if child.ended() is not None:
                        child.join(time.monotonic() + 1.0)
                        raise StartError(child.last_words())
                    if health.serving():
                        health.close()
                        del waiting[child]
                if time.monotonic() > deadline:
                    names = ", ".join(child.process.name for child in waiting)
                    raise StartError(f"not ready within {timeout:g} s: {names}; look at what they print above")
                time.sleep(0.02)
        finally:
            for health in waiting.values():
                health.close()


class _Health:
    """Asks one address for its gRPC health."""

    def __init__(self, address: str) -> None:
        options = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]
        self._socket = Path(address.removeprefix("unix:")) if address.startswith("unix:") else None
        self._channel = grpc.insecure_channel(address, options)
        self._stub = health_pb2_grpc.HealthStub(self._channel)

    def serving(self) -> bool:
        """Return whether it says that it can work."""
        if self._socket is not None and not self._socket.exists():
            return False
        try:
            answer = self._stub.Check(health_pb2.HealthCheckRequest(), timeout=1.0)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def close(self) -> None:
        self._channel.close()


def _check_free(host: str, port: int, field: str) -> None:
    """Say at once, and clearly, that a port is taken; the gateway would find out only after seconds."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise StartError(f"cannot listen on {host}:{port}: {error.strerror}") from error
            raise StartError(
                f"port {port} on {host} is in use; end what uses it, or choose another with --{field}-port "
                f"or spec.gateway.{field}Port"
            ) from error
