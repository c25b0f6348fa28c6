# Spool's habits. `make run` and `make test` need Python 3.11 or newer and nothing else: they make `.venv` with uv
# from uv.lock, and bring uv into `.uv` when there is none.

UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
BIN := .venv/bin
SYNCED := .venv/.synced
JOBS ?= 2

# Trust what the machine trusts, where it says so: networks with an authority of their own are common.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS ?= true
export UV_NATIVE_TLS ?= true
endif

# The first Python that runs and is new enough; python3.13 may exist and be a stub of a version manager.
FIND_PYTHON = for python in python3.13 python3.12 python3.11 python3.14 python3; do \
	"$$python" -c 'import sys, ensurepip, venv, sqlite3; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	python=; done

.DEFAULT_GOAL := help
.PHONY: help run test check bench bench-peers faults soak life docs clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: $(SYNCED) ## open the console (ARGS="jobs --json" runs another verb)
	@$(BIN)/spool $(ARGS)

test: $(SYNCED) ## pass all tests (ARGS="tests/workers -k cancel" chooses some)
	@$(BIN)/pytest -q -n $(JOBS) --dist loadfile $(ARGS)

check: $(SYNCED) ## format, lint, types, import contracts, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry .

bench: $(SYNCED) ## measure (ARGS="liveness store" chooses some)
	@$(BIN)/python -m tests.bench $(ARGS)

faults: $(SYNCED) ## every fault of the matrix five times with other seeds (ARGS="--rounds 1")
	@$(BIN)/python -m tests.faults $(ARGS)

soak: $(SYNCED) ## 10,000 jobs under kills of everybody (ARGS="--jobs 500 --kills 20" makes it smaller)
	@$(BIN)/python -m tests.faults.soak $(ARGS)

life: $(SYNCED) ## three days of a worker in minutes: what grows? (ARGS="--jobs 1000" makes it smaller)
	@$(BIN)/python -m tests.faults.life $(ARGS)

bench-peers: ## name what the measurements compare with, and how to install it
	@echo "Debian packages of programs that make bench measures beside, where they are installed:"
	@echo "  apt install ffmpeg ffmpegthumbnailer imagemagick jpegoptim libimage-exiftool-perl libjpeg-turbo-progs mediainfo optipng redis-server"
	@echo "Python packages, into the environment of the measurements:"
	@echo "  $(UV) pip install celery imagehash opencv-python-headless pyvips[binary] redis rq"

docs: $(SYNCED) ## write the generated parts of the documentation
	@$(BIN)/python -m tests.support.documents

clean: ## remove the virtual environment, the private uv and all caches
	rm -rf .venv .uv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Only when what should be installed has changed. Compiling here keeps every later start quick.
$(SYNCED): pyproject.toml uv.lock | $(UV)
	@if [ -x $(BIN)/python ]; then python=$(BIN)/python; else $(FIND_PYTHON); fi; \
	$(UV) sync --quiet --frozen --all-extras --compile-bytecode $${python:+--python "$$python"}
	@touch $@

.uv/bin/uv:
	@$(FIND_PYTHON); \
	if [ -z "$$python" ]; then \
		echo "Spool needs Python 3.11 or newer with its venv module (Debian, Ubuntu: apt install python3-venv)," >&2; \
		echo "or uv on the PATH (https://docs.astral.sh/uv/), which brings its own Python." >&2; \
		exit 1; \
	fi; \
	echo "bringing uv into .uv with $$python" >&2; \
	"$$python" -m venv .uv && .uv/bin/python -m pip install --quiet --disable-pip-version-check uv \
	|| { rm -rf .uv; echo "uv could not be installed into .uv: see above" >&2; exit 1; }
