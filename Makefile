# Each target does all its own set-up in .venv; PYTHON names the interpreter (3.10 or newer) that makes it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
DEMO := runs/demo
BUNDLE := bundles/chest_xray_restore_classify

.PHONY: install demo test lint format docs linkcheck doctest clean

install: $(VENV)/.installed  ## the environment .venv, from this tree; then: source .venv/bin/activate

demo: $(VENV)/.installed  ## train, evaluate and restore on phantom radiographs
	PATH="$(CURDIR)/$(BIN):$$PATH" bash $(BUNDLE)/demo.sh $(DEMO)

test: lint  ## all tests
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed-docs  ## the documentation, in docs/build/html
	$(BIN)/python -m sphinx -W --keep-going -b html docs/source docs/build/html

linkcheck: $(VENV)/.installed-docs  ## whether every link of the documentation leads somewhere; needs a network
	$(BIN)/python -m sphinx -b linkcheck docs/source docs/build/linkcheck

doctest: $(VENV)/.installed-docs  ## every command and Python block of README and the documentation, some minutes
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python docs/run_blocks.py

clean:
	rm -rf $(VENV) build dist docs/build *.egg-info

# torch goes first, pinned: resolved as a dependency it may come in another build
$(VENV)/.installed: setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) -e ".[test]"
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) -e ".[docs]"
	touch $@
