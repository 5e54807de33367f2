"""How long requests may take, by kind: a search is waited for, an index request carries work, a training takes long."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from peavine.spec.facts import Facts, Reader
from peavine.spec.model import Model

Seconds = Annotated[int, Field(ge=1, le=86400)]

SHORTEST_GRACE: Final = 20.0
LONGEST_GRACE: Final = 540.0
"""Bounds of `grace_seconds`. With the pauses before and after, the longest stays below the ten minutes that autoscalers
of nodes wait for a pod."""


class Timeouts(Model):
    """Time limits of requests by kind, in seconds."""

    timeout_seconds: Annotated[Seconds, Facts(Reader.GATEWAY)] = 10
    """Time that a search or a read may take from end to end, unless the client asks for less. The timeouts that the
    Pods on one way through the graph set must add up to no more than this."""
    index_timeout_seconds: Annotated[Seconds, Facts(Reader.GATEWAY)] = 60
    """Time that a request to index, update or delete may take from end to end. What Pods set must fit into it, too."""
    train_timeout_seconds: Annotated[Seconds, Facts(Reader.GATEWAY)] = 600
    """Time that a request to train may take from end to end. What Pods set must fit into it, too."""

    def timeout(self, kind: str) -> float:
        """Return the seconds that a request of this kind may take."""
        match kind:
            case "search" | "read":
                return self.timeout_seconds
            case "train":
                return self.train_timeout_seconds
            case _:
                return self.index_timeout_seconds

    @property
    def longest(self) -> float:
        """Seconds that a request of any kind may take at the most."""
        return max(self.timeout_seconds, self.index_timeout_seconds, self.train_timeout_seconds)

    @property
    def grace_seconds(self) -> float:
        """Seconds that a process which is shutting down gives to requests in flight.

        Training does not count: it is sent again to another Pea, and would hold up every rollout for minutes.
        """
        longest = max(self.timeout_seconds, self.index_timeout_seconds)
        return min(max(longest, SHORTEST_GRACE), LONGEST_GRACE)


FIELDS: Final = tuple(Timeouts.model_fields)
"""Names of the three fields."""
