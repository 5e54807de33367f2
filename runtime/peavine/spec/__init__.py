"""The manifest: Flow and Pod as plain data.

The one source of truth for what a user may write. The custom resource definitions, the reference page and the
Python `Flow` are made from these models. Nothing here does I/O, and nothing but pydantic and the standard library is
imported, so that the operator can read manifests without grpc or numpy.
"""

from peavine.spec.executor import Chosen, ExecutorSpec, Part, chosen
from peavine.spec.flow import Flow, FlowPod, FlowSpec, Gateway, GatewayService
from peavine.spec.manifest import parse, parse_pod
from peavine.spec.model import API_VERSION, FLOW_LABEL, GROUP, VERSION, Metadata
from peavine.spec.pod import (
    KINDS,
    Autoscaling,
    Batching,
    EnvVar,
    Head,
    OnError,
    OnMissingShard,
    Pod,
    PodSpec,
    Polling,
    PollingPolicy,
    Resources,
    Storage,
)

__all__ = [
    "API_VERSION",
    "FLOW_LABEL",
    "GROUP",
    "KINDS",
    "VERSION",
    "Autoscaling",
    "Batching",
    "Chosen",
    "EnvVar",
    "ExecutorSpec",
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
    "PodSpec",
    "Polling",
    "PollingPolicy",
    "Resources",
    "Storage",
    "chosen",
    "parse",
    "parse_pod",
]
