# Each command does all of its own set-up; the second time takes seconds.
.PHONY: help demo page test containers newer up check bench instructions docs dist lock

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## The main job, end to end, on a real radiograph; results in demo/
	@scripts/setup.sh demo
	@.venv/bin/hilum demo --out demo

page: ## The demonstration stays up, with the page on it: sign in, drop a file; Ctrl-C deletes it
	@scripts/setup.sh demo
	@scripts/ohif.sh || true
	@.venv/bin/hilum demo --page

up: ## Start the node, its page and its PACS; Ctrl-C stops them
	@scripts/setup.sh run
	@.venv/bin/hilum up --pull

# Bytecode is written even where a container forbids it: the tests start hundreds of programs,
# and each would compile hilum anew.
PYTEST := env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m pytest

# mypy has one processor; what the tests of the source say takes another meanwhile. What stands for
# the tests of containers comes last: the networks that Docker makes fail a page in a browser beside
# it (ERR_NETWORK_CHANGED).
test: ## Every check and test; of those on containers what stands for all
	@scripts/setup.sh dev
	@scripts/check.sh & checks=$$!; \
	$(PYTEST) -q tests/structure; structure=$$?; \
	wait $$checks && exit $$structure
	@$(PYTEST) -n 4 --dist loadfile --no-loadscope-reorder --ignore tests/structure
	@$(PYTEST) -m thin tests/containers

containers: ## The tests of images and Compose file, on a Docker engine of their own
	@scripts/setup.sh dev
	@.venv/bin/python -m pytest -m containers tests/containers

newer: ## The tests that meet other programs, in Debian 13's versions of Python, Orthanc and PostgreSQL
	@scripts/setup.sh dev
	@.venv/bin/python -m pytest -m containers tests/containers/test_newer.py

check: ## Format, lint and types only
	@scripts/setup.sh dev
	@scripts/check.sh

bench: ## Measure what the docs claim; the table is printed and written to bench/results/
	@scripts/setup.sh dev
	@.venv/bin/python -m bench

# Times vary by a third on a machine that is shared with others; instructions do not.
instructions: ## Fail where a part of the core needs 5 % more processor instructions than accepted (valgrind)
	@scripts/setup.sh dev
	@.venv/bin/python -m bench --check instructions

docs: ## Build the site of the documentation into build/site
	@scripts/setup.sh dev
	@.venv/bin/python -m sphinx --quiet --fail-on-warning -c docs . build/site
	@echo "open build/site/index.html"

dist: ## Build wheel and sdist into dist/, twice, and compare them
	@scripts/setup.sh dev
	@scripts/dist.sh

lock: ## Write requirements/ anew after a change of pyproject.toml
	@scripts/setup.sh dev
	@scripts/lock.sh
