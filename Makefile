# `make demo` runs the main job, `make test` passes the tests; both install what they need into .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
TORCH := torch==2.13.0
# One more than there are cores: some tests wait for a daemon most of their time.
WORKERS := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))

ifdef UV
INSTALL = $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python
else
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

.PHONY: demo demo-azure test dev lint lock clean

demo: $(VENV)/.runtime
	$(BIN)/raftline demo

# The same with every role on an emulator of Azure OpenAI, over HTTP, in a home of its own. No real model takes part.
demo-azure: $(VENV)/.dev
	$(BIN)/python tests/emulators/demo_azure.py

dev: $(VENV)/.runtime
	$(BIN)/raftline dev

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --no-loadscope-reorder

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/ty check orchestration assets resources dbt_like_sql

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(BIN)/python
	$(INSTALL) --no-deps --require-hashes -r requirements/runtime.lock
	$(INSTALL) --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.runtime
	$(INSTALL) --no-deps --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	touch $@

# Needs uv. The locks hold names, versions and hashes only. The extras are resolved together with the base, so that adding
# one later changes no version; the tests run with all of them.
lock:
	uv pip compile pyproject.toml --all-extras --group build --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-package torch --no-header --upgrade --quiet -o requirements/dev.lock
	uv pip compile pyproject.toml --extra layout --group build --universal --python-version 3.11 --generate-hashes \
	  --no-header --quiet -c requirements/dev.lock -o requirements/runtime.lock

# Leaves the home alone: it holds the ledger of paid calls.
clean:
	rm -rf $(VENV)
