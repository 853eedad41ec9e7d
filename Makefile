# Everything a fresh machine with Python 3.11, make and pip needs. `make help` lists the targets.

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
ROOT_ONLY := $(if $(filter 0,$(shell id -u)),--allow-root)
# What a change of makes an installed copy out of date; the version is in __init__.py.
PACKAGE := pyproject.toml emitnb/__init__.py $(wildcard kernels/emitnb/*)
JS := emitnb/notebook/js
MODULES := $(JS)/node_modules/.made

# A virtualenv is only private where nothing from outside reaches into it.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lab bench check js clean debian

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s%s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: .venv/.demo ## run the quickstart on real text; print the graph, the summary and the frame
	@$(BIN)/emitnb demo --out build

# Pages and clusters keep two cores busy by themselves, and other work would make them late; the
# other tests use one core each, so two files of them run at a time. Failures of both are shown.
WHOLE := tests/browser tests/cluster
test: debian $(MODULES) check ## install what the tests need; lint, types, layers and every test
ifdef ARGS
	@$(BIN)/python -m pytest $(ARGS)
else
	@status=0; \
	$(BIN)/python -m pytest -n 2 --dist loadfile $(addprefix --ignore=,$(WHOLE)) || status=1; \
	$(BIN)/python -m pytest $(WHOLE) || status=1; \
	exit $$status
endif

check: .venv/.test ## lint, types and layers only
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

lab: .venv/.demo ## open the notebooks in JupyterLab
	@$(BIN)/emitnb lab $(ROOT_ONLY) $(ARGS)

bench: .venv/.bench ## measure speed and memory against a hand-written loop and other libraries
	@$(BIN)/python -m tests.benchmarks $(ARGS)

js: $(MODULES) ## build the live graph for the browser again, after a change of its source
	@cd $(JS) && npm run --silent build

clean: ## remove all that make made
	rm -rf .venv $(JS)/node_modules build dist
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "emitnb needs Python 3.11 or newer; say which: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "Making .venv" >&2
	@# Debian's python3 cannot put pip into a new virtualenv without python3-venv; its pip can.
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || { $(PYTHON) -m venv --without-pip .venv && \
	  $(PYTHON) -m pip --python .venv/bin/python install -qq pip; }
	@touch $@

.venv/.demo: .venv/.made $(PACKAGE)
	@echo "Installing emitnb and what it needs into .venv" >&2
	@$(PIP) install -e '.[tutorial]'
	@touch $@

.venv/.test .venv/.bench: .venv/.%: .venv/.made $(PACKAGE)
	@echo "Installing emitnb and what make $* needs into .venv" >&2
	@$(PIP) install -e '.[$*]'
	@touch $@

$(MODULES): $(JS)/package.json $(JS)/package-lock.json | debian
	@echo "Installing what the live graph is built and tested with into $(JS)" >&2
	@cd $(JS) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

debian: # packages that pip cannot install: the browser, and what builds for it
	@missing=; command -v chromium >/dev/null || missing=chromium; \
	command -v node >/dev/null && command -v npm >/dev/null || missing="$$missing nodejs npm"; \
	test "$$missing" || exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing $$missing with apt-get" >&2; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get -qq update && \
	  apt-get -qq install -y --no-install-recommends $$missing >/dev/null </dev/null; \
	else \
	  echo "The tests build for a real browser and drive it. Install this, then run make again:" >&2; \
	  echo "    sudo apt-get update && sudo apt-get install" $$missing >&2; exit 1; \
	fi
