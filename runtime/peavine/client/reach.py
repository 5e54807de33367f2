"""Reaching a gateway behind a name that may lead to several, of which one may say nothing."""

from __future__ import annotations

import asyncio

from peavine.client.link import Link
from peavine.clock import Issuer

__all__ = ["reach"]

_SILENT = 1.0
"""Seconds after which another connection is tried beside one on which nothing was heard. What is behind a name may have
lost its power and says nothing; the next connection may lead to another gateway. As in RFC 8305, "Happy Eyeballs"."""


async def reach(target: str, connect_timeout: float, clock: Issuer) -> Link:
    """Return the first of several connections that is made. Raises what one fails with, such as Unavailable."""
    trying: set[asyncio.Task[Link]] = set()
    done: set[asyncio.Task[Link]] = set()
    try:
        while not done:
            trying.add(asyncio.create_task(Link.open(target, connect_timeout, clock)))
            done, _ = await asyncio.wait(trying, timeout=_SILENT, return_when=asyncio.FIRST_COMPLETED)
        first = done.pop()
        trying.discard(first)
        return first.result()
    finally:
        for task in trying:
            task.cancel()
        for made in await asyncio.gather(*trying, return_exceptions=True):
            if isinstance(made, Link):
                await made.close()
