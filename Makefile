# `make lab` opens the course, `make test` runs every test; both set everything up first. `make quick`
# runs the tests that need no whole lesson and no browser, `make site` makes the pages in _site.
PYTHON ?= python3
VENV ?= .venv
ifeq ($(OS),Windows_NT)
PY := $(VENV)/Scripts/python.exe
else
PY := $(VENV)/bin/python
endif
STAMP := $(VENV)/set-up
CLASS_STAMP := $(VENV)/set-up-class
PAGES_STAMP := $(VENV)/set-up-pages
LESSONS ?= $(foreach lesson,$(wildcard notebooks/*.ipynb),$(if $(findstring .mine,$(lesson)),,$(lesson)))

# Two at a time (tests/conftest.py says which stay together), in their order.
# Modules are compiled once, and not by every kernel again.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(PY) -m pytest -p tools -q -n 2 --no-loadscope-reorder

# Where pip takes things from (index, mirror, proxy) is the learner's to set; where it puts them is not.
# A variable outweighs a configuration file, also for the pip that builds a package.
unexport PIP_USER PIP_TARGET PIP_PREFIX
ifneq ($(OS),Windows_NT)
$(STAMP) $(PAGES_STAMP) $(CLASS_STAMP): export PIP_ROOT := /
endif
$(STAMP) $(PAGES_STAMP) $(CLASS_STAMP): export PIP_PYTHON := $(PY)
$(STAMP) $(PAGES_STAMP) $(CLASS_STAMP): export PIP_DRY_RUN := 0
$(STAMP) $(PAGES_STAMP) $(CLASS_STAMP): export PIP_NO_DEPS := 0
$(STAMP) $(PAGES_STAMP) $(CLASS_STAMP): export PIP_REQUIRE_HASHES := 0
PIP := $(PY) -m pip install --disable-pip-version-check --no-user --target= --prefix="$(if $(filter /%,$(VENV)),,$(CURDIR)/)$(VENV)"

.PHONY: lab class test quick site refresh edges bench lint format model text clean

lab: model text
	$(PY) -m mygpt_helpers lab $(LAB_FLAGS)

# For a class on one machine: the hub, and one model for all, where every learner may read.
class: export MYGPT_CACHE := $(or $(MYGPT_CACHE),/srv/mygpt-cache)
class: $(CLASS_STAMP) model text
	$(PY) -m compileall -q mygpt_helpers
	chmod -R go+rX-w . "$(MYGPT_CACHE)"

test: lint model text $(PAGES_STAMP)
	$(PYTEST) tests

quick: lint model text
	$(PYTEST) -m "not slow" tests

site: model text $(PAGES_STAMP)
	$(PY) -m tools.pages $(SITE_FLAGS)

refresh: model text
	$(PY) -m tools.refresh $(LESSONS)

edges: model text
	$(PY) -m tools.edges $(LESSONS)

bench: model text
	$(PY) -m bench $(BENCH_FLAGS)

lint: $(STAMP)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: $(STAMP)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

model: $(STAMP)
	$(PY) -m mygpt_helpers model

# Without it most lessons work, and those that need it ask for it again: no failure stops a set-up.
text: $(STAMP)
	-$(PY) -m mygpt_helpers text

# Made anew when the requirements change. The stamp is written last, so a set-up that was broken off
# is taken up again. An older pip, building a package, heeds a target in the learner's configuration.
$(STAMP): requirements.txt pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'This course needs Python 3.11 or newer; this is ' + sys.version.split()[0] + '. Name another one: make lab PYTHON=python3.12')"
	$(PYTHON) -m venv $(VENV)
	-$(PIP) "pip>=24.3"
	$(PIP) -r requirements.txt
	$(PY) -I -c "import importlib.util as u, sys; sys.exit(not u.find_spec('mygpt_helpers') and 'pip installed nothing into $(VENV). pip config debug shows the settings it heeds: mend them, then start this again.')"
	$(PY) -c "import pathlib, sys; pathlib.Path(sys.argv[1]).touch()" $(STAMP)

# What makes the pages: whoever learns needs none of it.
$(PAGES_STAMP): pages/requirements.txt $(STAMP)
	$(PIP) -r requirements.txt -r pages/requirements.txt
	$(PY) -c "import pathlib, sys; pathlib.Path(sys.argv[1]).touch()" $(PAGES_STAMP)

# The class's tests are among all tests; JupyterHub does not know Windows.
ifneq ($(OS),Windows_NT)
test: $(CLASS_STAMP)
endif
$(CLASS_STAMP): $(STAMP) classroom/requirements.txt
	$(PIP) -r requirements.txt -r classroom/requirements.txt
	$(PY) -c "import pathlib, sys; pathlib.Path(sys.argv[1]).touch()" $(CLASS_STAMP)

clean:
	$(PYTHON) -c "import shutil; shutil.rmtree('$(VENV)', ignore_errors=True)"
