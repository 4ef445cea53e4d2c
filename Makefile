# One command each: `make demo`, `make test`, `make check`. Needs Python 3.11 and make.
PYTHON ?= python3.11
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TEST ?= tests
REFUSED ?= $(addprefix tests/,accounts audit cases contacts diaries notifications)
WORKERS ?= 2
COMPILED := $(patsubst %.po,%.mo,$(wildcard quarano/locale/*/LC_MESSAGES/django.po))
export PORT
export PYTHONUTF8 := 1

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test refuse bars bench check format pictures messages requirements sbom newest security-page secrets clean

help:
	@echo "make demo          show Quarano running on http://localhost:$(PORT)/ (PORT=9000 moves it)"
	@echo "make demo-reset    forget the demo's data, then show it anew"
	@echo "make test          run every test (TEST=tests/cases for some)"
	@echo "make refuse        the tests of processes, every statement refused once"
	@echo "make bench         measure it (ROWS=4,6 SCALE=small|medium|large JSON=out.json)"
	@echo "make bars          the long bars of security and reliability (SHARE=0.1 for a quick look)"
	@echo "make check         lint, types, security, migrations, translations, deployment"
	@echo "make format        lay out code and templates"
	@echo "make pictures      take the pictures of the manuals anew"
	@echo "make messages      collect and compile translations"
	@echo "make requirements  pin the dependencies of pyproject.toml anew"
	@echo "make newest        ask whether newer patches of what is pinned are there"
	@echo "make sbom          write what is shipped to var/sbom.json"
	@echo "make secrets       write .env with fresh secrets for compose.yaml, once"
	@echo "make security-page write docs/security.md from the tests' marks"

# The packages are installed again only when the pinned requirements have changed.
$(READY): requirements-dev.txt requirements-uv.txt
	@command -v $(PYTHON) >/dev/null || { echo "Quarano needs Python 3.11: '$(PYTHON)' was not found (PYTHON=/path/to/python3.11 make ...)." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "The virtual environment could not be made; on Debian: apt-get install python3.11-venv." >&2; exit 1; }
	@echo "Installing the packages into $(VENV) ..."
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt \
	  && VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements-dev.txt; then :; else \
	  echo "uv could not install them, trying plain pip ..."; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt; fi
	@touch $@

.venv: $(READY)

%.mo: %.po | $(READY)
	@DEBUG=true $(BIN)/python manage.py messages --compile-only

# A library that somebody removed is one sentence, not a traceback.
LIBRARIES := aiosmtpd allauth celery csp django django_htmx django_tenants gunicorn \
  phonenumber_field psycopg redis template_partials whitenoise
LOOK := import sys; from importlib.util import find_spec; \
  gone = [one for one in sys.argv[1:] if find_spec(one) is None]; \
  sys.exit(f"A package is missing ({gone[0]}): run make clean, then try again." if gone else 0)

demo: $(READY) $(COMPILED)
	@$(BIN)/python -c '$(LOOK)' $(LIBRARIES)
	@exec $(BIN)/python -m quarano.demo --port $(PORT)

demo-reset: $(READY) $(COMPILED)
	@$(BIN)/python -c '$(LOOK)' $(LIBRARIES)
	@exec $(BIN)/python -m quarano.demo --port $(PORT) --reset

test: $(READY) $(COMPILED)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(TEST)

# The bars of security and reliability that take long; a dated report in var/bars.
# SHARE=0.1 runs a tenth of the tries and says so, ONLY=19 one bar, KEEP=1 writes what
# was found into docs/bars.md.
bars: $(READY) $(COMPILED)
	BARS_SCALE=$(or $(SHARE),1) BARS_KEEP=$(KEEP) $(BIN)/python -m pytest --bars -p no:randomly -q $(if $(ONLY),-k bar_$(ONLY)) tests/longer

# The tests of processes once more, each statement that they send refused once.
refuse: $(READY) $(COMPILED)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --refuse $(REFUSED)

# Figures with a yardstick beside each; quiet machines say more than busy ones.
bench: $(READY) $(COMPILED)
	@ROWS="$(ROWS)" SCALE="$(SCALE)" JSON="$(JSON)" $(BIN)/python -m quarano.bench

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	DEBUG=true $(BIN)/mypy
	$(BIN)/djlint templates --lint --quiet
	find templates -name '*.html' -print0 | xargs -0 -r $(BIN)/djade --target-version 5.2 --check
	$(BIN)/bandit --quiet --configfile pyproject.toml --severity-level medium --recursive quarano health_authorities cases contacts diaries
	$(BIN)/python -m tests.secrets_scan
	DEBUG=true $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	DEBUG=true $(BIN)/python manage.py messages --check
	DEBUG=false DEMO=false SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') \
	  FIELD_KEYS=$$($(BIN)/python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())') \
	  ALLOWED_HOSTS=.quarano.example \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	find templates -name '*.html' -print0 | xargs -0 -r $(BIN)/djade --target-version 5.2

# The pictures of the manuals, from a demo that is started for it (PICTURES_FROM=8000 takes a running one).
pictures: $(READY) $(COMPILED)
	$(BIN)/python docs/pictures.py $(if $(PICTURES_FROM),--port $(PICTURES_FROM))

messages: $(READY)
	DEBUG=true $(BIN)/python manage.py messages

# What is shipped, as CycloneDX; and whether newer patches are there (asks the index).
sbom: $(READY)
	@mkdir -p var
	$(BIN)/python -m cyclonedx_py requirements requirements.txt --output-reproducible --output-format JSON -o var/sbom.json

newest: $(READY)
	$(BIN)/python -m tests.pins

secrets:
	@sh compose/secrets.sh

security-page: $(READY)
	$(BIN)/python -m tests.bars.security_page

COMPILE := uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-header --no-annotate
requirements: $(READY)
	$(BIN)/$(COMPILE) pyproject.toml -o requirements.txt
	$(BIN)/$(COMPILE) pyproject.toml --extra dev -o requirements-dev.txt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
