# Kentro. `make` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
FLASK := $(BIN)/flask --app app
TESTS ?= tests
JOBS ?= 2
BENCH := .venv-bench
ATTACK := .venv-attack
PEERS ?= ../shared/bench
PEOPLE ?= 100000
ROUNDS ?= 15
ENTRIES ?= 1000000
export FLASK_SKIP_DOTENV = 1

.PHONY: help setup setup-dev browser run test check format translations dictionary sbom screens bench bench-trail peers attack

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.installed translations/el/LC_MESSAGES/messages.mo  ## install what Kentro runs on, into .venv

$(VENV)/bin/python:
	@command -v python3.11 >/dev/null || { echo "Python 3.11 is missing: apt-get install python3.11 python3.11-venv"; exit 1; }
	@python3.11 -m venv $(VENV) || { rm -rf $(VENV); apt-get update -q && apt-get install -y -q python3.11-venv && python3.11 -m venv $(VENV); } \
	  || { rm -rf $(VENV); echo "Python cannot make a virtual environment: apt-get install python3.11-venv"; exit 1; }

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	@echo "Installing what Kentro runs on, into $(VENV) (once, about half a minute)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-input -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing what tests and checks need, into $(VENV) (once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-input -r requirements-dev.txt
	@touch $(VENV)/.installed $@

# npm runs the node that stands beside it, which it looks for in PATH.
tests/node_modules/.installed: tests/package.json tests/package-lock.json | $(VENV)/.installed-dev
	@echo "Installing what pages are checked with, into tests/node_modules (once)"
	@cd tests && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --loglevel=error
	@touch $@

translations/el/LC_MESSAGES/messages.mo: $(wildcard translations/*/LC_MESSAGES/*.po) | $(VENV)/.installed
	@for domain in messages admin; do $(BIN)/pybabel -q compile -d translations -D $$domain || exit 1; done
	@touch $@

setup-dev: $(VENV)/.installed-dev tests/node_modules/.installed setup

browser:
	@command -v chromium >/dev/null || { apt-get update -q && apt-get install -y -q chromium; } \
	  || { echo "Chromium is missing, and could not be installed: apt-get install chromium"; exit 1; }

run: setup  ## set up, migrate, load the demo on a first run, and serve
	@echo "Bringing the database up to date"
	@$(FLASK) db upgrade
	@$(FLASK) demo

test: setup-dev browser  ## every test, on SQLite, PostgreSQL and in the browser
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(TESTS)

check: setup-dev  ## style, types, templates, import direction, translations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/djlint --quiet --lint templates
	@$(BIN)/python -m pytest -q tests/test_house.py tests/test_translations.py

format:  ## put the code in the house's format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

translations: setup-dev  ## gather new texts into the Greek catalogue
	@$(BIN)/pybabel -q extract -F translations/babel.cfg -k N_ -o messages.pot --no-location --omit-header . $(VENV)/lib/python3.11/site-packages/wtforms
	@$(BIN)/pybabel -q update -i messages.pot -d translations -D messages -l el --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --no-wrap
	@rm -f messages.pot

dictionary: setup  ## write docs/data-dictionary.md anew from the models
	@$(BIN)/python -m docs.make_dictionary

sbom: setup  ## write docs/sbom.json, the bill of materials, anew from requirements.txt
	@$(BIN)/python -m docs.make_sbom

screens: setup-dev browser  ## photograph every screen of every role anew, into docs/screens
	@$(BIN)/python -m docs.make_screens

peers:
	@test -f $(PEERS)/rig.py || { echo "There is nothing to measure against: $(PEERS) does not hold the peers (make bench PEERS=folder)"; exit 1; }

$(BENCH)/.installed: benchmarks/requirements.txt | $(VENV)/.installed
	@echo "Installing what the peers need, into $(BENCH) (once)"
	@$(BIN)/python -m venv $(BENCH)
	@$(BENCH)/bin/pip install --quiet --disable-pip-version-check --no-input -r benchmarks/requirements.txt
	@touch $@

bench: peers setup $(BENCH)/.installed  ## measure Kentro beside other admin frameworks (benchmarks/README.md)
	@PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$(PEERS) $(BENCH)/bin/python -m benchmarks --flask $(BIN)/flask \
	  --people $(PEOPLE) --rounds $(ROUNDS) --cases "$(CASES)" --peers "$(PEERS_ONLY)"

bench-trail: setup  ## measure how long the trail's verifier takes (benchmarks/README.md)
	@PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m benchmarks.trail --entries $(ENTRIES)

# wapiti cannot share its libraries with semgrep, so it has an environment of its own inside the other.
$(ATTACK)/.installed: attacks/requirements.txt attacks/requirements-wapiti.txt | $(VENV)/.installed-dev
	@echo "Installing what Kentro is attacked with, into $(ATTACK) (once, about a minute)"
	@for folder in $(ATTACK) $(ATTACK)/wapiti; do $(BIN)/python -m venv $$folder || exit 1; done
	@$(ATTACK)/bin/pip install --quiet --disable-pip-version-check --no-input -r attacks/requirements.txt
	@$(ATTACK)/wapiti/bin/pip install --quiet --disable-pip-version-check --no-input -r attacks/requirements-wapiti.txt
	@touch $@

attack: setup-dev browser $(ATTACK)/.installed  ## attack a Kentro of our own with scanners and hostile lines; renews docs/security.md
	@PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m attacks --tools $(CURDIR)/$(ATTACK) --only "$(ONLY)"
