"""Drivers: what an Executor does with each kind of request. They know Documents; what runs them knows only bytes."""

from peavine.drivers.build import build
from peavine.drivers.call import Call, Query
from peavine.drivers.driver import Driver, Executing, Traversing, Work, registry
from peavine.drivers.runner import Runner

__all__ = ["Call", "Driver", "Executing", "Query", "Runner", "Traversing", "Work", "build", "registry"]
