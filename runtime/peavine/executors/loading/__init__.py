"""How an Executor is made from YAML: what is said, whose class it is, what it takes, and what is wrong with it."""

from peavine.executors.loading.load import Draft, load, load_config, make, opened

__all__ = ["Draft", "load", "load_config", "make", "opened"]
