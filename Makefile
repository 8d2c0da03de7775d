# Sluice in two commands, on a machine with nothing but make and Python 3.11 or newer: `make run`, `make test`.
# Another Python: make test PYTHON=python3.13 VENV=.venv-3.13

USABLE = -c 'import sys; sys.exit(sys.version_info < (3, 11))'
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" $(USABLE) 2>/dev/null && echo "$$p" && break; done)
endif
VENV ?= .venv
SCALE ?= 1
N ?= 1000

# The name of the stamp holds the version, so that another PYTHON makes another environment.
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-with-$(shell "$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help setup run test lint agree interpreted coverage bench chaos slices clean

help:  ## say what there is to make
	@echo 'make run      simulate the whole milk-tea day and draw its report (SCALE=0.02 for a fiftieth of it)'
	@echo 'make test     all tests, the linter, the formatter and the types'
	@echo 'make lint     the linter, the formatter and the types alone'
	@echo 'make bench    all benchmarks, on a machine that does nothing else (QUICK=1: small, FULL=1: 10^8 orders too)'
	@echo 'make chaos    what becomes of orders when processes and servers break, and of honest people among hostile ones (needs Redis and PostgreSQL; about 15 minutes)'
	@echo 'make slices   slices of scenarios played live, beside their simulation (about 15 minutes on a machine that does nothing else)'
	@echo 'make agree    both engines on N fresh scenarios, on all cores (N=1000)'
	@echo 'make interpreted  all tests, with the compiled engine interpreted: shows what Numba gets wrong, and what it hides'
	@echo 'make coverage how much of the compiled engine N fresh scenarios reach, branch by branch (N=1000)'
	@echo 'make setup    build the environment ($(VENV)); the others do it when it is needed'
	@echo 'make clean    remove the environment and caches; runs/ stays'

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@"$(PYTHON)" $(USABLE) || { \
		echo 'Sluice needs Python 3.11 or newer; name one: make setup PYTHON=/path/to/python3' >&2; exit 1; }
	@test ! -e "$(VENV)" || test -e "$(VENV)/pyvenv.cfg" || { \
		echo '$(VENV) is there and is not a virtual environment; name another place: make setup VENV=...' >&2; exit 1; }
	@echo 'Building $(VENV) with $(PYTHON) from constraints.txt; this takes a minute or two.'
	@"$(PYTHON)" -m venv --clear "$(VENV)"
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -e '.[test,report,live]' -c constraints.txt
	@touch "$@"

run: setup
	@echo 'Simulating the milk-tea day at scale $(SCALE). The first time the engine is compiled, for two minutes or so. Then the whole day takes about a minute and 1.1 GB, its report some seconds.'
	@"$(BIN)/sluice" run milk-tea-day --scale $(SCALE) --report

test: lint
	"$(BIN)/python" -m pytest -n auto --dist worksteal

lint: setup
	"$(BIN)/python" -m ruff check .
	"$(BIN)/python" -m ruff format --check .
	"$(BIN)/python" -m mypy

agree: setup
	SLUICE_AGREE=$(N) "$(BIN)/python" -m pytest -n auto --dist worksteal tests/test_agreement.py

interpreted: setup
	NUMBA_DISABLE_JIT=1 "$(BIN)/python" -m pytest -n auto --dist worksteal

coverage: setup
	NUMBA_DISABLE_JIT=1 SLUICE_AGREE=$(N) "$(BIN)/python" -m coverage run -m pytest \
		tests/test_agreement.py tests/test_engine_regressions.py tests/test_engine_bounds.py
	"$(BIN)/python" -m coverage report

bench: $(STAMP)-bench
	@"$(BIN)/python" -m benchmarks $(if $(QUICK),--quick) $(if $(FULL),--full) --json $(or $(JSON),runs/benchmarks.json)
	@echo 'The same as JSON, and as a page beside it: $(or $(JSON),runs/benchmarks.json)'

chaos: setup
	@"$(BIN)/python" -m benchmarks.chaos --json $(or $(JSON),runs/chaos.json)
	@echo 'The same as JSON, and as a page beside it: $(or $(JSON),runs/chaos.json)'

slices: setup
	@"$(BIN)/python" -m benchmarks.slices --json $(or $(JSON),runs/slices.json)
	@echo 'The same as JSON, and as a page beside it: $(or $(JSON),runs/slices.json)'

$(STAMP)-bench: $(STAMP)
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -e '.[bench]' -c constraints.txt
	@touch "$@"

clean:
	@test ! -e "$(VENV)/pyvenv.cfg" || rm -rf "$(VENV)"
	rm -rf build *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +
