# Souk. `make help` lists what can be done; every target sets up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Modules by name and not by script: scripts hold the path of the folder they were installed in.
RUN := $(BIN)/python -m
INSTALLED := $(VENV)/.installed
LOCK := $(BIN)/uv pip compile --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	--no-header --no-annotate
ARGS ?=
# Of the suite's files, those of one shard: SHARD=1/3 on the first of three machines.
SHARD ?=
# One test process more than cores: many tests wait for a date, a server or another process.
PARALLEL ?= $(shell expr 1 + $$(getconf _NPROCESSORS_ONLN))
IN_PARALLEL := --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install demo up test test-fast typescript record-histories bench check format lock pin-images clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## make .venv with everything in it, pinned and checked by hash

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Souk needs Python 3.11 or newer as '$(PYTHON)': try make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(RUN) pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(INSTALLED) ## agents trade on a fresh market of their own, on a terminal until Ctrl-C
	$(RUN) souk demo $(ARGS)

up: $(INSTALLED) ## run Souk; data and running processes survive a restart
	$(RUN) souk up $(ARGS)

test: $(INSTALLED) ## run every test (ARGS="tests/e2e -k journey": what it names; SHARD=1/3: one shard)
ifeq ($(strip $(ARGS)),)
	$(RUN) pytest -n $(PARALLEL) $(IN_PARALLEL) $(if $(SHARD),--shard=$(SHARD))
else
	$(RUN) pytest $(ARGS)
endif

test-fast: $(INSTALLED) ## run the tests of rules, workflows, replay and database: under a minute
	$(RUN) pytest -n 2 $(IN_PARALLEL) -m "not slow" tests/rules tests/workflows tests/replay tests/db $(ARGS)

typescript: $(INSTALLED) ## generate and build clients/typescript from this version's API (needs Node)
	npm ci --prefix clients/typescript
	$(RUN) souk openapi > clients/typescript/openapi.json
	SOUK_OPENAPI=openapi.json npm run --prefix clients/typescript generate
	npm run --prefix clients/typescript build

bench: $(INSTALLED) ## every bench, into docs/benchmarks.md (ARGS="flow --quick" runs what it names)
	$(RUN) souk bench $(if $(strip $(ARGS)),$(ARGS),all)

record-histories: $(INSTALLED) ## record the processes' histories for the replay tests anew
	$(RUN) tests.replay.record

check: $(INSTALLED) ## lint, format check, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(RUN) mypy
	$(BIN)/lint-imports

format: $(INSTALLED) ## format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(INSTALLED) ## resolve the dependencies anew: everything, and of it what the image runs and is built with
	$(LOCK) --group pyproject.toml:dev pyproject.toml -o requirements.lock
	$(LOCK) --constraint requirements.lock pyproject.toml -o requirements-runtime.lock
	$(LOCK) --constraint requirements.lock --group pyproject.toml:build -o requirements-build.lock

pin-images: ## write the images' digests into docker-compose.yml and Dockerfile (needs docker buildx)
	sh deploy/pin-images.sh

clean: ## remove .venv and every cache; data in .souk stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
