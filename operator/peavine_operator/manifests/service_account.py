"""The identity that gateways run under. It has no rights and no token: a gateway never talks to the API server."""

from __future__ import annotations

from typing import Any

from peavine_operator import names


def service_account(name: str, namespace: str, labels: dict[str, str]) -> dict[str, Any]:
    """Return a ServiceAccount without a token."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": names.metadata(name, namespace, labels),
        "automountServiceAccountToken": False,
    }
