# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
ifndef CMAKE_ARGS
export CMAKE_ARGS := $(shell sh deploy/llama_cmake_args.sh)
endif
export DAGSTER_HOME ?= $(CURDIR)/dagster_home
# A comma for the arguments of make's functions.
, := ,

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast check lock ui clean benchmark-cluster

help:
	@echo 'make demo          install, run the demo experiment, show the comparison'
	@echo 'make ui            Dagster UI and dashboard, on loopback'
	@echo 'make test          install the test extras and run the whole suite'
	@echo 'make test-fast     what needs no browser, server, cluster or model: below 2 minutes'
	@echo 'make check         format, lint, types, layers'
	@echo 'make lock          renew the locked versions of all dependencies'
	@echo 'make benchmark-X   X: engine, estimation, judge, dashboard, cluster, ...'

# Versions and hashes of requirements/, which `make lock` renews; `make LOCKED= ...` takes the newest that pyproject allows.
LOCKED ?= yes
# $(call install,SET,EXTRAS): SET of requirements/, which is whole, with the project itself; or the project with its extras.
install = $(if $(LOCKED),$(BIN)/pip install --require-hashes --no-deps -r requirements/$(1).txt && \
	$(BIN)/pip install --no-deps -e .,$(BIN)/pip install -e '.[$(2)]')

# Installation says that it is at work: llama.cpp compiles for some minutes the first time, pip keeps the result.
.venv/installed: pyproject.toml requirements/demo.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14) and "Python 3.11 to 3.14 is needed: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo 'installing; llama.cpp compiles for about 4 minutes on 2 cores the first time'
	@{ $(call install,demo,demo); } > .venv/install.log 2>&1 & pid=$$!; \
	while kill -0 $$pid 2>/dev/null; do sleep 5; printf '.'; done; echo; \
	wait $$pid || { tail -40 .venv/install.log; echo 'installation failed; the whole log is .venv/install.log'; exit 1; }
	@touch $@

.venv/installed-test: .venv/installed requirements/test.txt
	@echo 'installing what the tests need'
	@{ $(call install,test,demo$(,)test); } > .venv/install-test.log 2>&1 || { tail -40 .venv/install-test.log; exit 1; }
	@touch $@

# Ray and Postgres' client, some 700 MB: what past one machine needs.
.venv/installed-cluster: .venv/installed requirements/cluster.txt
	@echo 'installing what a cluster needs'
	@{ $(call install,cluster,demo$(,)cluster); } > .venv/install-cluster.log 2>&1 || { tail -40 .venv/install-cluster.log; exit 1; }
	@touch $@

# The test that loses a machine of a cluster says so where these lack.
.venv/installed-all: .venv/installed-test requirements/all.txt
	@echo 'installing what the tests of a cluster need'
	@{ $(call install,all,demo$(,)test$(,)cluster); } > .venv/install-all.log 2>&1 || { tail -40 .venv/install-all.log; exit 1; }
	@touch $@

# The newest versions that pyproject.toml allows, for every Python and platform; the smaller sets hold the same versions.
lock: .venv/installed
	$(BIN)/pip install --quiet uv
	$(call compile,all,demo test cluster)
	$(call compile,demo,demo) --constraint requirements/all.txt
	$(call compile,test,demo test) --constraint requirements/all.txt
	$(call compile,cluster,demo cluster) --constraint requirements/all.txt

# No index stands in the files: whoever installs has their own.
compile = $(BIN)/uv pip compile pyproject.toml $(addprefix --extra ,$(2)) --universal --generate-hashes --upgrade \
	--no-emit-index-url --no-annotate --custom-compile-command 'make lock' --quiet --output-file requirements/$(1).txt

demo: .venv/installed
	$(BIN)/arena fetch-model smollm2
	$(BIN)/arena run demo --study grid
	@echo
	@echo 'Next: `make ui` starts the Dagster UI (http://127.0.0.1:3000) and the dashboard (http://127.0.0.1:8501).'

ui: .venv/installed
	$(BIN)/arena ui

test: .venv/installed-all
	$(BIN)/arena fetch-model smollm2
	-$(BIN)/python -m tests.llama.vendored # where it cannot, the tests of all templates are skipped
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile $(TESTS)

test-fast: .venv/installed-test
	$(BIN)/python -m pytest --numprocesses=2 -m 'not (browser or cluster or model or server or slow)' $(TESTS)

check: .venv/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini
	$(BIN)/lint-imports --no-logo

benchmark-cluster: .venv/installed-all
	$(BIN)/python -m benchmarks.cluster

benchmark-%: .venv/installed-test
	$(BIN)/arena fetch-model smollm2
	$(BIN)/python -m benchmarks.$*

clean:
	rm -rf .venv build *.egg-info
