"""The manifest: Flow and Pod as plain data.

The one source of truth for what a user may write. The custom resource definitions, the reference page and the
Python `Flow` are made from these models. Nothing here does I/O, and nothing but pydantic and the standard library is
imported, so that the operator can read manifests without grpc or numpy.
"""

from peavine.spec.environment import EnvFrom, EnvVar, FilesFrom
from peavine.spec.executor import Chosen, ExecutorSpec, Part, chosen
from peavine.spec.flow import Flow, FlowPod, FlowSpec, Gateway, GatewayService, PodRef
from peavine.spec.manifest import parse, parse_pod
from peavine.spec.model import API_VERSION, FLOW_LABEL, GROUP, VERSION, Metadata
from peavine.spec.pod import (
    KINDS,
    Autoscaling,
    Batching,
    Head,
    OnError,
    OnMissingShard,
    Pod,
    PodSpec,
    Polling,
    PollingPolicy,
    Resources,
    Rollout,
)
from peavine.spec.storage import Storage

__all__ = [
    "API_VERSION",
    "FLOW_LABEL",
    "GROUP",
    "KINDS",
    "VERSION",
    "Autoscaling",
    "Batching",
    "Chosen",
    "EnvFrom",
    "EnvVar",
    "ExecutorSpec",
    "FilesFrom",
    "Flow",
    "FlowPod",
    "FlowSpec",
    "Gateway",
    "GatewayService",
    "Head",
    "Metadata",
    "OnError",
    "OnMissingShard",
    "Part",
    "Pod",
    "PodRef",
    "PodSpec",
    "Polling",
    "PollingPolicy",
    "Resources",
    "Rollout",
    "Storage",
    "chosen",
    "parse",
    "parse_pod",
]
