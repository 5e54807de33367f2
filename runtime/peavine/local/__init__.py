"""A Flow as processes on this machine: the same programs as in a cluster, supervised by this process.

Nothing here reads manifests or talks to users: what a child prints goes to the `sink` that the caller gives.
"""

from peavine.local.layout import Layout, Listen, Process, layout
from peavine.local.runner import START_SECONDS, LocalFlow

__all__ = ["START_SECONDS", "Layout", "Listen", "LocalFlow", "Process", "layout"]
