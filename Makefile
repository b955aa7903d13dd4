# Everything a checkout needs is set up by the target that needs it; what is there already is skipped.
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

HOST ?= 127.0.0.1
PORT ?= 8000
BASE_PYTHON ?= python3
SETUP := $(BASE_PYTHON) .make/setup.py
PYTHON := .venv/bin/python
export HOST PORT PYTEST_ARGS UPGRADE INVENTORY ARGS

.PHONY: help setup run dev check fix test test-python test-system test-web e2e bench bench-quick api build test-build conformance deploy test-deploy lock lock-deploy clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: ## start Parlor on http://127.0.0.1:8000 (HOST=... PORT=... to change that)
	@$(SETUP) run
	@exec .venv/bin/parlor serve --host $(HOST) --port $(PORT)

setup: ## everything that developing needs, without starting anything
	@$(SETUP) dev

dev: ## backend that reloads, and the chat app's development server
	@$(SETUP) dev
	@exec $(PYTHON) .make/dev.py

check: ## all judgements without running: types, lint, format, import contracts, API drift
	@$(SETUP) python npm
	@$(PYTHON) .make/check.py

fix: ## repair what lint and format can repair by themselves
	@$(SETUP) python npm
	-@.venv/bin/ruff check --fix --quiet .
	@.venv/bin/ruff format --quiet .
	@if [ -f frontend/package.json ]; then \
	    PATH="$$($(SETUP) node):$$PATH" npm --prefix frontend run --silent format; fi

test: ## every test: backend, front end, browser (PYTEST_ARGS=... for pytest)
	@$(SETUP) dev
	@$(PYTHON) .make/run_tests.py

test-python: ## the backend's unit and feature tests alone
	@$(SETUP) python
	@$(PYTHON) .make/run_tests.py python

test-system: ## the backend's tests with real processes, floods and fuzzing
	@$(SETUP) python
	@$(PYTHON) .make/run_tests.py system

test-web: ## the front ends' unit tests alone
	@$(SETUP) python npm
	@$(PYTHON) .make/run_tests.py web

e2e: ## the browser tests alone
	@$(SETUP) dev
	@$(PYTHON) .make/run_tests.py e2e

bench: build ## measure every budget against yardsticks in the same run
	@$(PYTHON) -m tests.bench

bench-quick: ## two minutes of the same, fails only on gross regressions
	@$(SETUP) dev
	@$(PYTHON) -m tests.bench --quick

api: ## export the backend's API and generate the front ends' types from it
	@$(SETUP) python npm
	@.venv/bin/parlor export-openapi > frontend/shared/openapi.json.new
	@mv frontend/shared/openapi.json.new frontend/shared/openapi.json
	@PATH="$$($(SETUP) node):$$PATH" npm --prefix frontend run --silent api

build: ## dist/parlor.pyz: the whole product in one file, with its checksum and bill of materials
	@$(SETUP) dev
	@$(PYTHON) .make/package.py

conformance: ## the official MCP conformance suite against our servers and our client
	@$(SETUP) dev
	@PATH="$$($(SETUP) node):$$PATH" $(PYTHON) -m tests.conformance

test-build: build ## prove the file: identical elsewhere, starts from nothing, small, quick
	@$(PYTHON) .make/run_tests.py package

deploy: build ## Parlor on your two hosts (INVENTORY=... PLAYBOOK=deploy.yml ARGS='...')
	@$(PYTHON) .make/deploy.py run $(or $(PLAYBOOK),site.yml)

test-deploy: build ## prove the playbooks on two real systemd hosts in containers (root)
	@$(PYTHON) .make/run_tests.py deploy

lock-deploy: ## compile requirements-deploy.lock again (UPGRADE=1: with newer versions)
	@$(SETUP) python
	@$(PYTHON) .make/deploy.py lock

lock: ## compile the lock files again (UPGRADE=1: with newer versions)
	@$(SETUP) lock

clean: ## remove everything that was made here, but not ./data
	rm -rf .cache .venv dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	rm -rf frontend/node_modules frontend/*/dist frontend/test-results
	find backend tests .make -name __pycache__ -type d -prune -exec rm -rf {} +
