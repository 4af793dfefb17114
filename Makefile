# `make app` opens the dashboard, `make test` runs the tests; both make the environment first.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
APP_READY = $(VENV)/.ready-app
PYTEST ?=# further options of pytest, for example: make test PYTEST="-k video -x"
SHARED_OUT = -n logical --maxprocesses 4 --dist loadfile# among processes, which hold a GB each
COVERAGE = --cov --cov-report=term --cov-report=json

.DEFAULT_GOAL := help
.PHONY: help app test test-fast test-core web cases fuzz audit lock coverage coverage-summary check format hooks docs docs-serve environment clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

app: $(APP_READY) ## Open the dashboard
	$(BIN)/action-recognition app

test: $(READY) $(VENV)-store/.made ## Run all tests, on up to four cores
	$(BIN)/python -m pytest $(SHARED_OUT) $(PYTEST)

test-fast: $(READY) ## Run the tests that are neither slow nor in a browser, in under a minute
	$(BIN)/python -m pytest $(SHARED_OUT) -m "not slow and not browser" $(PYTEST)

test-core: $(VENV)-core/.made ## Run the tests of what needs no PyTorch, in an environment without it
	$(VENV)-core/bin/python -m pytest -o pythonpath=tests --confcutdir=tests/core tests/core

web: $(READY) ## Build the static page that runs in the browser, into web/dist
	mkdir -p web/public/model
	$(BIN)/action-recognition model export shipped --to onnx --form stream \
		--output web/public/model/model.onnx
	$(BIN)/action-recognition model info web/public/model/model.onnx --json >web/public/model/model.json
	cd web && npm ci && npm run build

CASES ?= ../shared/cases
cases: $(READY) ## Run the seventeen cases from the field, in the folder CASES
	$(BIN)/python tests/field_cases.py $(CASES)

COUNT ?= 1000
SEED ?= 1
fuzz: $(READY) ## Give damaged videos, models and manifests to the product, COUNT of each kind, and count what it says
	$(BIN)/python tests/corpus/fuzz.py --count $(COUNT) --seed $(SEED)

LOCK = $(BIN)/uv pip compile pyproject.toml --python-version 3.11.5 --universal -c constraints.txt \
	--generate-hashes --no-annotate --no-header --quiet
lock: $(READY) ## Write requirements.lock (the dashboard) and requirements-all.lock anew, with the hash of each file
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(LOCK) --extra app --extra live --output-file requirements.lock
	$(LOCK) --all-extras --output-file requirements-all.lock

audit: $(READY) ## Ask the public database which versions in requirements-all.lock have known faults
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --require-hashes --disable-pip --requirement requirements-all.lock

coverage: override PYTEST += $(COVERAGE)
coverage: test coverage-summary ## Run all tests, print how many lines and branches they reach

# The table's last column counts lines and branches together; here they stand apart.
coverage-summary:
	@$(BIN)/python -c 'import json; t = json.load(open("coverage.json"))["totals"]; print( \
		f"covered: lines {t['"'"'percent_statements_covered'"'"']:.1f} %, " \
		f"branches {t['"'"'percent_branches_covered'"'"']:.1f} %")'

check: $(READY) ## Run the linter, the formatter's check and the type checker
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## Format the code, mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

hooks: $(READY) ## Run the checks before every commit from now on
	$(BIN)/pre-commit install

docs: $(READY) ## Build the documentation into site/; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean

docs-serve: $(READY) ## Show the documentation at http://127.0.0.1:8000, renewed as you write
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

environment: $(READY) ## Create the virtual environment, with everything in it

# Made anew whenever the versions change. The marker comes last: an interrupted installation is
# taken up again by the next call.
# Python compiles what it imports; compiling all that is installed takes longer, and 100 MB.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	-c constraints.txt -e
$(READY): $(VENV)/.made
	$(INSTALL) '.[all]'
	@touch $(APP_READY) $(READY)

# The dashboard alone, without what training needs: a few seconds, and a third of the size.
$(APP_READY): $(VENV)/.made
	$(INSTALL) '.[app,live]'
	@touch $(APP_READY)

$(VENV)-core/.made: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)-core
	$(VENV)-core/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
		-c constraints.txt -e . pytest pytest-timeout
	@touch $(VENV)-core/.made

# An object store that tests start.
$(VENV)-store/.made: tests/object-store.txt
	$(PYTHON) -m venv $(VENV)-store
	$(VENV)-store/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
		-r tests/object-store.txt
	@touch $(VENV)-store/.made

$(VENV)/.made: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "Python's venv module is needed; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $(VENV)/.made

clean: ## Remove the environment, caches and the built documentation
	rm -rf $(VENV) $(VENV)-core $(VENV)-store .mypy_cache .pytest_cache .ruff_cache .coverage coverage.json site
