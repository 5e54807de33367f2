"""The one way to the API server: requests, their deadlines and errors. It knows kinds and decides nothing."""

from __future__ import annotations

import json
import os
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from peavine_operator import kinds, metrics, names
from peavine_operator.kinds import Kind, Object, Ref
from peavine_operator.settings import Settings

PAGE = 100


class ApiError(Exception):
    """The API server refused a request, or could not be asked: then `status` is 0."""

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        self.status, self.message, self.reason = status, message, reason
        super().__init__(message)

    @property
    def invalid(self) -> bool:
        """Whether the object itself is wrong, so that the same request cannot succeed."""
        return self.status in (400, 422) or (self.status == 500 and "typed patch" in self.message)

    @property
    def refused(self) -> bool:
        """Whether a person must do something: the object is wrong, or a right, a quota or a policy forbids it."""
        return self.invalid or self.status in (403, 413)


class Cluster:
    """A connection to the API server."""

    def __init__(self, settings: Settings, configuration: Configuration) -> None:
        self.settings, self.configuration = settings, configuration
        self.heard: dict[str, float] = {}
        """When each watch was last heard of, by its path."""
        self._ssl = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if configuration.cert_file:
            self._ssl.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
        self._session = self.session()

    @classmethod
    async def connect(cls, settings: Settings) -> Cluster:
        """Connect as the pod's service account, or outside of a cluster as the kubeconfig says."""
        configuration = Configuration()
        if "KUBERNETES_SERVICE_HOST" in os.environ:
            config.load_incluster_config(client_configuration=configuration)
        else:
            await config.load_kube_config(client_configuration=configuration)
        return cls(settings, configuration)

    def session(self) -> aiohttp.ClientSession:
        """Return an HTTP session of its own that is authorized with whatever token is valid at each request."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._ssl, limit=0),
            middlewares=(self._authorize,),
            headers={"User-Agent": names.FIELD_MANAGER},
            timeout=aiohttp.ClientTimeout(total=self.settings.request_seconds),
        )

    async def close(self) -> None:
        """End the connection."""
        await self._session.close()

    def expect_watches(self) -> None:
        """Count the silence of every watch from now on, also of one that never opens."""
        for kind in kinds.ALL:
            for namespace in self.settings.watch_namespaces or (None,):
                self.heard[kind.path(namespace)] = time.monotonic()

    def silence(self) -> float:
        """Return the seconds since the watch that has been silent for longest was heard of."""
        now = time.monotonic()
        return now - min(self.heard.values(), default=now)

    async def _authorize(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        token = await self.configuration.get_api_key_with_prefix("BearerToken")
        if token:
            request.headers["Authorization"] = token
        response = await handler(request)
        watching = request.url.query.get("watch") == "true"
        if watching and response.ok:
            self.heard[request.url.path] = time.monotonic()
        metrics.REQUESTS.labels("WATCH" if watching else request.method, response.status).inc()
        return response

    async def _request(self, method: str, path: str, body: Any = None, content: str = "", **query: str) -> Object:
        headers = {"Content-Type": content} if content else {}
        data = None if body is None else json.dumps(body)
        url = self.configuration.host + path
        try:
            async with self._session.request(method, url, params=query, data=data, headers=headers) as response:
                answer = await response.read()
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(0, f"cannot reach the API server: {error or type(error).__name__}") from error
        if status < 300:
            found: Object = json.loads(answer)
            return found
        try:
            said = json.loads(answer)
            raise ApiError(status, said.get("message", ""), said.get("reason", ""))
        except ValueError:
            raise ApiError(status, answer[:200].decode(errors="replace")) from None

    async def get(self, ref: Ref) -> Object | None:
        """Return an object, or None where there is none."""
        try:
            return await self._request("GET", ref.kind.path(ref.namespace, ref.name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def create(self, body: Object) -> Object:
        """Make an object that is not there yet."""
        ref = kinds.ref(body)
        return await self._request("POST", ref.kind.path(ref.namespace), body, "application/json")

    async def replace(self, body: Object) -> Object:
        """Write an object that was read, if nobody else wrote it since."""
        ref = kinds.ref(body)
        return await self._request("PUT", ref.kind.path(ref.namespace, ref.name), body, "application/json")

    async def listed(self, kind: Kind) -> AsyncIterator[tuple[list[Object], int]]:
        """Yield all objects of a kind that concern the operator, in pages, each with the time of the list.

        They come from the API server's memory (version 0), which may lag a little behind etcd and costs etcd nothing.
        """
        query = {"labelSelector": selector} if (selector := kinds.label_selector(kind)) else {}
        for namespace in self.settings.watch_namespaces or (None,):
            token = ""
            while True:
                more = {"continue": token} if token else {"resourceVersion": "0"}
                page = await self._request("GET", kind.path(namespace), **query, limit=str(PAGE), **more)
                for item in page["items"]:
                    item |= {"apiVersion": kind.api_version, "kind": kind.name}
                yield page["items"], int(page["metadata"]["resourceVersion"])
                token = page["metadata"].get("continue", "")
                if not token:
                    break

    async def apply(
        self, body: Object, dry_run: bool = False, manager: str = names.FIELD_MANAGER, force: bool = True
    ) -> Object:
        """Make an object be as said, and return it as it is then. What other managers said of it stays.

        Without `force` it is an error of status 409 where another manager said something else.
        """
        ref = kinds.ref(body)
        query = {"fieldManager": manager, "force": "true" if force else "false", "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        else:
            metrics.WRITES.labels(str(ref.kind), "apply").inc()
        path = ref.kind.path(ref.namespace, ref.name)
        return await self._request("PATCH", path, body, "application/apply-patch+yaml", **query)

    async def overwrite(self, body: Object, patch: Object) -> Object:
        """Apply an object of which others wrote something that stands in the way, such as a list's item of equal name.

        `patch` is a merge patch that takes it away: it replaces lists whole, and null removes a field. What it notes as
        written by an update is taken out again: an apply removes only what nobody but an apply wrote.
        """
        ref = kinds.ref(body)
        path, merge = ref.kind.path(ref.namespace, ref.name), "application/merge-patch+json"
        query = {"fieldManager": names.FIELD_MANAGER, "fieldValidation": "Strict"}
        written = await self._request("PATCH", path, patch, merge, **query)
        noted = (names.FIELD_MANAGER, "Update", "")
        kept = [
            entry
            for entry in written["metadata"]["managedFields"]
            if (entry["manager"], entry["operation"], entry.get("subresource", "")) != noted
        ]
        version = written["metadata"]["resourceVersion"]
        await self._request("PATCH", path, {"metadata": {"managedFields": kept, "resourceVersion": version}}, merge)
        return await self.apply(body)

    async def delete(self, body: Object, propagation: str = "Background") -> None:
        """Delete this very object, and all it owns after it; with Orphan only the object.

        One that is gone already is not an error.
        """
        ref = kinds.ref(body)
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            "preconditions": {"uid": body["metadata"]["uid"]},
        }
        metrics.WRITES.labels(str(ref.kind), "delete").inc()
        try:
            await self._request("DELETE", ref.kind.path(ref.namespace, ref.name), options, "application/json")
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def enlarge(self, claim: Object, size: str) -> Object:
        """Have a claim ask for a larger volume, and return it."""
        ref = kinds.ref(claim)
        metrics.WRITES.labels(str(ref.kind), "enlarge").inc()
        patch = {"spec": {"resources": {"requests": {"storage": size}}}}
        path, query = ref.kind.path(ref.namespace, ref.name), {"fieldManager": names.FIELD_MANAGER}
        return await self._request("PATCH", path, patch, "application/merge-patch+json", **query)

    async def annotate(self, body: Object, annotations: dict[str, str]) -> Object:
        """Set annotations of an object and return it; an error of status 409 where somebody wrote since it was read."""
        ref = kinds.ref(body)
        metrics.WRITES.labels(str(ref.kind), "annotate").inc()
        patch = {"metadata": {"annotations": annotations, "resourceVersion": body["metadata"]["resourceVersion"]}}
        path, query = ref.kind.path(ref.namespace, ref.name), {"fieldManager": names.FIELD_MANAGER}
        return await self._request("PATCH", path, patch, "application/merge-patch+json", **query)

    async def patch_status(self, ref: Ref, status: Object) -> Object | None:
        """Write the status of a Flow or Pod; None where it is gone."""
        metrics.WRITES.labels(str(ref.kind), "status").inc()
        path = ref.kind.path(ref.namespace, ref.name) + "/status"
        query = {"fieldManager": names.FIELD_MANAGER}
        try:
            return await self._request("PATCH", path, {"status": status}, "application/merge-patch+json", **query)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def create_event(self, namespace: str, event: Object) -> Object:
        """Write an event that is not there yet, and return it."""
        return await self._request("POST", f"/api/v1/namespaces/{namespace}/events", event, "application/json")

    async def patch_event(self, namespace: str, name: str, news: Object) -> bool:
        """Change an event; return False where it is gone."""
        path = f"/api/v1/namespaces/{namespace}/events/{name}"
        try:
            await self._request("PATCH", path, news, "application/merge-patch+json")
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    async def warnings(self, namespace: str, name: str) -> list[Object]:
        """Return warnings about objects of a name, at most a page."""
        query = {"fieldSelector": f"type=Warning,involvedObject.name={name}", "limit": str(PAGE)}
        found = await self._request("GET", f"/api/v1/namespaces/{namespace}/events", **query)
        return list(found["items"])
