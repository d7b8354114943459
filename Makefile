# Everything is done by tools/; `make help` lists what there is. Variables (HTTP_PORT, ODOO_HOME, ODOO_DEB, PGHOST,
# ... see README.md) are given in the environment or on the command line: make run HTTP_PORT=9000
PYTHON ?= python3
TOOLS = $(PYTHON) -m tools

.PHONY: help run stop test test-engine test-one chaos bench lint regress translate clean lock

help:
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

run:  ## Odoo with the add-on and demo data at http://127.0.0.1:8069
	@$(TOOLS) run

stop:  ## end what `make run` started; the data stays
	@$(TOOLS) stop

test:  ## all tests, from nothing
	@$(TOOLS) test

test-engine:  ## the engine's tests only (no Odoo, no database)
	@$(TOOLS) test_engine

test-one:  ## one file: make test-one FILE=addons/sales_process/tests/test_x.py [K=name]
	@$(TOOLS) test_one "$(FILE)" "$(K)"

chaos:  ## kill workers at random moments (RUNS=100) and work a backlog off under a time limit: nothing twice or lost
	@$(TOOLS) chaos "$(RUNS)"

bench:  ## all benchmarks, beside plain Odoo in the same run
	@$(TOOLS) bench

lint:  ## ruff, pylint-odoo, Odoo's own checks
	@$(TOOLS) lint

regress:  ## Odoo's own suites with the add-on and without, and what differs
	@$(TOOLS) regress

translate:  ## the words of all add-ons as they are now into i18n/, and which have no Russian yet
	@$(TOOLS) translate

clean:  ## stop everything and remove var/, the database and the mails with it
	@$(TOOLS) clean

lock:  ## renew tools/requirements.lock from requirements.in (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q \
		tools/requirements.in -o tools/requirements.lock
