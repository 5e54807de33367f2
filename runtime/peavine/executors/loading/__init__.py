"""How an Executor is made from its YAML or object: read, checked with its class and its files, made and opened."""

from peavine.executors.loading.load import Draft, load, load_config, opened

__all__ = ["Draft", "load", "load_config", "opened"]
