# Every target builds .venv when it is missing or older than the locks.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-postgres check crash crash-selftest fuzz mutants storm bench format lock clean

demo: .venv/ready
	$(BIN)/vouch demo

# Twice as many at once as the two cores they are meant for: stories wait, for sockets and for clocks.
test: .venv/ready
	$(BIN)/pytest -n 4 -m "not browser and not long"

# A PostgreSQL of its own, on loopback: the promises of both engines, and stories and kills over it.
POSTGRES_TESTS := tests/conformance tests/storage tests/bot/test_control.py tests/bot/test_metrics.py tests/story/test_answers.py tests/story/test_kill.py tests/story/test_late_quarantine.py tests/story/test_races.py tests/story/test_redirected.py
test-postgres: .venv/ready
	$(BIN)/python -m tests.postgres $(BIN)/pytest -n 2 $(POSTGRES_TESTS)

check: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 4

# Kills Vouch under load and counts what came of it: KILLS, SEED and ENGINE (tests/crash/__main__.py).
CRASH := $(BIN)/python -m tests.crash $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))
crash: .venv/ready
	$(if $(filter postgres,$(ENGINE)),,$(CRASH) --engine sqlite)
	$(if $(filter sqlite,$(ENGINE)),,$(BIN)/python -m tests.postgres $(CRASH) --engine postgres)

# The same must find out two broken builds.
crash-selftest: .venv/ready
	$(BIN)/python -m tests.crash.selftest

# 100,000 requests to every route, most with good credentials: REQUESTS and SEED (tests/fuzz/__main__.py).
fuzz: .venv/ready
	$(BIN)/python -m tests.fuzz $(if $(REQUESTS),--requests $(REQUESTS)) $(if $(SEED),--seed $(SEED))

# Takes away one control of docs/security.md after the other; ONLY= names some of them.
mutants: .venv/ready
	$(BIN)/python -m tests.attacks.mutants $(ONLY)

# Prints the tables of bench/README.md. QUICK=1 only shows that it works. ONLY=teams or ONLY=engine
# measures one half; STORED=200000 makes fewer stored incidents than a million.
bench: .venv/ready bench/.venv-peers/ready
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(if $(STORED),--stored $(STORED))

# Under six minutes: a storm against a Teams that enforces its limits. QUICK=1 shows that it works.
storm: .venv/ready
	$(BIN)/python -m bench.storm $(if $(QUICK),--quick)

# The SDKs and the engine Vouch is measured beside have an environment of their own.
bench/.venv-peers/ready: bench/requirements-peers.lock
	$(PYTHON) -m venv --clear bench/.venv-peers
	bench/.venv-peers/bin/pip install --quiet --disable-pip-version-check --require-hashes -r bench/requirements-peers.lock
	touch $@

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/ready: requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Vouch needs Python 3.11 or newer; set PYTHON=/path/to/python3")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# Needs uv on the path. The locks name versions and hashes.
COMPILE := uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11
lock:
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --extra dev pyproject.toml -o requirements-dev.lock
	echo 'setuptools>=75' | $(COMPILE) - -o requirements-build.lock
	$(COMPILE) bench/requirements-peers.in -o bench/requirements-peers.lock

clean:
	rm -rf .venv bench/.venv-peers build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
