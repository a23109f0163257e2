# Every target sets up what it needs; a second run starts at once.
PYTHON ?= $(shell command -v python3.13 >/dev/null 2>&1 && python3.13 --version >/dev/null 2>&1 && echo python3.13 || echo python3)
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv --quiet
AZURITE := local/node_modules/.bin/azurite

# Byte code is kept, beside the tree: without it every process compiles its libraries anew, for seconds.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.local/pycache
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run demo test test-unit lint format lock bench clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' || { \
	  echo "Python 3.13 is needed, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Install it, or name it: make PYTHON=/path/to/python3.13" >&2; exit 1; }
	@echo "Setting up $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.synced: $(BIN)/uv requirements.txt tests/requirements.txt
	@echo "Installing Python packages"
	@$(UV) pip sync --python $(BIN)/python tests/requirements.txt
	@touch $@

$(AZURITE): local/package.json local/package-lock.json
	@command -v npm >/dev/null 2>&1 || { echo "Node.js 20 or newer with npm is needed for Azurite, the local blob storage. Install Node.js and run this again." >&2; exit 1; }
	@echo "Installing Azurite"
	@cd local && npm ci --silent --no-progress
	@touch $@

setup: $(VENV)/.synced $(AZURITE) ## Install what the other targets need

run: setup ## Start the local cloud, do the main job, stay up until Ctrl-C
	@$(BIN)/python -m local run

demo: setup ## The same, and exit: 0 only if every step held
	@$(BIN)/python -m local run --exit

test: setup ## Run all tests
	@rm -rf .local/observed
	@OBSERVED=.local/observed $(BIN)/python -m pytest -q -n 2 --dist loadfile --ignore tests/wire
	@OBSERVED=.local/observed $(BIN)/python -m pytest -q tests/wire

test-unit: setup ## Run the tests that need no port and no process
	@$(BIN)/python -m pytest -q -m "not wire"

lint: $(VENV)/.synced ## Check style, types and import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.synced ## Put the code in form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(BIN)/uv ## Make the two lock files anew from pyproject.toml
	@$(UV) pip compile pyproject.toml --python-version 3.13 --universal --generate-hashes --no-emit-index-url --no-header --upgrade -o requirements.txt
	@$(UV) pip compile pyproject.toml --group dev -c requirements.txt --python-version 3.13 --universal --generate-hashes --no-emit-index-url --no-header --upgrade -o tests/requirements.txt

bench: setup ## Measure
	@$(BIN)/python -m tests.bench

clean: ## Remove everything that the targets made
	@rm -rf $(VENV) .local local/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
