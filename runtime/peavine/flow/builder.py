"""`Flow`: a manifest written in Python, and run on this machine by a `with` statement."""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from peavine.errors import ManifestError, PeavineError, Problem, did_you_mean
from peavine.flow import checking, classes, drawing, files
from peavine.flow.order import in_order
from peavine.spec import API_VERSION, FlowPod, FlowSpec
from peavine.spec import Flow as Manifest
from peavine.spec.model import Model
from peavine.spec.rules import GATEWAY, edges

if TYPE_CHECKING:
    from peavine.client import Client, Options, ReadOptions, Summary
    from peavine.client.items import Inputs
    from peavine.documents import Document
    from peavine.local import LocalFlow


class Flow:
    """A graph of Pods, written step by step: the same manifest as a YAML file, and equal to one that says the same.

        flow = Flow("fashion")
        flow.add("encode", executor={"class": "RandomProjection", "with": {"output_dim": 64}}, replicas=2)
        flow.add("index", uses="_index", shards=2)
        with flow:
            flow.index(documents)
            answers = flow.search(queries, top_k=10)

    `settings` are the fields of a manifest's `spec` in snake_case (`timeout_seconds=30`). A `uses` that names a YAML
    file is read from `folder`, the working directory if none is given. `data` is the folder where the Peas of a Flow
    that runs here keep their data; without it the data ends with the Flow. While it runs here, its processes' warnings
    and errors go to standard error; with `log` all that they log does.
    """

    def __init__(
        self,
        name: str = "flow",
        *,
        folder: str | Path = ".",
        data: str | Path | None = None,
        log: bool = False,
        **settings: Any,
    ) -> None:
        self._folder, self._data, self._log = Path(folder), None if data is None else Path(data), log
        self._metadata: dict[str, Any] = {"name": name}
        self._settings = _fields(FlowSpec, settings, "spec")
        self._pods: list[dict[str, Any]] = []
        self._inspected: list[str] = []
        self._last = GATEWAY
        self._sources: tuple[Path, ...] = ()
        self._running: LocalFlow | None = None
        self._client: Client | None = None

    @classmethod
    def load(cls, source: str | Path, *, data: str | Path | None = None, log: bool = False) -> Flow:
        """Return the Flow of a YAML file, or of YAML text; files of the old kind (`!Flow`) are converted.

        Raises ManifestError with every problem.
        """
        if isinstance(source, str) and "\n" in source:
            return cls.of(files.read_text(source, Path())[0], data=data, log=log)
        reading = files.examine(source)
        flow = cls.of(reading.manifest(), data=data, log=log)
        flow._sources = reading.sources
        return flow

    @classmethod
    def of(cls, manifest: Manifest, *, data: str | Path | None = None, log: bool = False) -> Flow:
        """Return the Flow of a checked manifest."""
        plain = manifest.manifest()
        flow = cls(manifest.metadata.name, data=data, log=log)
        flow._metadata, flow._settings = plain["metadata"], plain["spec"]
        flow._pods = flow._settings.pop("pods")
        flow._last = manifest.spec.pods[-1].name
        return flow

    def add(
        self,
        name: str | None = None,
        *,
        uses: str | type | None = None,
        needs: str | Sequence[str] | None = None,
        **fields: Any,
    ) -> Flow:
        """Add a Pod after the last one, or after those it needs; return the Flow, so that calls can be chained.

        `uses` may also be an Executor's class, of a module, a script or a notebook: its source becomes one of `files`.
        `fields` are the Pod's fields in snake_case: `replicas`, `shards`, `storage={"size": "1Gi"}`, `executor`, ...
        """
        pod = self._pod(name, uses, fields)
        if needs is not None:
            pod["needs"] = [needs] if isinstance(needs, str) else list(needs)
        elif self._pods and self._last != self._pods[-1]["name"]:
            pod["needs"] = [self._last]
        self._pods.append(pod)
        self._last = pod["name"]
        return self

    def needs(self, names: Sequence[str], name: str = "joiner", *, uses: str | type = "_merge", **fields: Any) -> Flow:
        """Add a Pod that joins the answers of several others."""
        return self.add(name, uses=uses, needs=names, **fields)

    def needs_all(self, name: str = "joiner", *, uses: str | type = "_merge", **fields: Any) -> Flow:
        """Join every Pod that no other needs."""
        needed = {need for needs in edges(in_order(self._pods)) for need in needs}
        ends = [pod["name"] for pod in self._pods if pod["name"] not in needed]
        return self.needs(ends, name, uses=uses, **fields)

    def inspect(self, name: str | None = None, *, uses: str | type, **fields: Any) -> Flow:
        """Add a Pod on a branch of its own, after the last one; what it evaluates is in the answer in the end."""
        pod = {**self._pod(name, uses, fields), "needs": [self._last]}
        self._pods.append(pod)
        self._inspected.append(pod["name"])
        return self

    def manifest(self) -> Manifest:
        """Return the checked manifest. Raises ManifestError with every problem."""
        return self._reading().manifest()

    def _reading(self) -> files.Reading:
        pods = list(self._pods)
        if self._inspected:
            pods.append({"name": "gather", "uses": "_merge_eval", "needs": [self._last, *self._inspected]})
        body = copy.deepcopy({**self._settings, "pods": in_order(pods)})
        plain = {"apiVersion": API_VERSION, "kind": "Flow", "metadata": dict(self._metadata), "spec": body}
        sources = (*self._sources, *files.named(self._pods, self._folder))
        return files.examine_data(plain, self._folder, sources=sources)

    def dump(self) -> str:
        """Return the manifest as YAML text; `Flow.load` of it gives an equal Flow."""
        return files.write(self.manifest())

    def plot(self, path: str | Path | None = None) -> str:
        """Return the graph as Mermaid text, or as SVG where `path` ends in .svg; write it there if given."""
        draw = drawing.svg if path is not None and Path(path).suffix == ".svg" else drawing.mermaid
        text = draw(self.manifest())
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def start(self, timeout: float | None = None) -> Flow:
        """Run the Flow as processes on this machine, and return when it is ready; `close` stops it.

        A line on standard error shows where it listens, as `host` and `url` do: on the manifest's ports, or else on
        free ones. Raises ManifestError with everything that is wrong with the Flow and its Executors before a process
        starts, and StartError with the failing process's own words.
        """
        from peavine.client import Client
        from peavine.executors.loading.files import IMPORTING
        from peavine.local import START_SECONDS, Listen, LocalFlow

        if IMPORTING.get():
            raise PeavineError(
                "this file was imported for its Executor, and starts a Flow on import; put that under "
                '`if __name__ == "__main__":`'
            )
        if self._running is not None:
            raise PeavineError(f"Flow {self._metadata['name']} is already running")
        reading = self._reading()
        manifest = checking.checked(reading)
        ports = manifest.spec.gateway.service.ports.manifest()
        listen = Listen(grpc_port=ports.get("grpc", 0), http_port=ports.get("http", 0))
        running = LocalFlow(
            manifest,
            data=self._data,
            listen=listen,
            sources=reading.sources,
            sink=_to_stderr,
            log_level="info" if self._log else "warning",
        )
        running.start(START_SECONDS if timeout is None else timeout)
        self._running, self._client = running, Client(running.host)
        name = self._metadata["name"]
        print(f"Flow {name} is ready: gRPC {running.host}, HTTP {running.url}/docs", file=sys.stderr)
        return self

    def close(self) -> None:
        """Stop what `start` started. Requests in flight are still answered; whatever was acknowledged is on disk."""
        client, running = self._client, self._running
        self._client = self._running = None
        if client is not None:
            client.close()
        if running is not None:
            running.stop()

    def block(self) -> None:
        """Wait, while the Flow serves others, until Ctrl-C."""
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            self.close()

    def index(self, inputs: Inputs, **options: Unpack[Options]) -> Summary:
        """Add Documents, or replace those of the same ids; see `Client`, which this and the next eight use."""
        return self.client.index(inputs, **options)

    def search(self, inputs: Inputs, **options: Unpack[Options]) -> list[Document]:
        """Return the queries with their matches."""
        return self.client.search(inputs, **options)

    def update(self, inputs: Inputs, **options: Unpack[Options]) -> Summary:
        """Replace Documents that exist."""
        return self.client.update(inputs, **options)

    def delete(self, inputs: Inputs, **options: Unpack[Options]) -> Summary:
        """Remove Documents, by id or by Document."""
        return self.client.delete(inputs, **options)

    def train(self, inputs: Inputs, **options: Unpack[Options]) -> Summary:
        """Let Executors that learn learn from these Documents."""
        return self.client.train(inputs, **options)

    def get(self, ids: Iterable[str] | str, **options: Unpack[ReadOptions]) -> list[Document]:
        """Return the stored Documents with these ids."""
        return self.client.get(ids, **options)

    def count(self, **options: Unpack[ReadOptions]) -> int:
        """Return how many Documents are stored."""
        return self.client.count(**options)

    def scroll(self, *, cursor: str = "", page_size: int = 100, **options: Unpack[ReadOptions]) -> Iterator[Document]:
        """Give all stored Documents in the order of their ids."""
        return self.client.scroll(cursor=cursor, page_size=page_size, **options)

    def stats(self, **options: Unpack[ReadOptions]) -> dict[str, Any]:
        """Return the numbers of Documents, chunks, vectors and bytes, in all and for each Pod and shard."""
        return self.client.stats(**options)

    @property
    def client(self) -> Client:
        """The client of the Flow that runs here."""
        if self._client is None:
            raise PeavineError("the Flow is not running: use it in `with flow:`, or call flow.start()")
        return self._client

    @property
    def host(self) -> str:
        """Where it answers gRPC, as `HOST:PORT`, while it runs here."""
        return self._here.host

    @property
    def url(self) -> str:
        """Where it answers HTTP, as `http://HOST:PORT`, while it runs here."""
        return self._here.url

    @property
    def _here(self) -> LocalFlow:
        if self._running is None:
            raise PeavineError("the Flow is not running: use it in `with flow:`, or call flow.start()")
        return self._running

    def __enter__(self) -> Flow:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Flow) and self.manifest() == other.manifest()

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def __repr__(self) -> str:
        return f"<Flow {self._metadata['name']}: {', '.join(str(pod['name']) for pod in self._pods)}>"

    def _repr_html_(self) -> str:
        where = f" at {self.host} (gRPC) and {self.url} (HTTP)" if self._running is not None else ", not running"
        return f"{drawing.svg(self.manifest())}<div>Flow <b>{self._metadata['name']}</b>{where}</div>"

    def _pod(self, name: str | None, uses: str | type | None, fields: Mapping[str, Any]) -> dict[str, Any]:
        path = f"spec.pods[{len(self._pods)}]"
        pod = {"name": name or f"pod{len(self._pods)}", **_fields(FlowPod, fields, path)}
        if isinstance(uses, type):
            executor, brought, folders = classes.executor_of(uses, f"{path}.uses")
            self._sources = (*self._sources, *folders)
            own = pod.get("executor") or {}
            metas = {**executor.get("metas", {}), **own.get("metas", {})}
            pod["executor"] = {**executor, **own, **({"metas": metas} if metas else {})}
            return {**pod, "files": {**brought, **pod.get("files", {})}} if brought else pod
        return pod if uses is None else {**pod, "uses": uses}


def _fields(model: type[Model], given: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return arguments in snake_case as a manifest's fields, or raise ManifestError for those that do not exist."""
    fields: dict[str, Any] = {}
    problems = []
    for name, value in given.items():
        known = model.model_fields.get(name)
        if known is None:
            problems.append(Problem(f"{path}.{name}", f"is not a field{did_you_mean(name, model.model_fields)}"))
        else:
            fields[known.alias or name] = value
    if problems:
        raise ManifestError(problems)
    return fields


def _to_stderr(name: str, line: str) -> None:
    # One write, newline included, because several threads write at a time.
    sys.stderr.write(f"{name} | {line}\n")
