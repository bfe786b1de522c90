# Every task of this repository. Each one first sets up what it needs in .venv, from
# requirements.lock with its hashes, and does so again when the lock or pyproject.toml changes.

# The first of these that is 3.11 or newer. To choose: make test PYTHON=/path/to/python
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo "$$p" && exit; done; echo python3)

BIN := .venv/bin
READY := .venv/.installed
# Programs of the environment (rota, temporal) are found by name, as after activating it.
RUN := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input

# Both tasks of `make -j check test` want both cores: one after the other is faster.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: $(READY) ## watch an agent work, lose its worker and go on; KEEP=1 leaves it running
	@KEEP='$(KEEP)' MODEL='$(MODEL)' $(RUN) -m workers.demo

# Twice as many processes as two cores: half of a test is waiting for servers and clocks. They
# start Python some hundred times: compiled modules are kept, whatever the environment says.
.PHONY: test
test: export PYTHONDONTWRITEBYTECODE =
test: $(READY) ## run the tests; choose some with ARGS="-k lease"
	@$(RUN) -m pytest --cache-clear --numprocesses 4 --dist worksteal $(ARGS) \
		|| { [ $$? -eq 1 ] && $(RUN) -m tests.second_look; }

.PHONY: fast
fast: $(READY) ## run the tests of decisions, schedules and house rules, in half a minute
	@$(RUN) -m pytest --numprocesses 2 --dist worksteal -m 'not server' $(ARGS)

EXTERNAL := .venv/external

.PHONY: external
external: $(EXTERNAL)/.installed ## check against software of others (docs/checking.md)
	@$(RUN) -m pytest -m external tests/external $(ARGS)

# Node.js is the wheel that pyright brings. LiteLLM wants other versions than Rota: it has an
# environment of its own.
$(EXTERNAL)/.installed: $(READY) tests/external/package-lock.json tests/external/litellm.txt
	@echo "Setting up $(EXTERNAL) (a few minutes and 1 GB, once)" >&2
	@mkdir -p $(EXTERNAL)
	@cp tests/external/package.json tests/external/package-lock.json $(EXTERNAL)
	@$$($(RUN) -m tests.external.software) ci --prefix $(EXTERNAL) \
		--ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel error
	@"$(PYTHON)" -m venv --clear $(EXTERNAL)/litellm
	@$(EXTERNAL)/litellm/bin/python -m pip --quiet --disable-pip-version-check --no-input \
		install --requirement tests/external/litellm.txt
	@touch $@

.PHONY: soak
soak: $(READY) ## run tests at full size: longer pipelines, more kills; minutes more
	@$(RUN) -m pytest --numprocesses 2 --dist worksteal -m soak $(ARGS)

.PHONY: check
check: $(READY) ## lint, format, types, layers
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@# Unasked, pyright's wrapper looks on the network for a newer version of itself.
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/lint-imports --no-cache --no-logo

.PHONY: bench
bench: $(READY) ## measure speed and size against a hand-written Temporal loop
	@$(RUN) -m tests.bench $(ARGS)

.PHONY: docs
docs: $(READY) ## build the documentation as a site, in build/docs
	@$(RUN) -m mkdocs build --strict --quiet --config-file deploy/site/mkdocs.yml
	@echo "build/docs/index.html"

.PHONY: boards
boards: $(READY) ## write Grafana's boards anew from deploy/grafana/boards
	@$(RUN) -m deploy.grafana.boards

.PHONY: release
release: $(READY) ## make wheel, source, SBOM, licences and checksums of the newest commit, in dist/
	@$(RUN) -m tests.release

.PHONY: record
record: $(READY) ## record the workflow histories that the replay tests use
	@$(RUN) -m tests.replay.record $(ARGS)

COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet

.PHONY: lock
lock: $(READY) ## resolve requirements.lock again; UPGRADE=1 also takes newer versions
	@echo "Resolving requirements.lock" >&2
	@$(COMPILE) pyproject.toml --group dev --output-file requirements.lock $(if $(UPGRADE),--upgrade)
	@# Parts of it, for the image: what Rota needs to run, and what builds it.
	@$(COMPILE) pyproject.toml --constraint requirements.lock --output-file deploy/requirements.txt
	@$(COMPILE) --group build --constraint requirements.lock --output-file deploy/build.txt

$(READY): requirements.lock pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { echo "No '$(PYTHON)' found:" \
		"install Python 3.11 or newer, or name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$$("$(PYTHON)" --version) is too old: install Python 3.11 or newer," \
		"or name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { echo "'$(PYTHON)' cannot make" \
		"virtual environments: install its venv module (Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "Setting up .venv from requirements.lock (about a minute, once)" >&2
	@"$(PYTHON)" -m venv --clear .venv
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
