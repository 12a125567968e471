# What a newcomer needs is python3 (3.11 or later, with venv) and make; all else is fetched, with
# hashes, into one environment. The locks are layers of one resolution: run < test < dev, and run < docs < dev.
#
#   make demo      solve a real scenario             make lock      resolve the locks again (needs uv)
#   make test      run the tests, minutes            make clean     remove the environment and caches
#   make test-slow run the long ones                 make fuzz      fuzz the readers (Linux only)
#   make test-all  run all, an hour and more: before a release, and after work on methods
#   make check     style, types, imports, docs       make docs      build the website in site/
#   make release   build wheel and source archive into dist/, and try them (PYTHONS, RELEASE=--quick)

PYTHON = python3
VENV = .venv
UV = uv
UV_FLAGS =
DEMO = scenarios/germany-2026.yaml
TIME_LIMIT = 300
FUZZ_RUNS = 10000
PYTHONS =
RELEASE =

# What is compiled is kept, even where the environment says not to: else each process that a test
# starts compiles all that it imports, and each worker rewrites all tests.
unexport PYTHONDONTWRITEBYTECODE

# Neighbors in a file share what is solved for them, so each process takes a part in one piece.
WORKERS = 2
PYTEST = $(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal
TESTS =

PIP = $(VENV)/bin/python -m pip --disable-pip-version-check --no-input
INSTALL_SELF = $(PIP) install --quiet --no-deps --no-build-isolation --editable .
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile --quiet --universal \
	--python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
	--no-emit-find-links $(UV_FLAGS)

.PHONY: help demo test test-slow test-all check docs lock clean fuzz release

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

demo: $(VENV)/.run
	@status=0; \
	$(VENV)/bin/vorrat solve $(DEMO) --time-limit $(TIME_LIMIT) || status=$$?; \
	case $$status in \
	0) ;; \
	1) echo; \
	   echo "The limit of $(TIME_LIMIT) s was met first: the plan above is checked, and its gap says"; \
	   echo "how far from the best it can be at most. For longer: make demo TIME_LIMIT=600" ;; \
	*) exit $$status ;; \
	esac

# TESTS="tests/cli" runs those alone, WORKERS=1 leaves a core to something else.
test: $(VENV)/.test
	$(PYTEST) -m "not slow" $(TESTS)

# Kills, code pages, long comparisons, and further cases of what make test looks at. Serial tests
# signal processes at a given moment, which a busy machine would shift.
test-slow: $(VENV)/.test
	$(PYTEST) -m "slow and not serial and not exhaustive"
	$(VENV)/bin/python -m pytest -m serial

# With the many random cases that neither of them takes the time for.
test-all: $(VENV)/.test
	$(PYTEST) -m "not serial"
	$(VENV)/bin/python -m pytest -m serial

check: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/codespell --dictionary docs/gone-words.txt --regex '[A-Za-z]+' --skip docs/gone-words.txt,tests/scenarios \
	  --ignore-regex 'chains_untold|told \{seed\}' \
	  models optimizer vorrat docs tests benchmarks README.md CONTRIBUTING.md
	$(VENV)/bin/python -m pytest tests/test_docs.py tests/formulation/test_document.py \
	  tests/cli/test_command_reference.py
	@git ls-files 'models/*.py' 'optimizer/*.py' 'vorrat/*.py' | xargs wc -l | \
	  awk '$$2 != "total" { lines += $$1; long += $$1 > 450 } END { print lines " lines of Python in models, optimizer and vorrat; files over 450 lines: " long }'

# With pages and parts of pages that are generated, and the notebooks, which are run.
docs: $(VENV)/.docs
	$(VENV)/bin/python -m docs.site

# Of the last commit: PYTHONS="python3.12" tries it there alone, RELEASE=--quick on one, without extras.
release: $(VENV)/.run
	PYTHONS="$(PYTHONS)" $(VENV)/bin/python .ci/release.py $(RELEASE)

# Each stamp stands for one lock, installed. A changed lock is installed again.
$(VENV)/.run: requirements/run.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) install --quiet --require-hashes --requirement requirements/run.lock
	$(INSTALL_SELF)
	@touch $@

$(VENV)/.test: requirements/test.lock $(VENV)/.run
	$(PIP) install --quiet --require-hashes --requirement requirements/test.lock
	@touch $@

$(VENV)/.docs: requirements/docs.lock $(VENV)/.run
	$(PIP) install --quiet --require-hashes --requirement requirements/docs.lock
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.test
	$(PIP) install --quiet --require-hashes --requirement requirements/dev.lock
	@touch $@

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON) is not there: install Python 3.11 or later, or name it: make PYTHON=python3.12"; \
	  exit 1; } >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) --version): 3.11 or later is needed."; \
	  echo "Name another: make PYTHON=python3.12"; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make environments; on Debian and Ubuntu: apt install python3-venv"; \
	  exit 1; } >&2
	@echo "Making the environment $(VENV): a minute or two, once."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# Atheris and coverage are in no lock, since Atheris runs on Linux only; see benchmarks/fuzz.
fuzz: .venv-fuzz/.ready
	for reader in scenario table book settings; do \
	  .venv-fuzz/bin/python benchmarks/fuzz/campaign.py $$reader --runs $(FUZZ_RUNS) || exit 1; \
	done
	.venv-fuzz/bin/python benchmarks/fuzz/replay.py out/fuzz

.venv-fuzz/.ready: requirements/run.lock
	$(PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/python -m pip install --quiet --require-hashes --requirement requirements/run.lock
	.venv-fuzz/bin/python -m pip install --quiet --no-deps atheris coverage
	@touch $@

# dev is resolved first; the others are parts of it.
lock:
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/" >&2; exit 1; }
	$(COMPILE) pyproject.toml requirements/build.in --group dev --output-file requirements/dev.lock
	$(COMPILE) pyproject.toml requirements/build.in --group docs \
	  --constraint requirements/dev.lock --output-file requirements/docs.lock
	$(COMPILE) pyproject.toml requirements/build.in --group test \
	  --constraint requirements/dev.lock --output-file requirements/test.lock
	$(COMPILE) pyproject.toml requirements/build.in \
	  --constraint requirements/dev.lock --output-file requirements/run.lock

clean:
	rm -rf $(VENV) .venv-second .venv-fuzz build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
