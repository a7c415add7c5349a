# Everything that a person or CI runs. Needs Python 3.11 or newer and make; the rest is installed into .venv from locked files.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SECONDS ?= 60

.PHONY: demo test lint style types docs reference pictures unit bench bench-peers fuzz chaos mutation numbers whole up down lock clean

demo: $(VENV)/installed ## about a minute: a simulated school through Kafka and the real worker, and what a user would look at
	$(BIN)/outcomes demo

test: style ## everything that CI checks; types and documents beside the tests, and what they say after them
	@mkdir -p build; $(MAKE) --no-print-directory --keep-going types docs >build/beside.log 2>&1 & beside=$$!; \
	$(BIN)/pytest -n 4 --dist worksteal; code=$$?; \
	wait $$beside || code=2; cat build/beside.log; exit $$code

lint: style types

style: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(VENV)/installed
	$(BIN)/mypy

docs: $(VENV)/installed ## the pages of docs/, as HTML in build/docs; every warning is an error
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --jobs auto -d build/doctrees docs build/docs

reference: $(VENV)/installed ## writes the generated parts of docs/reference from the code and a migrated database
	$(BIN)/python -m tests.reference_pages

pictures: $(VENV)/installed ## writes the pictures of the pages in docs/_static/pages; needs Chromium (apt-get install chromium)
	$(BIN)/python -m tests.pictures

unit: $(VENV)/installed ## the tests that need no engine
	$(BIN)/pytest tests/unit

bench: $(VENV)/installed ## measures; tests/bench/RESULTS.md has what was promised and measured
	$(BIN)/python -m tests.bench

bench-peers: $(VENV)/installed build/peers/installed ## one worker beside the sinks that people would use instead; EVENTS= ROUNDS= ONLY=
	$(BIN)/python -m tests.bench.peers $(if $(EVENTS),--events $(EVENTS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only $(ONLY))

mutation: $(VENV)/installed ## takes the guards of the writer and the worker out of a copy, one by one; the tests must notice each
	$(BIN)/python -m tests.mutation

numbers: $(VENV)/installed ## scores beside those of real Ruby: all lists of whole scores, and 20,000 fresh cases where Ruby is installed
	WHOLE=1 $(BIN)/pytest --timeout 900 tests/unit/test_golden.py tests/postgres/test_golden.py

whole: $(VENV)/installed ## all hostile records, worlds of rosters and examples of the laws, of which `make test` tries some, and 100,000 messages of a queue
	WHOLE=1 $(BIN)/pytest --timeout 900 tests/unit/test_hostile.py tests/serve/test_rights.py tests/serve/test_browser.py \
		tests/postgres/test_erasure.py tests/postgres/test_law.py tests/postgres/test_letters.py tests/postgres/test_person_names.py \
		tests/postgres/test_rosters.py tests/postgres/test_summaries.py tests/intake/test_sqs_process.py

chaos: $(VENV)/installed ## kills, cuts and outages by chance, and what is true afterwards; SEEDS= EVENTS= KILLS= REPORT= for long runs
	$(BIN)/python -m tests.chaos $(if $(SEEDS),--seeds $(SEEDS)) $(if $(EVENTS),--events $(EVENTS)) $(if $(KILLS),--kills $(KILLS)) $(if $(REPORT),--report $(REPORT))

fuzz: $(VENV)/fuzz ## looks for records and files that break the decoder or the splitter, so long for each: SECONDS=60
	$(BIN)/python -m tests.fuzz $(SECONDS)

up: ## Kafka, Postgres, migrations, the intake, the worker and the HTTP server in containers; needs Docker Compose 2.23.1 or newer
	docker compose up --build --wait

down: ## takes them away, and what Kafka and Postgres hold
	docker compose down --volumes

lock: $(VENV)/installed ## writes the locked requirements anew from pyproject.toml
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml --extra objects --extra sqs -o requirements/runtime.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml --all-extras --group dev -c requirements/runtime.txt -o requirements/dev.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url requirements/build.in -c requirements/dev.txt -o requirements/build.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --group pyproject.toml:fuzz -c requirements/dev.txt -o requirements/fuzz.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url requirements/peers.in -o requirements/peers.txt

clean:
	rm -rf $(VENV) .outcomes build *.egg-info

$(VENV)/installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; try make PYTHON=python3.12")'
	@echo "Installing Python packages (600 MB, the locked ones of requirements/dev.txt) into $(VENV): one to three minutes, this once."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/fuzz: $(VENV)/installed requirements/fuzz.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	@touch $@

build/peers/installed: requirements/peers.txt
	$(PYTHON) -m venv build/peers
	build/peers/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/peers.txt
	@touch $@
