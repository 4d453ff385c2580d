# `make verify` runs the main job, `make test` the tests, `make docs` the site. They share a virtual environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml constraints.txt

.PHONY: verify test test-lowest test-latest lint docs clean

verify: $(VENV)/.run-installed
	$(BIN)/metaregret verify

LINT = $(BIN)/ruff check . && $(BIN)/codespell && $(BIN)/mypy

# The first run of mypy takes one core for a minute or more, so the tests do not wait for it. Byte-code is kept
# even where the environment says otherwise: every worker would compile and rewrite all tests again.
test: $(VENV)/.test-installed
	@($(LINT)) > $(VENV)/lint.txt 2>&1 & lint=$$!; \
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist worksteal -q; tests=$$?; \
	wait $$lint; linted=$$?; cat $(VENV)/lint.txt; \
	[ $$linted = 0 ] && exit $$tests

# The lowest versions that pyproject.toml declares, and the newest that an index has; environments of their own.
# TESTS is what exercises every dependency; TESTS=tests is everything. Old libraries warn about new ones.
TESTS ?= tests/tabular tests/experiments/sweeps tests/experiments/report tests/experiments/figures/test_figures.py \
  tests/theory/information tests/theory/learning/test_learning_gradients.py tests/theory/learning/test_learning_recurrent.py \
  tests/theory/minimax/test_minimax_whole.py tests/theory/minimax/test_exact.py tests/theory/minimax/test_decomposition.py \
  tests/theory/minimax/memory/test_known_values.py tests/theory/claims/test_verdicts.py tests/theory/claims/test_claim_oracles.py \
  tests/theory/proposals/test_proposals_supervised.py tests/cli/test_solve.py tests/cli/test_entry.py tests/cli/test_sweep.py \
  tests/cli/test_figures_command.py tests/cli/test_verify.py tests/repo/test_facade.py tests/repo/test_public_examples.py
test-lowest test-latest: test-%: $(VENV)-%/.made
	$(VENV)-$*/bin/python -m pytest -n auto --dist worksteal -q $(if $(filter lowest,$*),-W ignore::DeprecationWarning) $(TESTS)

$(VENV)-%/.made: $(SOURCES) tests/lowest_versions.py
	$(PYTHON) -m venv --clear $(VENV)-$*
	if [ $* = lowest ]; then $(PYTHON) tests/lowest_versions.py; fi > $(VENV)-$*/versions.txt
	$(VENV)-$*/bin/python -m pip install --quiet --disable-pip-version-check -c $(VENV)-$*/versions.txt -e '.[test]'
	touch $@

lint: $(VENV)/.test-installed
	$(LINT)

# The site, notebooks executed, warnings are errors; open build/docs/index.html.
docs: $(VENV)/.docs-installed
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	touch $@

# Editable, so that the commands always run the code in this folder. The kernels are compiled once, here.
$(VENV)/.run-installed: $(VENV)/.made $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@echo "compiling kernels (once)"
	$(BIN)/metaregret verify T12 T13 T18 --instances 1 > /dev/null
	touch $@

$(VENV)/.test-installed: $(VENV)/.made $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@ $(VENV)/.run-installed

$(VENV)/.docs-installed: $(VENV)/.run-installed $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-latest build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
