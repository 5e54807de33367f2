"""Drivers: what an Executor does with each kind of request. They know Documents; what runs them knows only bytes."""

from peavine.drivers import (
    cache,
    convert,
    craft,
    encode,
    evaluate,
    index,
    keywords,
    log,
    predict,
    querylang,
    rank,
    read,
    reduce,
    search,
    train,
    whole,
)
from peavine.drivers.build import build
from peavine.drivers.call import Call, Query
from peavine.drivers.driver import Driver, Executing, Task, Traversing, registry
from peavine.drivers.preparing import check_executors, prepare
from peavine.drivers.runner import Runner, Where

# Each defines Drivers, which the registry knows by name once their module is there.
_MODULES = (
    cache, convert, craft, encode, evaluate, index, keywords, log, predict, querylang, rank, read, reduce, search,
    train, whole,
)  # fmt: skip

__all__ = [
    "Call",
    "Driver",
    "Executing",
    "Query",
    "Runner",
    "Task",
    "Traversing",
    "Where",
    "build",
    "check_executors",
    "prepare",
    "registry",
]
