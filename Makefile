# The two commands that matter: `make demo` and `make test`.
SHELL := bash
.DEFAULT_GOAL := help
BIN := .venv/bin
PAGE := $(shell find ui -type f -not -path 'ui/node_modules/*' 2>/dev/null)
WHOLE = $(BIN)/python scripts/tests.py -n 3 --dist loadfile --no-loadscope-reorder tests/whole
# They hang on no pace: their turn is while those on real validators wait.
CALM = $(addprefix tests/,alerts clients conflux model notify replay store)
CALMLY = $(BIN)/python scripts/tests.py -n 2 -m "not proof" $(CALM)

# What Python has compiled is kept, whatever is usual here: else each of the hundreds of processes of a run would
# compile a thousand modules anew.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/bytecode

.PHONY: help demo test compiled check lint types unit whole browser proof bench image-test locks page-types clean

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.demo: requirements/uv.txt requirements/demo.txt pyproject.toml hatch_build.py $(PAGE)
	@scripts/install.sh demo

.venv/.dev: requirements/uv.txt requirements/dev.txt pyproject.toml hatch_build.py $(PAGE)
	@scripts/install.sh dev

demo: .venv/.demo ## Four real validators, watched on a web page (PORT= FOR=seconds DIR= WEBHOOK=url MAIL=smtp://host:port)
	@exec $(BIN)/vedette demo $(if $(PORT),--port $(PORT)) $(if $(FOR),--for $(FOR)) $(if $(DIR),--dir $(DIR)) \
	  $(if $(WEBHOOK),--webhook $(WEBHOOK)) $(if $(MAIL),--mail $(MAIL))

check: .venv/.dev lint types unit ## Lint, types, floors and unit tests: what to run before each commit

test: .venv/.dev lint compiled ## Everything: unit, real validators, real database, real browser
	@scripts/browser.sh
	@scripts/promtool.sh
	$(BIN)/python scripts/tests.py -n 5 --dist worksteal -m "not proof" --ignore tests/whole $(addprefix --ignore=,$(CALM))
	$(BIN)/python scripts/lanes.py '$(WHOLE)' 'make --no-print-directory types' '$(CALMLY)'

# Each test is read once, so that not every worker has to compile all of them. What is wrong with one, its run says.
compiled: .venv/.dev
	@$(BIN)/pytest --collect-only -qq -m "not proof" --ignore tests/whole -p no:cacheprovider >/dev/null || true

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/.dev
	$(BIN)/mypy
	$(BIN)/python scripts/page.py check
	$(BIN)/python scripts/clients.py check

unit: .venv/.dev
	$(BIN)/pytest -q -n 3 -m "not slow and not real and not browser and not proof"

whole: .venv/.dev ## Only the tests on real validators
	$(WHOLE)

browser: .venv/.dev ## Only the tests in a real browser
	@scripts/browser.sh
	$(BIN)/pytest -q -m browser

proof: .venv/.dev ## The long runs: make proof PART=name (no PART: their names)
	@$(if $(PART),scripts/iptables.sh)
	$(BIN)/python -m tests.proof $(PART)

bench: .venv/.dev ## Every measurement, as a table
	$(BIN)/python -m bench

image-test: .venv/.dev ## Build the container image and run server and agent from it (as root; installs podman on Debian)
	$(BIN)/python scripts/image.py

locks: .venv/.dev ## Pin every dependency anew
	@scripts/locks.sh

page-types: .venv/.dev ## The page's types and the clients, from the server's OpenAPI document
	$(BIN)/python scripts/page.py types
	$(BIN)/python scripts/clients.py write

clean: ## Forget what was built
	rm -rf .venv ui/node_modules src/vedette/server/static
