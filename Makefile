# `make demo` runs the main job, `make test` passes the tests; both install what they need into .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
LOCKS := requirements/runtime.lock requirements/dev.lock

ifdef UV
INSTALL = $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python
else
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

.PHONY: demo test dev lint lock clean

demo: $(VENV)/.runtime
	$(BIN)/raftline demo

dev: $(VENV)/.runtime
	$(BIN)/raftline dev

test: $(VENV)/.dev
	$(BIN)/python -m pytest

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
	touch $@

# Needs uv. The locks hold names, versions and hashes only.
lock:
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes \
	  --no-header --upgrade --quiet -o requirements/runtime.lock
	uv pip compile pyproject.toml --group build --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --quiet -c requirements/runtime.lock -o requirements/dev.lock

# Leaves the home alone: it holds the ledger of paid calls.
clean:
	rm -rf $(VENV)
