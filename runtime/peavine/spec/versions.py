"""The versions of the manifest that this peavine reads, and where fields of earlier ones have gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from peavine.spec.flow import Flow
from peavine.spec.model import API_VERSION
from peavine.spec.pod import Pod

MODELS: Final[Mapping[str, Mapping[str, type[Flow] | type[Pod]]]] = {API_VERSION: {"Flow": Flow, "Pod": Pod}}
"""The model of each kind by `apiVersion`."""

MOVED: Final[Mapping[str, str]] = {
    "ref": "podRef: {name: NAME}",
    "className": "storageClassName: NAME",
    "retain": "retentionPolicy: {whenDeleted: Retain}` or `retentionPolicy: {whenDeleted: Delete}",
    "maxDelayMs": "maxDelayMilliseconds: NUMBER",
    "targetCPU": "metrics:` as in a HorizontalPodAutoscaler of `autoscaling/v2",
    "grpcPort": "service: {ports: {grpc: PORT}}",
    "httpPort": "service: {ports: {http: PORT}}",
    "usesWith": "executor: {with: ..}",
    "usesBefore": "head: {before: ..}",
    "usesAfter": "head: {after: ..}",
}
"""What is written instead of a field that peavine 0.1 had."""
