# What a person can do here: `make` lists it. Everything is set up on the way; nothing needs root.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# A proto's path is its Python package; $(1) is where the packages stand.
generate = mkdir -p $(1) && $(BIN)/python -m grpc_tools.protoc --proto_path=protos --python_out=$(1) --pyi_out=$(1) \
	--grpc_python_out=$(1) $(patsubst protos/%,%,$(wildcard protos/*/v1/*.proto))

# An environment is made anew by emptying its directory: behind a link that is somebody else's.
refuse_link = test ! -L $(1) || \
	{ echo "$(1) is a symbolic link, and what it leads to would be emptied: remove the link (rm $(1)) and run make again"; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help setup build demo test check format unit contract integration e2e bars lock protos same-protos down clean

help: ## list the targets
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

setup: $(READY) ## create .venv with every locked dependency

# -I: a PYTHONPATH or user packages of the person must not decide what is found.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Plimsoll needs Python 3.11 or newer, and $(PYTHON) is older: choose one with make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -I -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) has no venv module. On Debian and Ubuntu, as root: apt-get install python3-venv"; exit 1; }
	@$(call refuse_link,$(VENV))
	@echo "setting up $(VENV) (once, about half a minute)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

build: $(READY) ## build the local control plane's programs (once, about ten minutes)
	@$(BIN)/python -m deploy.local build

demo: $(READY) ## watch Plimsoll do its main job (a minute; CLUSTER=real: on a real control plane, 5 minutes)
	@$(BIN)/python -m plimsoll demo $(if $(CLUSTER),--cluster $(CLUSTER)) $(DEMO)

test: check contract integration e2e ## everything that must hold: checks, then embedded and real clusters, real Prometheus

check: $(READY) ## format, lint, types, import contracts and unit tests (a minute or two)
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(MAKE) --no-print-directory same-protos
	@$(MAKE) --no-print-directory unit

format: $(READY) ## format and sort, in place
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

unit: $(READY) ## unit and property tests
	@$(BIN)/python -m pytest tests $(foreach room,contract story integration e2e,--ignore tests/$(room))

contract: $(READY) ## what the embedded cluster keeps, and random stories on it
	@$(BIN)/python -m pytest tests/contract tests/story

integration: build ## tests on a real Prometheus
	@$(BIN)/python -m pytest tests/integration

e2e: build ## tests on a real control plane, the contract among them
	@$(BIN)/python -m pytest tests/e2e tests/contract --cluster real

bars: build ## the long measurements; rewrites the tables in docs/benchmarks.md
	@$(BIN)/python -m tests.benchmarks

lock: ## resolve the dependencies of pyproject.toml anew into requirements.lock and the image's
	@$(call refuse_link,.lock-venv)
	@$(PYTHON) -m venv --clear .lock-venv && .lock-venv/bin/pip install --quiet uv
	@.lock-venv/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --upgrade \
		--quiet --no-header --no-annotate --output-file requirements.lock
	@.lock-venv/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
		--constraint requirements.lock --quiet --no-header --no-annotate --output-file deploy/image/requirements.lock
	@rm -rf .lock-venv

protos: $(READY) ## generate autoscaler/v1 and extender/v1 from protos/ anew
	@$(call generate,.)

same-protos: $(READY)
	@$(call generate,.protos)
	@diff -r -x __pycache__ -x __init__.py .protos/autoscaler/v1 autoscaler/v1 && \
		diff -r -x __pycache__ -x __init__.py .protos/extender/v1 extender/v1 && rm -rf .protos || \
		{ rm -rf .protos; echo "the generated code differs from protos/; run: make protos"; exit 1; }

down: $(READY) ## end a local control plane that was left running
	@$(BIN)/python -m deploy.local down

clean: ## delete what this checkout made (the built programs in the cache stay)
	@rm -rf $(VENV) .lock-venv .protos .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
