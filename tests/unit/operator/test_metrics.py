"""The page where Prometheus and the kubelet read how the operator does: real HTTP on this machine."""

from __future__ import annotations

import aiohttp

from peavine_operator import metrics


async def test_the_page_is_served_on_ipv4_and_ipv6() -> None:
    reasons: list[str] = []
    page = await metrics.serve(0, lambda: next(iter(reasons), None))
    places = {"[::1]" if ":" in host else "127.0.0.1": port for host, port, *_ in page.addresses}
    try:
        assert places.keys() == {"127.0.0.1", "[::1]"}
        async with aiohttp.ClientSession() as session:
            for host, port in places.items():
                async with session.get(f"http://{host}:{port}/healthz") as answer:
                    assert (answer.status, await answer.text()) == (200, "ok\n")
                async with session.get(f"http://{host}:{port}/metrics") as answer:
                    assert "peavine_operator_leading" in await answer.text()
            reasons.append("a watch has been silent")
            async with session.get(f"http://127.0.0.1:{places['127.0.0.1']}/healthz") as answer:
                assert (answer.status, await answer.text()) == (503, "a watch has been silent\n")
    finally:
        await page.cleanup()
