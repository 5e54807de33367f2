"""One replica works at a time: the one that holds the Lease.

The algorithm is the Kubernetes client's. What is added here: every request has a deadline, an API server that cannot
be reached is a failure to renew and no crash, and a replica that ends lets go of the Lease, so that the next one need
not wait for it to run out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import aiohttp
from kubernetes.aio.client import ApiClient, ApiException, Configuration
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

from peavine_operator import metrics
from peavine_operator.settings import Settings

T = TypeVar("T")
_log = logging.getLogger(__name__)
REQUEST_SECONDS = 3.0


class BoundedLease(LeaseLock):
    """A Lease whose requests end within their time."""

    async def get(self, name: str, namespace: str) -> Any:
        """Return whether it could be read, and the record or the error."""
        try:
            return await _bounded(super().get(name, namespace))
        except ApiException as error:
            return False, error

    async def create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:
        """Return whether it could be made."""
        return await _succeeded(super().create(name, namespace, election_record))

    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        """Return whether it could be written."""
        return await _succeeded(super().update(name, namespace, updated_record))

    async def release(self) -> None:
        """Say that nobody holds it, if it is held by this replica."""
        known, record = await self.get(self.name, self.namespace)
        lease = self.lease_reference
        if known and record.holder_identity == self.identity and lease is not None and lease.spec is not None:
            lease.spec.holder_identity = ""
            try:
                await _bounded(self.api_instance.replace_namespaced_lease(self.name, self.namespace, lease))
            except ApiException as error:
                _log.warning("could not let go of the Lease: %s", error.reason)


async def _bounded(request: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await request
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise ApiException(status=0, reason=f"cannot reach the API server: {error or 'no answer'}") from error


async def _succeeded(request: Coroutine[Any, Any, bool]) -> bool:
    try:
        return await _bounded(request)
    except ApiException as error:
        _log.warning("the Lease was not written: %s", error.reason)
        return False


async def lead(
    settings: Settings, configuration: Configuration, stop: asyncio.Event, act: Callable[[], Awaitable[None]]
) -> bool:
    """Run `act` once the Lease is held, until it ends, `stop` is set or the Lease is lost; return whether it was lost.

    Whoever lost the Lease must end its process: another replica may be at work already.
    """
    async with ApiClient(configuration) as client:
        lease = BoundedLease(settings.lease_name, settings.namespace, settings.identity, client)
        acting = asyncio.Event()

        async def started() -> None:
            metrics.LEADING.set(1)
            _log.info("%s holds the Lease %s/%s", settings.identity, settings.namespace, settings.lease_name)
            acting.set()

        async def nothing() -> None:
            pass

        duration = settings.lease_seconds
        config = Config(lease, duration, duration * 2 / 3, max(1.0, duration / 7.5), started, nothing)
        holding = asyncio.create_task(LeaderElection(config).run())
        stopping = asyncio.create_task(stop.wait())
        tasks = {holding, stopping}
        _log.info("waiting for the Lease %s/%s", settings.namespace, settings.lease_name)
        try:
            ready = asyncio.create_task(acting.wait())
            tasks.add(ready)
            await asyncio.wait({ready, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            if acting.is_set() and not stop.is_set():
                working = asyncio.ensure_future(act())
                tasks.add(working)
                await asyncio.wait({working, holding, stopping}, return_when=asyncio.FIRST_COMPLETED)
                lost = holding.done()
                if not lost and not working.done():
                    await working
                if working.done():
                    working.result()
                if lost:
                    _log.error("the Lease is lost")
                    return True
            return False
        finally:
            metrics.LEADING.set(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await lease.release()
