# Everything a developer or CI runs. Needs Python >= 3.11, make, and a C++20 compiler (without one
# the package still works, more slowly); all else is installed into .venv on first use.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The first Python that is new enough; PYTHON=… chooses another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$python" && break; done)
# pytest's processes; one thread each, for the tensors in the tests are tiny.
JOBS ?= 2

RUN := .venv/bin/python
CMAKE := $(CURDIR)/.venv/bin/cmake
# Without compiling all of torch to bytecode, most of which is never imported.
INSTALL := $(RUN) -m pip install --disable-pip-version-check --quiet -c constraints.txt
READY := .venv/.ready
DEV_READY := .venv/.dev-ready
INSTALLED_FROM := pyproject.toml constraints.txt CMakeLists.txt \
	$(wildcard src/suimon/kernels/cpu/*.cpp src/suimon/kernels/cpu/*.h src/suimon/kernels/cpu/src/*)
BENCHMARKS ?= $(filter-out benchmarks/report.py,$(wildcard benchmarks/*.py))

.PHONY: help demo test test-native fmt lint types bench docs clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: $(READY)  ## train a small network on Python's own source for three minutes and let it write
	$(RUN) examples/demo.py

test: $(DEV_READY)  ## run all tests
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n $(JOBS)

test-native: $(DEV_READY)  ## build the C++ code with sanitisers of threads and addresses, and run it
	set -e; for sanitiser in thread address,undefined; do \
		folder=build/native-$${sanitiser%%,*}; \
		$(CMAKE) -S . -B $$folder -DCMAKE_BUILD_TYPE=Release \
			-DSUIMON_NATIVE_TESTS=ON -DSUIMON_SANITIZE=$$sanitiser; \
		$(CMAKE) --build $$folder --parallel $(JOBS); \
		(cd $$folder && $(CURDIR)/.venv/bin/ctest --output-on-failure); \
	done

fmt: $(DEV_READY)  ## format the code
	$(RUN) -m ruff check --fix-only --quiet .
	$(RUN) -m ruff format .

lint: $(DEV_READY)  ## check style and formatting
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

types: $(DEV_READY)  ## check types
	$(RUN) -m pyright

bench: $(READY)  ## measure, into benchmarks/results; BENCHMARKS=benchmarks/X.py for one
	set -e; for benchmark in $(BENCHMARKS); do echo "== $$benchmark"; $(RUN) $$benchmark; done

docs: $(DEV_READY)  ## build the documentation into docs/_build/html
	$(RUN) -m sphinx -W --keep-going -q -b html docs docs/_build/html
	$(RUN) -m sphinx -W --keep-going -q -b html -D language=ja docs docs/_build/html/ja

clean:  ## remove what was built and installed here
	rm -rf .venv build dist docs/_build

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "no Python >= 3.11 found; install one, or give PYTHON=…"; exit 2; }
	$(PYTHON) -m venv .venv

# What a user needs.
$(READY): $(INSTALLED_FROM) | .venv/bin/python
	$(INSTALL) -e '.[plot]'
	touch $@

# What a developer needs, a user's needs included; the peers of the benchmarks are large, and tests
# do without them.
$(DEV_READY): $(INSTALLED_FROM) | .venv/bin/python
	$(INSTALL) -e '.[text,text-ja,tables,audio,images,plot,docs,dev]'
	touch $(READY) $@
