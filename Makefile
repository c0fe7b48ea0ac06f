# Set up, run and test with one command each. Requires GNU make 3.81 (macOS) or later.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin

# With localhost, Streamlit requests no external IP address. STREAMLIT_SERVER_ADDRESS=0.0.0.0 make run opens the app
# to the network.
STREAMLIT_SERVER_ADDRESS ?= localhost
export STREAMLIT_SERVER_ADDRESS

# A pool of free memory for each thread takes 100 MB, and glibc keeps up to 64 MB at the end of each
MEMORY := MALLOC_ARENA_MAX=2 GLIBC_TUNABLES=glibc.malloc.trim_threshold=16000000:glibc.malloc.mmap_threshold=4000000

NETWORK ?= emonet_photo

# ARGS="-n 0" runs the tests in one process
PYTEST := $(BIN)/python -m pytest -n auto

.DEFAULT_GOAL := help
.PHONY: help setup run test check lock train bench

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s  %s\n", $$1, $$2}' Makefile

setup: $(VENV)/installed  ## make .venv and install the locked libraries of the app
	@echo "Ready: make run opens the app."

run: $(VENV)/installed  ## set up if needed, then open the app
	@$(MEMORY) $(BIN)/python -m streamlit run app.py $(ARGS)

test: $(VENV)/installed-dev  ## set up if needed, then run the tests; ARGS="-k live" selects some
	@$(PYTEST) $(ARGS)

check: $(VENV)/installed-dev  ## lint, format, types and all tests, the slow ones too
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) -m "slow or not slow" $(ARGS)

lock: $(BIN)/uv  ## rewrite the lock files from pyproject.toml; UPGRADE=1 updates all versions
	@$(COMPILE) --extra app --extra train -o requirements.txt
	@$(COMPILE) --extra app -c requirements.txt -o requirements-serve.txt
	@$(COMPILE) --extra cluster -c requirements.txt -o requirements-cluster.txt
	@$(COMPILE) --extra dev -c requirements.txt -o requirements-dev.txt
COMPILE = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	$(if $(UPGRADE),--upgrade)

train:  ## train a network: FER2013=path/to/fer2013.csv [NETWORK=emonet_photo] [ARGS=--resume]
	@if [ ! -e "$(FER2013)" ]; then \
	  echo 'expected the dataset. Received: FER2013="$(FER2013)". Run make train FER2013=path/to/fer2013.csv' >&2; exit 2; fi
	@$(MAKE) --no-print-directory $(VENV)/installed-train
	$(BIN)/python -m emomusic train face --network $(NETWORK) --fer2013 "$(FER2013)" $(ARGS)

bench: $(VENV)/installed  ## measure this machine in some minutes, and write docs/benchmarks/
	$(BIN)/python -m emomusic bench --json $(call into,photo)
	if command -v taskset >/dev/null; then taskset -c 0 $(BIN)/python -m emomusic bench --json $(call into,one-core); fi
	$(BIN)/python -m emomusic bench models --record --json $(call into,models)
	$(BIN)/python -m emomusic bench music --json $(call into,music)
	$(BIN)/python -m emomusic bench live --json $(call into,live)
	$(BIN)/python -m emomusic bench film --json $(call into,film)
	$(BIN)/python -m emomusic bench batch --json $(call into,batch)
# Replace the old figures only if the benchmark succeeds.
into = > docs/benchmarks/$(1).json.part && mv docs/benchmarks/$(1).json.part docs/benchmarks/$(1).json

# Recreate the venv if its interpreter is gone.
$(shell test -e $(BIN)/python || rm -f $(VENV)/installed*)

# Stamp files skip the installation until a lock file changes.
$(VENV)/installed: requirements-serve.txt pyproject.toml | $(BIN)/python
	@echo "Installing the libraries of the app into $(VENV). This takes some minutes the first time."
	@$(call install,requirements-serve.txt)
	@touch $@

$(VENV)/installed-train: requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing the libraries of the app and of training into $(VENV). This takes some minutes the first time."
	@$(call install,requirements.txt)
	@touch $(VENV)/installed $@

$(VENV)/installed-dev: requirements-dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing the libraries and test tools into $(VENV). This takes some minutes the first time."
	@$(call install,requirements-dev.txt)
	@touch $(VENV)/installed $(VENV)/installed-train $@

$(BIN)/uv: | $(BIN)/python
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet uv

# $(1): a lock file. Uses uv if it is installed, else pip, whose output is reduced to the large downloads. pip would
# compile on one core; some templates among the libraries are no valid Python.
define install
set -euo pipefail; \
if command -v uv >/dev/null; then \
  uv pip install --python $(BIN)/python --compile-bytecode -r $(1); \
  uv pip install --python $(BIN)/python --quiet --no-deps -e .; \
else \
  $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; \
  $(BIN)/python -m pip install --disable-pip-version-check --no-input --progress-bar off --no-compile -r $(1) \
    | awk '/ MB\)$$/ {split($$(NF - 2), name, "-"); print "  " name[1], name[2], $$(NF - 1), $$NF; fflush()} \
        /^Installing/ {print "  Unpacking"; fflush()}'; \
  $(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet --no-deps -e .; \
  $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true; \
fi
endef

# TensorFlow has wheels for Python 3.11 to 3.13. PYTHON=path chooses the interpreter.
$(BIN)/python:
	@for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python); do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	    if command -v uv >/dev/null; then exec uv venv --quiet --seed --clear --python "$$python" $(VENV); fi; \
	    if ! "$$python" -c 'import ensurepip' 2>/dev/null; then \
	      echo "$$python lacks the venv module. Install it (Debian, Ubuntu: apt install python3-venv) and try again." >&2; exit 2; fi; \
	    exec "$$python" -m venv --clear $(VENV); \
	  fi; \
	done; \
	echo "expected Python 3.11, 3.12 or 3.13. Received: $$($(or $(PYTHON),python3) --version 2>/dev/null || echo none). Install one of them, or run make setup PYTHON=path" >&2; exit 2
