from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from kubernetes.aio.client import Configuration

from peavine_operator.cluster import Cluster
from peavine_operator.events import Events
from peavine_operator.settings import Settings

ABOUT = {
    "apiVersion": "peavine.dev/v1alpha1",
    "kind": "Flow",
    "metadata": {"name": "f", "namespace": "ns", "uid": "1"},
}


class Store:
    """The events of a namespace, over HTTP as the API server keeps them."""

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.app = web.Application()
        path = "/api/v1/namespaces/ns/events"
        self.app.add_routes([web.post(path, self._create), web.patch(path + "/{name}", self._patch)])

    async def _create(self, request: web.Request) -> web.Response:
        event = await request.json()
        event["metadata"]["name"] = f"{event['metadata'].pop('generateName')}{len(self.events)}"
        self.events[event["metadata"]["name"]] = event
        return web.json_response(event, status=201)

    async def _patch(self, request: web.Request) -> web.Response:
        event = self.events.get(request.match_info["name"])
        if event is None:
            return web.json_response({"message": "not found"}, status=404)
        event.update(await request.json())
        return web.json_response(event)

    @asynccontextmanager
    async def cluster(self) -> AsyncIterator[Cluster]:
        runner = web.AppRunner(self.app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        configuration = Configuration()
        configuration.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
        cluster = Cluster(Settings(), configuration)
        try:
            yield cluster
        finally:
            await cluster.close()
            await runner.cleanup()


async def test_what_comes_again_is_counted_in_one_event() -> None:
    store = Store()
    async with store.cluster() as cluster:
        events = Events(cluster)
        for words in ("one", "two", "three"):
            await events.report(ABOUT, "Warning", "ContainerFailed", words)
        await events.report(ABOUT, "Normal", "Ready", "all is ready")
    told = [(event["reason"], event["count"], event["message"]) for event in store.events.values()]
    assert told == [("ContainerFailed", 3, "three"), ("Ready", 1, "all is ready")]


async def test_an_event_that_has_expired_is_written_anew() -> None:
    store = Store()
    async with store.cluster() as cluster:
        events = Events(cluster)
        await events.report(ABOUT, "Warning", "ContainerFailed", "one")
        store.events.clear()
        await events.report(ABOUT, "Warning", "ContainerFailed", "two")
    assert [event["count"] for event in store.events.values()] == [1]
