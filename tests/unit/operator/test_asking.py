"""How the operator asks Peas about their stores: real HTTP on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from peavine_operator.asking import Peas

STORE = {"name": ".", "id": "a", "epoch": 1, "counter": 0, "writers": [["w", 0]]}


class Pea:
    """Answers as a Pea does, and counts how often it was asked."""

    def __init__(self) -> None:
        self.text, self.asked = "", 0
        self.says([STORE])

    def says(self, stores: list[dict[str, Any]]) -> None:
        self.text = web.json_response({"pod": "index", "pea": "index-0", "stores": stores}).text or ""

    async def answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(text=self.text)


@asynccontextmanager
async def serving(pea: Pea, host: str = "127.0.0.1") -> AsyncIterator[int]:
    app = web.Application()
    app.add_routes([web.get("/status", pea.answer)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, 0)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def core_pod(restarts: int = 0, address: str = "127.0.0.1") -> dict[str, Any]:
    status = {"podIP": address, "containerStatuses": [{"restartCount": restarts}]}
    return {"metadata": {"name": "shop-index-0", "uid": "u"}, "status": status}


async def test_a_pea_is_asked_when_it_started_and_then_once_in_a_while() -> None:
    pea = Pea()
    async with serving(pea) as port:
        peas = Peas(3600, port)
        for _ in range(3):
            assert await peas.stores([core_pod()]) == {"shop-index-0": [STORE]}
        assert pea.asked == 1
        pea.says([])
        assert await peas.stores([core_pod(restarts=1)]) == {"shop-index-0": []}
        assert pea.asked == 2
        often = Peas(0, port)
        await often.stores([core_pod()])
        await often.stores([core_pod()])
        assert pea.asked == 4


async def test_a_pea_of_an_ipv6_cluster_is_asked_at_its_address() -> None:
    async with serving(Pea(), "::1") as port:
        assert await Peas(0, port).stores([core_pod(address="::1")]) == {"shop-index-0": [STORE]}
    (why,) = (await Peas(0, port).stores([core_pod(address="::1")])).values()
    assert isinstance(why, str)
    assert why.startswith(f"[::1]:{port}: ")


async def test_a_pea_that_cannot_be_reached_is_told_with_its_address() -> None:
    async with serving(Pea()) as port:
        peas = Peas(0, port)
        assert await peas.stores([core_pod()]) == {"shop-index-0": [STORE]}
    assert await peas.stores([core_pod()]) == {"shop-index-0": [STORE]}, "it has not started anew"
    (why,) = (await peas.stores([core_pod(restarts=1)])).values()
    assert isinstance(why, str)
    assert why.startswith(f"127.0.0.1:{port}: ")


async def test_the_metrics_of_an_earlier_peavine_report_no_stores() -> None:
    pea = Pea()
    async with serving(pea) as port:
        for text in ("# HELP peavine_pea_requests_total Requests", "[]", '{"stores": 1}', '{"stores": [{}, 1]}'):
            pea.text = text
            assert await Peas(0, port).stores([core_pod()]) == {"shop-index-0": []}
