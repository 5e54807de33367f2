"""The domain of the cluster's DNS, as the kubelet writes it into each container."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

RESOLVER: Final = Path("/etc/resolv.conf")
SEARCHED: Final = re.compile(r"^svc\.(.+?)\.?$")
"""The search domain of Services, among others such as NAMESPACE.svc.DOMAIN and DOMAIN itself."""


def cluster_domain(resolver: Path = RESOLVER) -> str:
    """Return the domain under which the cluster has Services; empty where the resolver's file names none."""
    try:
        text = resolver.read_text(errors="replace")
    except OSError:
        return ""
    searched = [line.split()[1:] for line in text.splitlines() if line.split()[:1] == ["search"]]
    for domain in searched[-1] if searched else ():
        if found := SEARCHED.match(domain):
            return found[1]
    return ""
