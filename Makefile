# `make` alone prints what can be made.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The folder operator/ must never hide the standard library's `operator`.
export PYTHONSAFEPATH := 1

VENV := .venv
PY := $(VENV)/bin/python
# The first Python that will do. A command of that name may be there and not work: it is tried.
WORKS := import sys, venv, ensurepip; assert sys.version_info >= (3, 11)
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
  $$name -c '$(WORKS)' 2>/dev/null && { command -v $$name; break; }; done)
HASH := $(shell sha256sum pyproject.toml | cut -c1-16)
USER_STAMP := $(VENV)/.user-$(HASH)
DEV_STAMP := $(VENV)/.dev-$(HASH)

##@ Use

help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	/^[a-z-]+:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(USER_STAMP) dataset ## Index and search Fashion-MNIST on this machine, and write a page of pictures
	@$(VENV)/bin/peavine hello

# The real data is a Debian package. Without it the demo uses a sample that peavine carries.
dataset:
	@test -d /usr/share/datasets/fashion-mnist || { \
	  test "$$(id -u)" = 0 && command -v apt-get >/dev/null && { apt-get install -y -qq dataset-fashion-mnist || \
	    { apt-get update -qq && apt-get install -y -qq dataset-fashion-mnist; }; } >/dev/null 2>&1; \
	} || echo "The demo uses a sample of 2,000 images; for all 60,000: apt-get install dataset-fashion-mnist"

##@ Develop

setup: $(DEV_STAMP) ## Make .venv with all that the tests need

hooks: $(DEV_STAMP) ## Run the fast checks at each commit, and make check at each push
	@$(VENV)/bin/pre-commit install

check: $(DEV_STAMP) ## Lint, formatting, types, layers, generated files, docs, chart
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(PY) tools/generate.py --check
	@made="$$($(VENV)/bin/mkdocs build --strict --site-dir .cache/site 2>&1)" || { echo "$$made"; exit 1; }
	@$(PY) tools/chart.py

# Percentage of lines that tests must reach. What runs in images, on a cluster, is not counted.
COVERED := 88
# A file is run by one process, so these begin first, and not those with most tests, as xdist would have it.
LONGEST := tests/local/test_history.py tests/local/test_late_writes.py

# Kubernetes takes minutes to compile on a new machine, so that begins first, alongside the rest. Then come the tests of
# one machine, the last of which use a compiled API server, and after them those of the whole test cluster in turn.
test: $(DEV_STAMP) dataset ## All checks and all tests, with coverage
	@test -n "$${KUBECONFIG:-}" || { nice -n 15 sh -c '$(CLUSTER) build && tools/images.py build' >/dev/null 2>&1 & }
	@$(MAKE) --no-print-directory check
	@$(VENV)/bin/pytest --cov --cov-report= -n 2 --dist loadfile --no-loadscope-reorder $(LONGEST) tests/test_layout.py tests/unit tests/local tests/api
	@$(VENV)/bin/pytest --cov --cov-report= --cov-append tests/cluster
	@$(MAKE) --no-print-directory bench-quick
	@$(VENV)/bin/coverage report --skip-covered --fail-under=$(COVERED)

generate: $(DEV_STAMP) ## Make again what is generated: stubs, custom resources, reference
	@$(PY) tools/generate.py

matrix: $(DEV_STAMP) ## Unit and some local tests with Python 3.11 to 3.13, and with the lowest dependencies
	@$(PY) tools/matrix.py

fuzz: $(DEV_STAMP) ## Send nearly valid input to parsers and to a Flow, for FUZZ_SECONDS (300)
	@FUZZ_SECONDS="$${FUZZ_SECONDS:-300}" $(VENV)/bin/pytest -s tests/local/test_fuzz.py

# Benchmarks import one another from their own folder, which PYTHONSAFEPATH would keep them from.
BENCH := env -u PYTHONSAFEPATH $(PY)

bench: $(DEV_STAMP) dataset ## Run every benchmark; each prints a table with its own baseline
	@for name in data_plane slow_pods search growth documents store attacks; do \
	  echo "== bench/$$name.py"; $(BENCH) "bench/$$name.py"; done

bench-quick: $(DEV_STAMP) ## Compare the CPU time of a Flow with that of bare gRPC; fail where it collapsed
	@$(BENCH) bench/data_plane.py --quick

##@ Release

dist: $(DEV_STAMP) ## Build sdist, wheel and chart into dist/, and try the wheel in a fresh environment
	@$(PY) tools/release.py dist

# The archives are built from the commit, and the commit gets its tag when they are good. Nothing is published.
release: $(DEV_STAMP) ## Make the release VERSION: changelog, commit, archives in dist/, tag (docs/releasing.md)
	@test -n "$(VERSION)" || { echo "say which: make release VERSION=1.2.3" >&2; exit 2; }
	@$(PY) tools/release.py prepare "$(VERSION)"
	@$(MAKE) --no-print-directory check
	@git add --all && git commit --quiet --message "release: $(VERSION)"
	@$(MAKE) --no-print-directory dist
	@git tag --annotate --message "peavine $(VERSION)" "v$(VERSION)"

##@ Kubernetes

CLUSTER := tools/cluster/cluster
# Installs the chart with the images of this tree, or upgrades to them.
INSTALL := helm upgrade --install peavine helm/peavine --namespace peavine-system --create-namespace --take-ownership --wait --timeout 3m

images: ## Build the images of the runtime and the operator
	@tools/images.py build

cluster-up: ## Start a real Kubernetes of two nodes on this machine, and install peavine in it (root; no docker)
	@$(CLUSTER) up --nodes 2
	@tools/images.py load
	@eval "$$($(CLUSTER) env)"; $(INSTALL) --set image.tag="$$(tools/images.py tag)"
	@echo 'Now, in your shell:  eval "$$($(CLUSTER) env)"'

cluster-down: ## Take it down, with all that was in it
	@$(CLUSTER) down

kind-up: ## Make a kind cluster and install peavine in it (docker, kind, kubectl, helm)
	@kind get clusters | grep -qx peavine || kind create cluster --name peavine --wait 2m
	@tools/images.py kind peavine
	@$(INSTALL) --kube-context kind-peavine --set image.tag="$$(tools/images.py tag)"

$(DEV_STAMP): | $(VENV)/bin/pip
	@$(PY) -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@rm -f $(VENV)/.dev-* $(VENV)/.user-* && touch $@ $(USER_STAMP)

$(USER_STAMP): | $(VENV)/bin/pip
	@$(PY) -m pip install --quiet --disable-pip-version-check -e .
	@rm -f $(VENV)/.user-* && touch $@

$(VENV)/bin/pip:
	@test -n "$(PYTHON)" || { \
	  echo "peavine needs Python 3.11 or later with venv: apt-get install python3 python3-venv, or make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV)

.PHONY: help demo dataset setup hooks check test generate matrix fuzz bench bench-quick dist release images cluster-up cluster-down kind-up
