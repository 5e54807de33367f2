from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from peavine_operator import names, ownership
from peavine_operator.cluster import ApiError, Cluster
from peavine_operator.kinds import FLOW, POD, Object, Ref
from peavine_operator.observed import Observed
from peavine_operator.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def lease(seconds_ago: float) -> dict[str, Any]:
    renewed = (NOW - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"spec": {"holderIdentity": "", "leaseDurationSeconds": 15, "renewTime": renewed}}


@pytest.mark.parametrize(
    ("found", "lives"),
    [
        pytest.param(lease(10), True, id="renewed just now"),
        pytest.param(lease(290), True, id="given back by an operator that is being upgraded"),
        pytest.param(lease(301), False, id="not renewed for five minutes"),
        pytest.param({"spec": {}}, False, id="never renewed"),
        pytest.param(None, False, id="no such Lease"),
    ],
)
def test_an_operator_lives_by_its_lease(found: dict[str, Any] | None, lives: bool) -> None:
    assert ownership.lives(found, NOW) is lives


def test_a_resource_names_its_operator_in_an_annotation() -> None:
    assert ownership.operator({"metadata": {"annotations": {names.OPERATOR: "ns/peavine"}}}) == "ns/peavine"
    assert ownership.operator({"metadata": {"name": "f"}}) == ""


KEY = Ref(FLOW, "ns", "f")
OURS, THEIRS = "system/ours", "team/theirs"


def resource(operator: str = "", version: int = 1, kind: Any = FLOW, name: str = "f") -> Object:
    metadata = {"name": name, "namespace": "ns", "uid": name, "resourceVersion": str(version)}
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {**metadata, "annotations": {names.OPERATOR: operator} if operator else {}},
    }


class Api:
    """A Flow and the Lease of another operator, over HTTP as the API server has them."""

    def __init__(self, flow: Object, renewed: datetime | None = None, forbidden: bool = False) -> None:
        self.flow, self.renewed, self.forbidden = flow, renewed, forbidden
        self.app = web.Application()
        self.app.add_routes(
            [
                web.get("/apis/coordination.k8s.io/v1/namespaces/team/leases/theirs", self._lease),
                web.patch("/apis/peavine.dev/v1alpha1/namespaces/ns/flows/f", self._patch),
            ]
        )

    async def _lease(self, _: web.Request) -> web.Response:
        if self.forbidden:
            return web.json_response({"message": "forbidden"}, status=403)
        if self.renewed is None:
            return web.json_response({"message": "not found"}, status=404)
        return web.json_response({"spec": {"renewTime": self.renewed.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}})

    async def _patch(self, request: web.Request) -> web.Response:
        changes = (await request.json())["metadata"]
        if changes["resourceVersion"] != self.flow["metadata"]["resourceVersion"]:
            return web.json_response({"message": "conflict"}, status=409)
        self.flow["metadata"] |= {"annotations": changes["annotations"], "resourceVersion": "9"}
        return web.json_response(self.flow)

    @asynccontextmanager
    async def ownership(self, observed: Observed) -> AsyncIterator[ownership.Ownership]:
        runner = web.AppRunner(self.app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        configuration = Configuration()
        configuration.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
        cluster = Cluster(Settings(namespace="system", lease_name="ours"), configuration)
        try:
            yield ownership.Ownership(cluster, observed, lambda _: None)
        finally:
            await cluster.close()
            await runner.cleanup()


async def other(api: Api, seen: Object, key: Ref = KEY) -> ownership.Other | None:
    observed = Observed()
    observed.put(api.flow)
    async with api.ownership(observed) as owner:
        return await owner.other(key, seen)


@pytest.mark.parametrize(
    "serving",
    [
        pytest.param("", id="that names no operator"),
        pytest.param(THEIRS, id="whose operator is gone"),
    ],
)
async def test_a_flow_is_taken(serving: str) -> None:
    api = Api(resource(serving))
    assert await other(api, resource(serving)) is None
    assert ownership.operator(api.flow) == OURS


async def test_a_flow_of_an_operator_that_lives_is_left_alone() -> None:
    api = Api(resource(THEIRS), renewed=datetime.now(UTC))
    found = await other(api, api.flow)
    assert found is not None
    assert found.is_known
    assert ownership.operator(api.flow) == THEIRS


@pytest.mark.parametrize("serving", [THEIRS, "no lease", "a/b/c"])
async def test_a_flow_of_an_operator_that_cannot_be_asked_about_is_left_alone_and_says_so(serving: str) -> None:
    api = Api(resource(serving), forbidden=True)
    found = await other(api, api.flow)
    assert found is not None
    assert not found.is_known
    assert f'"{serving}"' in found.finding.message


async def test_a_flow_that_somebody_wrote_meanwhile_is_not_taken() -> None:
    with pytest.raises(ApiError, match="conflict"):
        await other(Api(resource(version=2)), resource(version=1))


async def test_a_pod_goes_with_its_flow_and_is_never_taken_alone() -> None:
    pod = resource(kind=POD, name="f-a")
    pod["metadata"]["labels"] = {names.FLOW: "f"}
    key = Ref(POD, "ns", "f-a")
    assert await other(Api(resource(OURS)), pod, key) is None
    waits = await other(Api(resource()), pod, key)
    assert waits is not None
    assert waits.is_known, "the operator that takes the Flow reports on its Pods"
