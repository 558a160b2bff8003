# The targets are the interface for people; `make` alone lists them.
PYTHON   ?= python3
ARTICLES ?= seeds
DATA     ?= $(or $(CITESPAN_DATA),var)
CHROMIUM ?= $(or $(CITESPAN_CHROMIUM),/usr/bin/chromium)
BIN      := .venv/bin
READY    := .venv/ready
TESTABLE := .venv/testable
TOOLS    := .venv/tools
# PyTorch's files are others on each index that has them, so that no list of hashes fits.
TORCH    := $(shell grep -o 'torch==[0-9.]*' pyproject.toml)
QUIET    := --quiet --disable-pip-version-check
COMPILE  := $(TOOLS)/bin/uv pip compile --quiet --no-deps --generate-hashes --universal \
              --python-version 3.11 --no-header --no-annotate
ROOT     := $(if $(filter 0,$(shell id -u)),,sudo)

.DEFAULT_GOAL := help
.PHONY: help install serve index test test-browser soak check bench bench-peers bench-growth bench-milvus licenses audit lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(READY) ## set up .venv/bin/citespan

serve: $(READY) ## build the index from seeds/ if there is none, and serve on 127.0.0.1:8000
	@$(BIN)/citespan stats --data "$(DATA)" >/dev/null 2>&1 || $(BIN)/citespan index seeds --data "$(DATA)"
	@exec $(BIN)/citespan serve --data "$(DATA)"

index: $(READY) ## rebuild the index; ARTICLES=folder for another folder than seeds
	@$(BIN)/citespan index "$(ARTICLES)" --only --data "$(DATA)"

test: $(TESTABLE) ## run all tests but those in a browser; installs Debian's strace if there is none
	-@command -v strace >/dev/null || $(ROOT) sh -c "apt-get -qq update && apt-get -qq install -y strace"
	$(BIN)/pytest -q -n 3 --durations 20 --dist loadfile --no-loadscope-reorder -m "not browser and not soak"

test-browser: $(TESTABLE) ## run the tests in Chromium; installs Debian's if there is none
	@test -x "$(CHROMIUM)" || $(ROOT) sh -c "apt-get -qq update && apt-get -qq install -y chromium"
	CITESPAN_CHROMIUM="$(CHROMIUM)" $(BIN)/pytest -q -m browser

soak: $(TESTABLE) ## run the long tests: faults by the thousand, ten minutes of load
	$(BIN)/pytest -q -m soak --timeout=7200

check: $(TESTABLE) ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY) ## measure speed and quality on this machine
	$(BIN)/python tests/bench/bench.py
	$(BIN)/python tests/bench/speed.py

bench-peers: $(TESTABLE) ## the same work done by Citespan, Haystack and txtai
	$(BIN)/python tests/bench/bench_peers.py

bench-growth: $(READY) ## libraries of a thousand to a million passages; a quarter of an hour
	$(BIN)/python tests/bench/growth.py --million

bench-milvus: $(TESTABLE) ## the seeds in a folder, on Milvus Lite and on a Milvus server
	$(BIN)/python tests/bench/scale.py

licenses: $(TESTABLE) ## list what runs here with its licence
	@$(BIN)/pip-licenses --order=license --packages torch $$(sed -n 's/==.*//p' requirements.lock)

audit: $(TOOLS)/ready ## look for known holes in what runs here; asks a service outside
	@echo "$(TORCH)" | cat - requirements.lock | sed '/--hash/d; s/ *\\$$//' > $(TOOLS)/pinned
	@found=$$($(TOOLS)/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner=off \
	  --requirement $(TOOLS)/pinned 2>$(TOOLS)/said) && { echo "No hole is known in what runs here."; exit 0; }; \
	if [ -n "$$found" ]; then echo "$$found"; echo "These holes are known: raise the versions, then make lock."; exit 1; fi; \
	echo "Nothing is known: the advisories can't be had from here ($$(tail -n 1 $(TOOLS)/said | sed 's/^ERROR:[a-z_.]*://'))." \
	  "Run make audit where PyPI can be reached."; exit 2

lock: $(TOOLS)/ready ## give each version in the lock files its hashes, after a line was changed
	@$(COMPILE) requirements.lock --output-file requirements.lock
	@grep -v '^-r' requirements-dev.lock | $(COMPILE) - --output-file $(TOOLS)/dev.lock
	@(echo "-r requirements.lock"; cat $(TOOLS)/dev.lock) > requirements-dev.lock

clean: ## remove the virtual environment, and the index in var/
	rm -rf .venv var

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Citespan needs Python 3.11 or newer")'
	@echo "Setting up .venv (torch and friends: a few minutes the first time) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install $(QUIET) --require-hashes --no-deps -r requirements.lock
	@$(BIN)/pip install $(QUIET) $(TORCH)
	@$(BIN)/pip install $(QUIET) --no-deps --no-build-isolation --editable .
	@touch $@

$(TESTABLE): $(READY) requirements-dev.lock
	@$(BIN)/pip install $(QUIET) --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

$(TOOLS)/ready: $(READY)
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/pip install $(QUIET) uv==0.13.9 pip-audit==2.10.1
	@touch $@
