# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
# The image part of llama.cpp is not needed, and takes more than half of the compilation.
export CMAKE_ARGS ?= -DLLAVA_BUILD=OFF
export DAGSTER_HOME ?= $(CURDIR)/dagster_home

.DEFAULT_GOAL := help
.PHONY: help demo test check ui clean benchmark-cluster

help:
	@echo 'make demo          install, run the demo experiment, show the comparison'
	@echo 'make ui            Dagster UI and dashboard, on loopback'
	@echo 'make test          install the test extras and run the whole suite'
	@echo 'make check         format, lint, types'
	@echo 'make benchmark-X   X: engine, estimation, judge, dashboard, cluster, ...'

# Installation says that it is at work: llama.cpp compiles for some minutes the first time, pip keeps the result.
.venv/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12) and "Python 3.11 or 3.12 is needed: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo 'installing; llama.cpp compiles for about 4 minutes on 2 cores the first time'
	@$(BIN)/pip install --progress-bar on -e '.[demo]' > .venv/install.log 2>&1 & pid=$$!; \
	while kill -0 $$pid 2>/dev/null; do sleep 5; printf '.'; done; echo; \
	wait $$pid || { tail -40 .venv/install.log; echo 'installation failed; the whole log is .venv/install.log'; exit 1; }
	@touch $@

.venv/installed-test: .venv/installed
	$(BIN)/pip install --quiet -e '.[demo,test]'
	@touch $@

# Ray and Postgres' client, some 700 MB: for the test that loses a machine of a cluster, which says so where they lack.
.venv/installed-cluster: .venv/installed-test
	$(BIN)/pip install --quiet -e '.[demo,test,cluster]'
	@touch $@

demo: .venv/installed
	$(BIN)/arena fetch-model smollm2
	$(BIN)/arena run demo
	@echo
	@echo 'Next: `make ui` starts the Dagster UI (http://127.0.0.1:3000) and the dashboard (http://127.0.0.1:8501).'

ui: .venv/installed
	$(BIN)/arena ui

test: .venv/installed-cluster
	$(BIN)/arena fetch-model smollm2
	$(BIN)/python -m pytest $(TESTS)

check: .venv/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

benchmark-cluster: .venv/installed-cluster
	$(BIN)/python -m benchmarks.cluster

benchmark-%: .venv/installed-test
	$(BIN)/arena fetch-model smollm2
	$(BIN)/python -m benchmarks.$*

clean:
	rm -rf .venv build *.egg-info
