"""The version of peavine: the package, the chart and the images take it from here. `make release` changes it."""

__version__ = "0.1.0"
