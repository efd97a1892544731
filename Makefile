# People and CI call the same targets. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
QUICK := --numprocesses 2 --dist loadfile -m "not slow and not browser and not gpu"
# Python writes what it compiled, also where PYTHONDONTWRITEBYTECODE is set: else every process that the tests start
# compiles ironglass anew, and every worker rewrites the assertions of every test file.
SUITE := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1
BENCH := .venv-bench
BENCH_READY := $(BENCH)/.ready
LOWEST := .venv-lowest
LOWEST_READY := $(LOWEST)/.ready
DOCS := .venv-docs
DOCS_READY := $(DOCS)/.ready

.PHONY: help demo quick test coverage lowest check format docs notebooks bench lock clean

help:
	@echo "make demo    train, explain and attack a small network; writes runs/demo/report.html"
	@echo "make quick   the tests that take no longer than about 1.5 seconds each"
	@echo "make test    every test"
	@echo "make coverage  the same, and the lines and branches that they reach; below 90 % is an error"
	@echo "make lowest  the tests of make quick with the lowest versions that pyproject.toml admits"
	@echo "make check   lint, types and the floors of the house"
	@echo "make docs    the documentation site, build/site/index.html; warnings are errors"
	@echo "make notebooks  run the notebooks of the site anew and store them with their pictures"
	@echo "make bench   what this machine makes of our promises, and our attacks against every peer's"
	@echo "make lock    resolve the versions anew"

# Compiled at once: where PYTHONDONTWRITEBYTECODE is set, every process would compile torch anew, 5 s of each start.
$(READY): requirements/uv.lock requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ironglass needs Python 3.11 or newer: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "this Python has no ensurepip: apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# --no-deps: the lock is complete, and deliberately without what requirements/bench-overrides.txt takes out
$(BENCH_READY): $(READY) requirements/bench.lock
	$(PYTHON) -m venv --without-pip $(BENCH)
	$(BIN)/uv pip install --quiet --python $(BENCH)/bin/python --require-hashes --no-deps -r requirements/bench.lock
	$(BIN)/uv pip install --quiet --python $(BENCH)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

$(LOWEST_READY): $(READY) requirements/lowest.lock
	$(PYTHON) -m venv --without-pip $(LOWEST)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(LOWEST)/bin/python --require-hashes -r requirements/lowest.lock
	$(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

$(DOCS_READY): $(READY) requirements/docs.lock
	$(PYTHON) -m venv --without-pip $(DOCS)
	$(BIN)/uv pip install --quiet --python $(DOCS)/bin/python --require-hashes --no-deps -r requirements/docs.lock
	$(BIN)/uv pip install --quiet --python $(DOCS)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)
	rm -rf runs/demo
	$(BIN)/ironglass run digits --output runs/demo

quick: $(READY)
	$(SUITE) $(BIN)/python -m pytest --no-loadscope-reorder $(QUICK)

SUITE_ARGUMENTS := --numprocesses auto --dist loadfile --no-loadscope-reorder

test: $(READY)
	$(SUITE) $(BIN)/python -m pytest $(SUITE_ARGUMENTS)

# By itself, since counting lines makes the tests take half as long again. Lines count that run in the workers: in what
# the tests start, each process would take 1.5 s more.
coverage: $(READY)
	$(BIN)/coverage erase
	$(SUITE) $(BIN)/python -m pytest --cov --cov-report=term:skip-covered $(SUITE_ARGUMENTS)

# other libraries' warnings are no findings there: they are of versions that nobody mends any more; the lowest xdist
# knows no --no-loadscope-reorder
lowest: $(LOWEST_READY)
	$(SUITE) $(LOWEST)/bin/python -m pytest $(QUICK) -o filterwarnings=default

docs: $(DOCS_READY)
	$(DOCS)/bin/python -m sphinx --fail-on-warning --keep-going --quiet -b html docs build/site
	@echo "build/site/index.html"

notebooks: $(DOCS_READY)
	$(DOCS)/bin/python docs/notebooks/execute.py

bench: $(READY) $(BENCH_READY)
	$(BIN)/python bench/loop.py $(if $(wildcard ../shared/data/cats_vs_dogs),--data ../shared/data/cats_vs_dogs)
	$(if $(wildcard ../shared/data/tiny_imagenet),$(BENCH)/bin/python bench/attacks.py,@echo "attacks are not measured: ../shared/data/tiny_imagenet is not there")
	$(if $(wildcard ../shared/data/imagenet_samples),$(BENCH)/bin/python bench/explain.py,@echo "explanations are not measured: ../shared/data/imagenet_samples is not there")

check: $(READY)
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format src tests bench
	$(BIN)/ruff check --fix src tests bench

lock: $(READY)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --extra dev -o requirements/dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --override requirements/bench-overrides.txt --constraint requirements/dev.lock pyproject.toml --extra bench requirements/bench.in -o requirements/bench.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --resolution lowest-direct pyproject.toml --extra dev -o requirements/lowest.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --constraint requirements/dev.lock pyproject.toml --extra docs requirements/docs.in -o requirements/docs.lock
	echo uv | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header - -o requirements/uv.lock

clean:
	rm -rf $(VENV) $(BENCH) $(LOWEST) $(DOCS) build dist .coverage* .pytest_cache .ruff_cache
