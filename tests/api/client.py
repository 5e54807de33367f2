"""The API server as its users see it, without kubectl: one connection, and each answer as it is."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from peavine_operator.kinds import Kind

Object = dict[str, Any]
NAMESPACE = Kind("v1", "Namespace", "namespaces")
QUOTA = Kind("v1", "ResourceQuota", "resourcequotas")
EVENT = Kind("v1", "Event", "events")
DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions")
POLICY = Kind("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies")
POLICY_BINDING = Kind(
    "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"
)
ROLES = {
    name: Kind("rbac.authorization.k8s.io/v1", name, f"{name.lower()}s")
    for name in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
}


class Refused(AssertionError):
    """The API server refused a request; the message is what a user sees."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class Missing(Refused):
    """The API server has no object of that name."""


class Api:
    """A user's connection to an API server."""

    def __init__(self, url: str, ca: Path, token: str) -> None:
        trusted = ssl.create_default_context(cafile=ca)
        self._connection = http.client.HTTPSConnection(urlsplit(url).netloc, context=trusted, timeout=60)
        self._token = token

    def close(self) -> None:
        self._connection.close()

    def request(self, method: str, path: str, body: Any = None, content: str = "json", **query: str) -> Object:
        """Return what the API server answers, or raise Refused."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": f"application/{content}"}
        data = None if body is None else json.dumps(body)
        target = f"{path}?{urlencode(query)}"
        try:
            self._connection.request(method, target, data, headers)
            response = self._connection.getresponse()
        except ConnectionError:  # closed because nothing was asked for a while
            self._connection.close()
            self._connection.request(method, target, data, headers)
            response = self._connection.getresponse()
        text = response.read()
        if response.status >= 300:
            how = Missing if response.status == 404 else Refused
            raise how(response.status, _message(text))
        answer: Object = json.loads(text)
        return answer


def _message(text: bytes) -> str:
    try:
        return str(json.loads(text)["message"])
    except ValueError:  # no object at all, where there is no such kind
        return text.decode()


class Space:
    """What a user does in one namespace; objects without one are reached from any."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api, self.namespace = api, namespace

    def _path(self, kind: Kind, name: str | None = None) -> str:
        everywhere = kind in (NAMESPACE, DEFINITION, POLICY, POLICY_BINDING) or kind.name.startswith("Cluster")
        return kind.path(None if everywhere else self.namespace, name)

    def get(self, kind: Kind, name: str) -> Object | None:
        """Return an object, or None where there is none."""
        try:
            return self.api.request("GET", self._path(kind, name))
        except Missing:
            return None

    def must(self, kind: Kind, name: str) -> Object:
        """Return an object that is there."""
        found = self.get(kind, name)
        assert found is not None, f"no {kind} {name}"
        return found

    def all(self, kind: Kind, selector: str = "") -> list[Object]:
        """Return the objects of a kind."""
        found = self.api.request("GET", self._path(kind), labelSelector=selector)["items"]
        return [{**item, "apiVersion": kind.api_version, "kind": kind.name} for item in found]

    def create(self, kind: Kind, body: Mapping[str, Any], **query: str) -> Object:
        """Create an object. Unknown fields are an error, as they are for kubectl."""
        return self.api.request("POST", self._path(kind), body, fieldValidation="Strict", **query)

    def apply(self, kind: Kind, body: Mapping[str, Any], manager: str = "user", **query: str) -> Object:
        """Apply an object server-side."""
        query = {"fieldManager": manager, "fieldValidation": "Strict", **query}
        path = self._path(kind, body["metadata"]["name"])
        return self.api.request("PATCH", path, body, "apply-patch+yaml", **query)

    def patch(self, kind: Kind, name: str, body: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Object:
        """Change an object by a merge patch, or by a JSON patch where `body` is a list."""
        how = "merge-patch+json" if isinstance(body, Mapping) else "json-patch+json"
        return self.api.request("PATCH", self._path(kind, name), body, how)

    def status(self, kind: Kind, name: str, status: Mapping[str, Any]) -> Object:
        """Write fields of an object's status, as the controller of its kind does."""
        return self.api.request("PATCH", self._path(kind, name) + "/status", {"status": status}, "merge-patch+json")

    def delete(self, kind: Kind, *names: str, **query: str) -> None:
        """Delete objects at once. No controller removes what they own."""
        for name in names:
            self.api.request("DELETE", self._path(kind, name), gracePeriodSeconds="0", **query)

    def clear(self, kind: Kind) -> None:
        """Delete all objects of a kind, if there is such a kind."""
        with suppress(Missing):
            self.api.request("DELETE", self._path(kind), gracePeriodSeconds="0")
