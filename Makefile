SHELL = /bin/sh
export NO_COLOR = 1
$(if $(filter-out 0 1,$(GPU)),$(error GPU=$(GPU): write GPU=1 for requirements-gpu.lock, GPU=0 for requirements.lock))
# The lock of the environment: as GPU says (1 or 0), else the one that it was made with.
HAS = $(or $(shell cat .venv/lock 2>/dev/null),requirements.lock)
LOCK := $(or $(if $(filter 1,$(GPU)),requirements-gpu.lock),$(if $(filter 0,$(GPU)),requirements.lock),$(HAS))

.PHONY: help setup demo demo-tasks test test-slow fuzz compat accuracy faults bench check docs lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

setup: .venv/ready ## Python 3.7 and everything in requirements.lock, into .venv; GPU=1: in requirements-gpu.lock

demo: .venv/ready ## the default recipe, from data to a checked uint8 file
	.venv/bin/luigi --module pipeline ValidateInterpreter
	.venv/bin/octet ls

demo-tasks: .venv/ready ## the six recipes of recipes/tasks, each from data to a checked uint8 file (minutes)
	for task in detector segmenter tagger keyword_spotter anomaly_detector regressor; do \
	  .venv/bin/luigi --module pipeline ValidateInterpreter --recipe recipes/tasks/$$task.yaml || exit; done
	.venv/bin/octet ls

test: .venv/ready check ## lint, import contracts, types and the tests
	.venv/bin/pytest -q -m "not slow" -n 2 --dist loadscope

test-slow: .venv/ready ## the tests that take minutes each, or fetch from PyPI
	.venv/bin/pytest -q -m slow

fuzz: .venv/ready ## 2,000 random networks through toco, the interpreter and local parity (an hour and a half)
	.venv/bin/python -m tests.fuzz 2000 20000

compat: .venv/ready ## every network through the stages; writes docs/compatibility.md (goes on where it was; hours)
	nice .venv/bin/python -m tests.compat

accuracy: .venv/ready ## every classifier of ours on digits and MNIST; writes docs/accuracy.md (goes on where it was; an hour)
	nice .venv/bin/python -m benchmarks.classifiers

faults: .venv/ready ## the table of attacks (goes on where it was), 220 runs killed or spoiled, full disks (under an hour)
	.venv/bin/python -m tests.attacks
	.venv/bin/python -m tests.pipeline.faults 200

bench: .venv/ready ## the table of docs/speed.md, what nothing to do costs, and the store with many recipes
	.venv/bin/python -m benchmarks.speed
	.venv/bin/python -m benchmarks.nothing_to_do
	.venv/bin/python -m benchmarks.many_recipes

check: .venv/ready ## lint, import contracts and types alone
	.venv/bin/ruff check .
	.venv/bin/lint-imports
	.venv/bin/mypy

docs: .venv/ready ## the documentation as a site in build/site; a broken link is an error
	.venv/bin/python -m docs.reference
	.venv/bin/mkdocs build

lock: ## write both locks anew from pyproject.toml and requirements*.in
	scripts/lock

clean: ## remove what set-up made; artifacts stay
	rm -rf .venv .tools

.venv/ready: $(LOCK) pyproject.toml $(if $(filter $(LOCK),$(HAS)),,other-lock)
	@scripts/setup $(LOCK)

.PHONY: other-lock
other-lock:
