"""`python -m peavine_operator`: watch Flows and Pods, and make them so. Settings: PEAVINE_OPERATOR_* (settings.py)."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from dataclasses import replace

from peavine_operator import dns, election, metrics
from peavine_operator.cluster import Cluster
from peavine_operator.handlers import WatchEnded, stop_by_signals
from peavine_operator.operation import Operation
from peavine_operator.settings import Settings, from_environment


async def operate(settings: Settings) -> int:
    """Wait for the Lease, work while it is held, and return the exit code."""
    stop = asyncio.Event()
    stop_by_signals(stop)
    cluster = await Cluster.connect(settings)

    def unhealthy() -> str | None:
        silence = cluster.silence()
        metrics.SILENCE.set(silence)
        return f"a watch has been silent for {silence:.0f} s" if silence > settings.silence_seconds else None

    page = await metrics.serve(settings.port, unhealthy)
    try:
        work = Operation(cluster, settings, stop)
        return 1 if await election.lead(cluster, stop, work.run) else 0
    except WatchEnded as error:
        logging.getLogger(__name__).error("%s", error)
        # kopf leaves tasks behind that go on when they are cancelled, and asyncio.run would wait for them.
        os._exit(1)
    finally:
        await cluster.close()
        await page.cleanup()


def main() -> None:
    """Run the operator until SIGTERM."""
    try:
        settings = from_environment()
    except ValueError as error:
        sys.exit(str(error))
    settings = replace(settings, cluster_domain=settings.cluster_domain or dns.cluster_domain())
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.exit(asyncio.run(operate(settings)))


if __name__ == "__main__":
    main()
