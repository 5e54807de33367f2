"""One replica works at a time: the one that holds the Lease.

The algorithm is the Kubernetes client's. What is added here: every request has a deadline, an API server that cannot
be reached is a failure to renew and no crash, a replica that could not renew in time, or sees that another one holds
the Lease, stops at once however long its requests take, and one that ends lets go of the Lease, so that the next one
need not wait for it to run out.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio.client import ApiException
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.baselock import BaseLock

from peavine_operator import kinds, metrics
from peavine_operator.cluster import ApiError, Cluster
from peavine_operator.kinds import Ref

_log = logging.getLogger(__name__)
REQUEST_SECONDS = 3.0


class Lease(BaseLock):
    """The Lease object as the algorithm wants it: who holds it, since when and until when."""

    def __init__(self, cluster: Cluster) -> None:
        settings = cluster.settings
        super().__init__(settings.lease_name, settings.namespace, settings.identity)
        self._cluster = cluster
        self._live: dict[str, Any] = {}
        self._renewed = 0.0
        """When the last write that succeeded was begun."""
        self._taken = asyncio.Event()
        """Another replica was seen to hold what this one held."""

    async def lost(self, seconds: float) -> None:
        """Return when it was not renewed for so long, or another replica holds it."""
        while not self._taken.is_set() and (left := self._renewed + seconds - time.monotonic()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._taken.wait(), left)

    async def get(self, name: str, namespace: str) -> Any:
        """Return whether it could be read, and the record or else the error."""
        try:
            live = await _bounded(self._cluster.get(Ref(kinds.LEASE, namespace, name)))
        except ApiError as error:
            return False, ApiException(status=error.status, reason=error.message)
        if live is None:
            return False, ApiException(status=404, body=json.dumps({"code": 404}))
        self._live = live
        spec = live.get("spec", {})
        if self._renewed and spec.get("holderIdentity") != self.identity:
            self._taken.set()
        return True, LeaderElectionRecord(
            spec.get("holderIdentity") or None,
            str(spec["leaseDurationSeconds"]) if "leaseDurationSeconds" in spec else None,
            spec.get("acquireTime"),
            spec.get("renewTime"),
        )

    async def create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:
        """Return whether it could be made."""
        self._live = {
            "apiVersion": kinds.LEASE.api_version,
            "kind": kinds.LEASE.name,
            "metadata": {"name": name, "namespace": namespace},
        }
        return await self._write(election_record, self._cluster.create)

    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        """Return whether it could be written; it cannot where another replica wrote it since it was read."""
        return await self._write(updated_record, self._cluster.replace)

    async def release(self) -> None:
        """Let go of it, if this replica holds it."""
        known, record = await self.get(self.name, self.namespace)
        if known and record.holder_identity == self.identity:
            record.holder_identity = ""
            await self._write(record, self._cluster.replace)

    async def _write(self, record: LeaderElectionRecord, write: Callable[[dict[str, Any]], Awaitable[Any]]) -> bool:
        before, began = self._live.get("spec", {}), time.monotonic()
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        taken = before.get("holderIdentity") != record.holder_identity
        spec = {
            **before,
            "holderIdentity": record.holder_identity,
            "leaseDurationSeconds": int(float(record.lease_duration or 1)),
            "acquireTime": now if taken else before.get("acquireTime", now),
            "renewTime": now,
            "leaseTransitions": before.get("leaseTransitions", -1) + bool(taken and record.holder_identity),
        }
        try:
            await _bounded(write({**self._live, "spec": spec}))
        except ApiError as error:
            _log.warning("the Lease was not written: %s", error)
            return False
        self._renewed = began
        return True


async def _bounded(request: Awaitable[Any]) -> Any:
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await request
    except TimeoutError as error:
        raise ApiError(0, f"the API server did not answer within {REQUEST_SECONDS:.0f} s") from error


async def lead(cluster: Cluster, stop: asyncio.Event, act: Callable[[], Awaitable[None]]) -> bool:
    """Run `act` once the Lease is held, until it ends, `stop` is set or the Lease is lost; return whether it was lost.

    `act` ends by itself when `stop` is set. Whoever lost the Lease must end its process: another replica may be at
    work already.
    """
    lease, acting = Lease(cluster), asyncio.Event()

    async def started() -> None:
        metrics.LEADING.set(1)
        _log.info("%s holds the Lease %s/%s", lease.identity, lease.namespace, lease.name)
        acting.set()

    async def nothing() -> None:
        pass

    seconds = cluster.settings.lease_seconds
    patience = seconds * 2 / 3
    config = Config(lease, seconds, patience, max(1.0, seconds / 7.5), started, nothing)
    _log.info("waiting for the Lease %s/%s", lease.namespace, lease.name)
    holding = asyncio.create_task(LeaderElection(config).run())
    tasks: set[asyncio.Future[Any]] = {holding}
    tasks |= {asyncio.create_task(stop.wait()), asyncio.create_task(acting.wait())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            return False
        if acting.is_set():
            working, lost = asyncio.ensure_future(act()), asyncio.create_task(lease.lost(patience))
            tasks |= {working, lost}
            await asyncio.wait({working, holding, lost}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
                return False
        if holding.done():
            holding.result()
        _log.error("the Lease is lost")
        return True
    finally:
        metrics.LEADING.set(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await lease.release()
