from __future__ import annotations

from collections.abc import Mapping

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from peavine_operator import kinds
from peavine_operator.cluster import ApiError, Cluster
from peavine_operator.settings import Settings


async def test_a_watch_that_never_opens_is_silent_from_the_beginning() -> None:
    cluster = Cluster(Settings(watch_namespaces=("one",)), Configuration())
    try:
        assert cluster.silence() == 0, "nothing is to be heard of"
        cluster.expect_watches()
        assert len(cluster.heard) == len(kinds.ALL)
        assert "/apis/peavine.dev/v1alpha1/namespaces/one/flows" in cluster.heard
        assert cluster.silence() > 0
    finally:
        await cluster.close()


async def test_an_api_server_that_cannot_be_reached_is_an_error_of_its_own() -> None:
    configuration = Configuration()
    configuration.host = "http://127.0.0.1:9"
    cluster = Cluster(Settings(), configuration)
    try:
        with pytest.raises(ApiError, match="cannot reach the API server") as error:
            await cluster.get(kinds.Ref(kinds.FLOW, "default", "f"))
        assert (error.value.status, error.value.refused) == (0, False)
    finally:
        await cluster.close()


async def test_lists_come_from_the_memory_of_the_api_server_page_by_page() -> None:
    asked: list[Mapping[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        more = {} if "continue" in request.query else {"continue": "rest"}
        item = {"metadata": {"name": f"f{len(asked)}", "namespace": "one"}}
        return web.json_response({"metadata": {"resourceVersion": "7", **more}, "items": [item]})

    app = web.Application()
    app.add_routes([web.get("/apis/peavine.dev/v1alpha1/flows", answer)])
    server = web.AppRunner(app, access_log=None)
    await server.setup()
    await web.TCPSite(server, "127.0.0.1", 0).start()
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{server.addresses[0][1]}"
    cluster = Cluster(Settings(), configuration)
    try:
        listed = [(item["metadata"]["name"], at) async for page, at in cluster.listed(kinds.FLOW) for item in page]
    finally:
        await cluster.close()
        await server.cleanup()
    assert listed == [("f1", 7), ("f2", 7)]
    # A page that continues a list names no version: the API server refuses both together.
    assert asked == [{"limit": "100", "resourceVersion": "0"}, {"limit": "100", "continue": "rest"}]


@pytest.mark.parametrize(
    ("status", "message", "refused"),
    [
        pytest.param(422, "is invalid", True, id="a wrong object"),
        pytest.param(500, "failed to create typed patch object", True, id="a list that says a thing twice"),
        pytest.param(403, "exceeded quota", True, id="a quota"),
        pytest.param(413, "too large", True, id="too large"),
        pytest.param(409, "conflict", False, id="somebody wrote at the same time"),
        pytest.param(429, "too many requests", False, id="too many requests"),
        pytest.param(503, "etcd is away", False, id="an API server in trouble"),
    ],
)
def test_what_only_a_person_can_mend_is_told_from_what_time_will(status: int, message: str, refused: bool) -> None:
    assert ApiError(status, message).refused is refused
