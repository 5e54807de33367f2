"""A Pod: Peas with one job behind one address."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, overload

from pydantic import ConfigDict, Field

from peavine.spec.environment import ENV_FROM_REMEDY, Env, EnvFroms, FilesFroms
from peavine.spec.executor import MAX_BYTES, Chosen, ExecutorSpec, HeadExecutor, Part, chosen
from peavine.spec.facts import Facts, Reader
from peavine.spec.model import (
    API_VERSION,
    ATOMIC,
    AmountOrShare,
    ApiVersion,
    MaxDocuments,
    MessageBytes,
    Metadata,
    Model,
    Quantity,
    Replicas,
    cel,
)
from peavine.spec.storage import Storage
from peavine.spec.timeouts import FIELDS, Seconds, Timeouts

KINDS = ("index", "search", "update", "delete", "train", "read")
"""The kinds of request."""


class PollingPolicy(StrEnum):
    """Which shards a request goes to."""

    OWNER = "Owner"
    """The shard that owns the root Document's id. A request of several Documents is split."""
    ALL = "All"
    """Every shard; the answers are merged."""
    ANY = "Any"
    """One shard, whichever is least busy."""


class OnError(StrEnum):
    """What becomes of a request when this Pod's Executor raises."""

    FAIL = "Fail"
    """The request ends with the error; later Pods do not see it."""
    SKIP = "Skip"
    """The request goes on as it was before this Pod; its route says what failed. Requests that change stored data fail
    all the same."""


class OnMissingShard(StrEnum):
    """What a search or a read does when a shard cannot answer."""

    WAIT = "Wait"
    """Wait for it within the deadline, then fail."""
    PARTIAL = "Partial"
    """Answer with the shards that are there; the answer's coverage says how many."""


class Polling(Model):
    """Which shards each kind of request goes to. The defaults are right for an index."""

    index: PollingPolicy = PollingPolicy.OWNER
    """Where Documents are indexed."""
    search: PollingPolicy = PollingPolicy.ALL
    """Where queries are answered."""
    update: PollingPolicy = PollingPolicy.OWNER
    """Where Documents are updated."""
    delete: PollingPolicy = PollingPolicy.OWNER
    """Where Documents are deleted."""
    train: PollingPolicy = PollingPolicy.ALL
    """Where training data goes."""
    read: PollingPolicy = PollingPolicy.OWNER
    """Where stored Documents are read. With Owner, Documents are fetched by id from the shard that owns them, and
    counts, pages and statistics come from all shards."""


class Resources(Model):
    """What a container asks of the machine, as in Kubernetes."""

    requests: dict[str, Quantity] = {}
    """Amounts set aside for the container: cpu, memory, nvidia.com/gpu, ..."""
    limits: dict[str, Quantity] = {}
    """Maximum amounts that the container may use."""


class Batching(Model):
    """Requests of one kind with the same parameters may share a call of the Executor."""

    max_size: Annotated[int, Field(ge=1, le=65536)] = 256
    """Maximum number of Documents in one call."""
    max_delay_milliseconds: Annotated[int, Field(ge=0, le=10000)] = 0
    """How long the first request waits for others. With 0 the call takes what has arrived."""


class Autoscaling(Model):
    """Replicas by load, with a HorizontalPodAutoscaler."""

    model_config = ConfigDict(
        json_schema_extra=cel(("self.minReplicas <= self.maxReplicas", "minReplicas is more than maxReplicas"))
    )

    min_replicas: Annotated[Replicas, Field(ge=1)] = 1
    """Minimum number of replicas."""
    max_replicas: Annotated[Replicas, Field(ge=1)]
    """Maximum number of replicas."""
    metrics: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=16, json_schema_extra=ATOMIC)] | None = None
    """What the number of replicas follows, as `metrics` of a HorizontalPodAutoscaler of autoscaling/v2. When left out,
    80 % of the requested processor time."""
    behavior: dict[str, Any] = {}
    """How fast the number of replicas changes, as `behavior` of a HorizontalPodAutoscaler of autoscaling/v2."""


class Rollout(Model):
    """How many replicas are replaced at a time when a new version of the Pod rolls out."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!(string(self.maxSurge) in ['0', '0%'] && string(self.maxUnavailable) in ['0', '0%'])",
                "maxSurge and maxUnavailable are both 0, so no replica could ever be replaced",
            )
        )
    )

    max_surge: AmountOrShare = "25%"
    """How many more replicas than asked for may run meanwhile: a number, or a percentage that is rounded up."""
    max_unavailable: AmountOrShare = "0"
    """How many of the replicas may be missing meanwhile: a number, or a percentage that is rounded down. With 1, and a
    `maxSurge` of 0, a new replica takes the place of an old one, for example its GPU."""


class Head(Model):
    """The head of a Pod: it sends requests to the shards and merges their answers."""

    before: HeadExecutor | None = None
    """An Executor that the head runs on a request before the shards get it."""
    after: HeadExecutor | None = None
    """An Executor that the head runs on the merged answer of the shards."""
    replicas: Annotated[Replicas, Field(ge=1)] | None = None
    """Number of heads in a cluster. One when left out."""
    resources: Resources = Resources()
    """What each head asks of the machine. By default it requests 50m CPU and 128Mi of memory; one that runs no Executor
    has a memory limit of 512Mi + 32 times maxMessageBytes."""
    pod_template: dict[str, Any] = {}
    """Merged over the Kubernetes pod template of heads, which has the fields of the Pod's own podTemplate except for
    containers. The container is called head."""


POD_RULES = (
    ("self.shards == oldSelf.shards", "the number of shards cannot change yet; make a Pod of another name"),
    (
        "has(self.storage) == has(oldSelf.storage)",
        "storage cannot be added or taken away; make a Pod of another name",
    ),
    (
        "self.shards == 1 || !has(self.replicas) || self.replicas <= 1",
        "a shard has one writer, so shards > 1 excludes replicas > 1; leave replicas out",
    ),
    (
        "!has(self.storage) || !has(self.replicas) || self.replicas <= 1",
        "a volume has one writer: use shards to split the data, or leave replicas out",
    ),
    (
        "!has(self.autoscaling) || (self.shards == 1 && !has(self.storage))",
        "a shard and a volume have one writer, so autoscaling excludes shards > 1 and storage",
    ),
    (
        "!has(self.rollout) || (self.shards == 1 && !has(self.storage))",
        "a shard and a volume have one writer, which is replaced in its place, one at a time; leave rollout out",
    ),
    (
        "!has(self.storage) || !has(self.onError) || self.onError != 'Skip'",
        "Skip would answer requests whose data was not stored, so storage excludes onError Skip",
    ),
    (
        "!has(self.image) || !has(self.uses) || !self.uses.startsWith('docker://')",
        "the image is named under uses already; name it once",
    ),
    (
        "!has(self.uses) || !has(self.executor) || !has(self.executor.class)",
        "uses and executor.class both name an Executor; leave one of the two out",
    ),
    (
        "!has(self.head) || self.shards > 1 || has(self.head.before) || has(self.head.after)",
        "this Pod has no head; it gets one from shards above 1, head.before or head.after",
    ),
)
"""What the API server checks of every Pod; `self.shards` has a default, so it is there."""


Uses = Annotated[str, Field(max_length=MAX_BYTES)]
Image = Annotated[str, Field(max_length=512)]


class PodSpec(Model):
    """What a Pod runs and how."""

    model_config = ConfigDict(json_schema_extra=cel(*POD_RULES))

    uses: Annotated[Uses | None, Facts(Reader.PEA)] = None
    """The Executor: a built-in name (`_index`), the name of a class, an image with its own executor.yml
    (`docker://IMAGE`), a YAML file next to the manifest (on one machine only: `peavine convert` takes it into the
    manifest), or YAML text that begins with `!`. `_pass` when this and `executor.class` are left out."""
    executor: Annotated[ExecutorSpec | None, Facts(Reader.PEA)] = None
    """The Executor as an object, instead of `uses`. Without `class` it sets arguments of the Executor that `uses`
    names."""
    head: Annotated[Head | None, Facts(Reader.HEAD)] = None
    """The head of a Pod that has shards, or an Executor before or after them."""
    image: Annotated[
        Image | None,
        Facts(Reader.CONTAINER, cluster=True, remedy="an image runs in a cluster; on one machine give its YAML"),
    ] = None
    """Container image of the Peas, made FROM the runtime image; the operator's default when left out."""
    files: Annotated[dict[str, str], Facts(Reader.PEA)] = {}
    """Files next to the Executor's YAML, file name to text. For small Python modules that need no image."""
    files_from: Annotated[
        FilesFroms,
        Facts(Reader.CONTAINER, cluster=True, remedy="only a cluster has ConfigMaps; on one machine use `files`"),
    ] = []
    """ConfigMaps with more such files; those under `files` take precedence. A Pea reads them when it starts: after a
    change of a ConfigMap, restart the Peas with `kubectl rollout restart`. Kubernetes only."""
    replicas: Annotated[Replicas | None, Facts(Reader.OPERATOR)] = None
    """Peas with the same data, for throughput. When left out it is 1 at first, and `kubectl scale` owns it."""
    shards: Annotated[int, Field(ge=1, le=1024), Facts(Reader.PEA)] = 1
    """Parts that the data is split into."""
    polling: Annotated[Polling, Facts(Reader.HEAD)] = Polling()
    """Which shards each kind of request goes to."""
    on_missing_shard: Annotated[OnMissingShard, Facts(Reader.HEAD)] = OnMissingShard.WAIT
    """What a search or a read does when a shard cannot answer."""
    storage: Annotated[Storage | None, Facts(Reader.OPERATOR, cluster=True)] = None
    """The volume for the Executor's data. Without it, data lives as long as the Pea. On a single machine
    `peavine run --data` takes its place."""
    read_only: Annotated[bool, Facts(Reader.PEA)] = False
    """Whether requests that change data are refused."""
    env: Annotated[Env, Facts(Reader.CONTAINER, inherited=True)] = []
    """Environment variables of the Peas."""
    env_from: Annotated[EnvFroms, Facts(Reader.CONTAINER, inherited=True, cluster=True, remedy=ENV_FROM_REMEDY)] = []
    """Environment variables of the Peas from whole Secrets and ConfigMaps. `env` takes precedence. Kubernetes only."""
    resources: Annotated[Resources, Facts(Reader.CONTAINER, cluster=True)] = Resources()
    """What each Pea asks of the machine. By default it requests 50m CPU and 128Mi of memory, without a limit."""
    timeout_seconds: Annotated[Seconds | None, Facts(Reader.PEA, owner=False, inherited=True)] = None
    """Time that a search may spend at this Pod; the Flow's when left out."""
    index_timeout_seconds: Annotated[Seconds | None, Facts(Reader.PEA, owner=False, inherited=True)] = None
    """Time that a request to index, update or delete may spend at this Pod; the Flow's when left out."""
    train_timeout_seconds: Annotated[Seconds | None, Facts(Reader.PEA, owner=False, inherited=True)] = None
    """Time that a request to train may spend at this Pod; the Flow's when left out."""
    on_error: Annotated[OnError, Facts(Reader.PEA)] = OnError.FAIL
    """What becomes of a request when the Executor raises."""
    concurrency: Annotated[int, Field(ge=1, le=256), Facts(Reader.PEA)] = 1
    """Threads that run the Executor's code in one Pea. With 1 the code needs no locks."""
    batching: Annotated[Batching | None, Facts(Reader.PEA)] = None
    """Whether requests may share a call of the Executor."""
    autoscaling: Annotated[Autoscaling | None, Facts(Reader.OPERATOR)] = None
    """Replicas by load. A single machine runs the minimum."""
    rollout: Annotated[Rollout | None, Facts(Reader.OPERATOR, cluster=True)] = None
    """How many replicas are replaced at a time when a new version rolls out. When left out, a quarter of them is added
    first and none is missing. Not for a Pod with shards or storage: each of its Peas is replaced in its place."""
    rehearse: Annotated[bool, Facts(Reader.OPERATOR, cluster=True)] = True
    """Whether a new version of a Pod with shards or storage first starts once without their data, so that one which
    cannot start takes no shard away. Set it to false for an Executor that keeps its data in an engine outside of the
    Pod: it would be started a second time against the same data."""
    max_message_bytes: Annotated[MessageBytes | None, Facts(Reader.PEA, inherited=True)] = None
    """Maximum size of a message, in bytes; the Flow's when left out."""
    max_documents: Annotated[MaxDocuments | None, Facts(Reader.PEA, inherited=True)] = None
    """Maximum number of root Documents in a request; with chunks and matches 16 times as many. The Flow's when left
    out."""
    expose_tracebacks: Annotated[bool | None, Facts(Reader.PEA, inherited=True)] = None
    """Whether clients are shown the stack of an Executor's error; the Flow's when left out."""
    pod_template: Annotated[dict[str, Any], Facts(Reader.CONTAINER, cluster=True)] = {}
    """Merged over the Kubernetes pod template that the operator renders: tolerations, affinity, sidecars, ... The
    container of a Pea is called pea. A head gets everything except containers; `head.podTemplate` sets those."""

    @property
    def has_head(self) -> bool:
        """Whether the Pod has a head in front of its Peas."""
        return self.shards > 1 or self.head_executes

    @property
    def head_executes(self) -> bool:
        """Whether the head runs Executors of its own."""
        return self.head is not None and (self.head.before is not None or self.head.after is not None)

    @property
    def runs(self) -> str:
        """The Executor of the Peas: its class, or else the text under `uses`."""
        named = self.executor.class_ if self.executor is not None else None
        return named or self.uses or "_pass"

    @overload
    def chosen(self, part: Literal["pea"]) -> Chosen: ...
    @overload
    def chosen(self, part: Part) -> Chosen | None: ...
    def chosen(self, part: Part) -> Chosen | None:
        """Return the Executor for this part, None where the head has none."""
        return chosen(self.manifest(), part, "spec")

    @property
    def timeouts(self) -> Timeouts:
        """The Pod's timeouts, with the defaults of a Flow for those that nobody set."""
        own = {name: getattr(self, name) for name in FIELDS}
        return Timeouts(**{name: seconds for name, seconds in own.items() if seconds is not None})


class Pod(Model):
    """A Pod as a resource of its own."""

    api_version: ApiVersion = API_VERSION
    """The version of this schema."""
    kind: Literal["Pod"] = "Pod"
    """The kind of this resource."""
    metadata: Metadata
    """Name and labels of the resource."""
    spec: PodSpec
    """What the Pod runs and how."""
