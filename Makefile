# `make serve` shows the site, `make test` passes every test; each does all the set-up it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
# Another build of PyTorch, for example:
#   make test TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cu130"
TORCH ?= torch==2.13.0
VENV ?= .venv
PORT ?= 8000
HOST ?= 127.0.0.1
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HF_HUB_OFFLINE := 1
export NO_MKDOCS_2_WARNING := 1
# The tests run in so many processes; the blocks of a page stay together in one of them. (nproc says 1 where OMP_NUM_THREADS does.)
JOBS ?= $(shell env -u OMP_NUM_THREADS nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
# The model in the box is so small that a second thread costs more than it brings: 250 s became 22 on a busy machine.
export OMP_NUM_THREADS ?= 1

.PHONY: help setup serve build check test test-everything test-lowest test-highest test-exports test-peers wheel publish portable \
	lighthouse pages reference bake exercises \
	atlas evaluate bench bench-peers bench-collect constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  PYTHON=python3.12       another Python       (now $(PYTHON))'
	@echo '  TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"'
	@echo '                          another PyTorch build (now $(TORCH))'
	@echo '  PORT=8000 HOST=0.0.0.0  where make serve listens'
	@echo '  JOBS=1                  in how many processes make test runs (now $(JOBS))'
	@echo '  ARGS="-k hooks -x"      what make test passes on to pytest'

setup: $(READY) ## make the virtual environment with everything in it

# pip takes torch alone, so that TORCH can choose its build; uv is fast at the rest and leaves torch as it is.
$(READY): pyproject.toml constraints.txt Makefile $(VENV)/.torch-$(shell echo '$(TORCH)' | cksum | cut -d' ' -f1)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --group dev --editable .
	@touch $@

$(VENV)/.torch-%:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "Python 3.10 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || echo "Making $(VENV) (once; about a minute and a gigabyte) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		|| { echo "python3 -m venv failed; on Debian and Ubuntu: apt install python3-venv"; rm -rf $(VENV); exit 1; }
	$(BIN)/pip install --quiet --upgrade "uv>=0.8"
	$(BIN)/pip install --quiet $(TORCH)
	@rm -f $(VENV)/.torch-* && touch $@

serve: setup ## show the site at http://127.0.0.1:8000/ and follow changes
	$(BIN)/mkdocs serve --dev-addr $(HOST):$(PORT)

build: setup ## build the site into site/, check its links and the size of its pages
	$(BIN)/mkdocs build --strict
	$(BIN)/python -m tools.site.finish_site site
	$(BIN)/python -m tools.site.check_links site --docs docs
	$(BIN)/python -m tools.site.page_sizes site

check: setup ## ruff, mypy, codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell tutorial_lib tests tools benchmarks docs *.md *.toml *.yml Makefile

test: setup check build ## everything that CI checks on a push
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadgroup --durations 20 --durations-min 10 $(ARGS)

# A push runs one turn of each costly sweep, and each night all of them: tests/turns.py.
test-everything: override ARGS += --everything
test-everything: test ## the same with all turns of the costly sweeps, as CI does each night

# The same tests on the ends of what pyproject.toml allows, each in an environment beside the usual one. The pages
# run as well; what they print is compared on the pinned versions only, since messages and types differ.
BOX := $(CURDIR)/tutorial_lib/tiny_model/weights
TORCH_LOWEST ?= torch==2.6.0
LOWEST := .venv-lowest/bin/python
test-lowest: ## the tests on the lowest supported torch and transformers
	@test -x $(LOWEST) || $(PYTHON) -m venv .venv-lowest
	$(LOWEST) -m pip install --quiet --upgrade "uv>=0.8"
	$(LOWEST) -m pip install --quiet $(TORCH_LOWEST) "numpy<2.3"
	$(LOWEST) -m uv pip install --quiet --python $(LOWEST) "transformers==4.57.0" --group dev --editable .
	$(LOWEST) -m pytest tests --ignore tests/site/test_notebooks.py --ignore tests/browser $(ARGS)
	TUTORIAL_MODEL=$(BOX) $(LOWEST) -m pytest docs README.md -m cpu $(ARGS)

HIGHEST := .venv-highest/bin/python
test-highest: ## the tests on the newest releases that pyproject.toml allows
	@test -x $(HIGHEST) || $(PYTHON) -m venv .venv-highest
	$(HIGHEST) -m pip install --quiet --upgrade "uv>=0.8"
	$(HIGHEST) -m pip install --quiet $(TORCH)
	$(HIGHEST) -m uv pip install --quiet --python $(HIGHEST) --group dev --editable .
	$(HIGHEST) -m pytest tests --ignore tests/site/test_notebooks.py --ignore tests/browser $(ARGS)
	TUTORIAL_MODEL=$(BOX) $(HIGHEST) -m pytest docs README.md -m cpu $(ARGS)

# The two graders bring JupyterLab and more, and pin what others use: they get an environment of their own.
EXPORTS := $(CURDIR)/.venv-exports/bin
test-exports: setup ## the exported notebooks in the real nbgrader and Otter-Grader (some minutes)
	@test -x $(EXPORTS)/python || $(PYTHON) -m venv .venv-exports
	$(EXPORTS)/pip install --quiet --upgrade "uv>=0.8"
	$(EXPORTS)/pip install --quiet $(TORCH)
	$(EXPORTS)/uv pip install --quiet --python $(EXPORTS)/python --group exports --editable .
	EXPORT_TOOLS=$(EXPORTS) $(BIN)/python -m pytest tests/course/test_course_exports.py $(ARGS)

# Other libraries with the same purpose, beside the pinned transformers.
DEVICE ?= cpu
PEERS := $(CURDIR)/.venv-peers/bin
$(PEERS)/../.ready: pyproject.toml
	@test -x $(PEERS)/python || $(PYTHON) -m venv .venv-peers
	$(PEERS)/pip install --quiet --upgrade "uv>=0.8"
	$(PEERS)/pip install --quiet $(TORCH)
	$(PEERS)/uv pip install --quiet --python $(PEERS)/python "transformers==5.23.0" pytest --group peers --editable .
	$(PEERS)/uv pip install --quiet --python $(PEERS)/python --no-deps steering-vectors==0.12.2
	@touch $@

test-peers: setup $(PEERS)/../.ready ## what needs the other libraries
	PEERS=$(PEERS) $(BIN)/python -m pytest tests/pages/test_peers.py tests/pages/test_coming_from.py $(ARGS)

DIST ?= dist
wheel: setup ## build wheel and sdist, install the wheel in an empty environment and use it (some minutes)
	$(BIN)/python -m tools.release.try_wheel --dist $(DIST) --torch "$(TORCH)"

# With SITE_URL=https://OWNER.github.io/NAME/latest/ the list of versions leads to the same page in another version.
publish: export VERSION_PROVIDER := mike
publish: build ## put the site on the branch gh-pages as VERSION=1.2.0 (or dev); PUSH=origin also pushes it
	$(BIN)/python -m tools.site.publish add site "$(VERSION)" $(if $(PUSH),--push $(PUSH))

# What MkDocs may be replaced by, each in an environment of its own, with the same theme where it has none.
SITES := mkdocs properdocs zensical
portable: setup ## build the site with MkDocs, ProperDocs and Zensical: the same pages and headings (some minutes)
	$(BIN)/uv venv --quiet --allow-existing .venv-properdocs
	$(BIN)/uv pip install --quiet --upgrade --python .venv-properdocs/bin/python --constraint constraints.txt \
		properdocs mkdocs-material mkdocs-jupyter mkdocstrings-python
	$(BIN)/uv venv --quiet --allow-existing .venv-zensical
	$(BIN)/uv pip install --quiet --upgrade --python .venv-zensical/bin/python zensical mkdocstrings-python
	rm -rf .portable
	SITE_DIR=.portable/mkdocs $(BIN)/mkdocs build --strict
	SITE_DIR=.portable/properdocs .venv-properdocs/bin/properdocs build --strict
	SITE_DIR=.portable/zensical .venv-zensical/bin/zensical build --strict
	cp docs/labs/*.md .portable/zensical/labs/  # it makes no pages of notebooks but copies them, with a link to these
	@set -e; for site in $(SITES); do \
		$(BIN)/python -m tools.site.finish_site .portable/$$site; \
		$(BIN)/python -m tools.site.check_links .portable/$$site; \
		(cd .portable/$$site && grep -roE '<h[1-6] id="[^"]+"' --include='*.html' --exclude-dir=labs . | sort) \
			> .portable/$$site.headings; \
		diff .portable/mkdocs.headings .portable/$$site.headings; \
	done

# On Debian and Ubuntu: apt install chromium nodejs npm
LIGHTHOUSE ?= lighthouse@12.8.2
lighthouse: setup ## Lighthouse's scores for five kinds of page (ten minutes; needs Chromium, and Node 18.16 or newer)
	@command -v npm > /dev/null || { echo "npm is needed; on Debian and Ubuntu: apt install nodejs npm"; exit 1; }
	npm install --silent --no-audit --no-fund --prefix .lighthouse $(LIGHTHOUSE)
	$(BIN)/python -m tools.site.lighthouse $(ARGS)

pages: setup ## run the blocks of the pages alone
	$(BIN)/python -m pytest docs README.md $(ARGS)

reference: setup ## make the generated parts of the reference: names, command, messages, changelog
	$(BIN)/python -m tools.reference.api_pages
	$(BIN)/python -m tools.reference.cli_page
	$(BIN)/python -m tools.reference.errors_page
	$(BIN)/python -m tools.reference.root_pages
	$(BIN)/python -m tools.reference.blocks_page

bake: reference ## write outputs and figures into the pages, then make the notebooks and the block report
	$(BIN)/python -m pytest --bake docs README.md $(ARGS)
	$(BIN)/python -m tools.pictures.drawings
	$(BIN)/python -m tools.pictures.explorer
	$(BIN)/python -m tools.pictures.home
	$(BIN)/python -m tools.notebooks.notebooks
	$(BIN)/python -m tools.reference.blocks_page

exercises: setup ## make the pages and notebooks of the exercises from their folders
	$(BIN)/python -m tools.exercises.exercise_pages
	$(BIN)/python -m tools.exercises.exercise_notebooks
	$(BIN)/python -m tools.reference.blocks_page

atlas: setup ## verify every causal-LM type of transformers (one to five minutes), then write the page of the atlas
	$(BIN)/python -m tools.atlas $(ARGS)
	$(BIN)/python -m tools.atlas.atlas_page

evaluate: setup ## measure the model in the box again and print the result
	$(BIN)/python -m tools.tiny_model.evaluate

bench: setup ## what hooks cost, as ratios to a bare run (DEVICE=cuda on a GPU)
	$(BIN)/python -m benchmarks.run --device $(DEVICE) $(ARGS)

bench-peers: $(PEERS)/../.ready ## the same beside other libraries (half an hour); writes the result and its page
	$(PEERS)/python -m benchmarks.run --device $(DEVICE) --out benchmarks/results/$(firstword $(subst :, ,$(DEVICE))).json $(ARGS)
	$(PEERS)/python -m tools.measured.benchmark_page

bench-collect: $(PEERS)/../.ready ## what collecting costs, in time and memory (half an hour); writes the result and its page
	$(PEERS)/python -m benchmarks.collection --out benchmarks/results/collection/cpu.json $(ARGS)
	$(PEERS)/python -m tools.measured.collection_page

constraints: setup ## pin every dependency anew
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.10 --no-emit-package torch \
		--no-header --no-annotate --group dev pyproject.toml --output-file constraints.txt
	sed -i.bak -E '/^(nvidia-|cuda-|triton)/d' constraints.txt && rm constraints.txt.bak

clean: ## remove the virtual environment and what was built
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache
