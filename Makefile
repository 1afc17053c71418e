# make demo   sets everything up and runs the main job, without a model hub
# make test   sets everything up and passes the tests
# make bench  measures training, encoding and mining against their peers; see docs/performance.md
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: setup demo test bench lint format docs clean
setup: $(READY)

# constraints.txt holds exact versions; torch comes first so that nothing pulls another build of it
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cpu,offline,dev]'
	@touch $@

demo: $(READY)
	PATH="$(abspath $(BIN)):$$PATH" bash examples/quickstart.sh

test: $(READY)
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

# make bench ARGS='train --workload pairs --rounds 3', or 'encode', or 'mine'
ARGS ?= train
bench: $(READY)
	$(BIN)/python -m tests.benchmarks $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# the stage reference in docs/cli.md, from the options themselves
docs: $(READY)
	$(BIN)/python docs/make_reference.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
