# What one does with VibeTalk from a clone. `make help` lists it.
# Needs Rust (rust-version in Cargo.toml) and, for the tests with real clients, Node.js 20 and Chromium.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Every step uses all cores by itself, and tests that share them with a build time out: `-j` changes nothing.
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

CARGO ?= cargo
NPM ?= npm
# Arguments of `vibetalk serve`: make run ARGS="--listen 0.0.0.0:3000"
ARGS ?=
TARGET := $(or $(CARGO_TARGET_DIR),target)
NPM_CI = $(NPM) ci --no-audit --no-fund --loglevel=error > /dev/null

.PHONY: help
help: ## Lists these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

.PHONY: run
run: has-cargo web-client ## Builds the server (and the web client) and starts it on http://127.0.0.1:3000
	@$(CARGO) build --release --locked --bin vibetalk
	@exec $(TARGET)/release/vibetalk serve $(ARGS)

.PHONY: test
test: has-cargo has-node chromium test-rust test-types test-js ## Runs every test, also those with real Socket.IO clients

.PHONY: check
check: has-cargo ## Format, lints, and licences where cargo-deny is installed
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --quiet --workspace --all-targets --locked -- -D warnings
	@if command -v cargo-deny > /dev/null; then $(CARGO) deny --log-level error --locked check licenses bans sources; \
	else echo "cargo-deny is not installed: licences, bans and sources are not checked"; fi

.PHONY: bench
bench: has-cargo ## Measures: micro benchmarks, then the load tests
	@$(CARGO) bench --workspace --locked
	@if [ -x loadtest/compare.sh ]; then exec loadtest/compare.sh; fi

# --- parts of `test` -------------------------------------------------------------------------------------

# Tests and binary in one build: apart they would be compiled twice, because the tests' dependencies
# switch features on.
.PHONY: build-debug
build-debug: has-cargo
	@$(CARGO) build --quiet --workspace --bins --tests --locked

.PHONY: test-rust
test-rust: build-debug ## Unit, conformance and integration tests
	@$(CARGO) test --quiet --workspace --locked

.PHONY: test-types
test-types: has-node tests/js/types/node_modules/.package-lock.json ## docs/vibetalk.d.ts compiles, and agrees with the other documents
	@cd tests/js/types && $(NPM) --silent test

.PHONY: test-js
test-js: has-node chromium build-debug ## The contract, with socket.io-client of npm against the debug binary
	@if [ -f tests/js/package.json ]; then \
	  $(MAKE) tests/js/node_modules/.package-lock.json; \
	  cd tests/js && VIBETALK_BIN="$(abspath $(TARGET))/debug/vibetalk" $(NPM) --silent test; \
	fi

.PHONY: web-client
web-client:
	@if [ -f web-client/package.json ]; then \
	  $(MAKE) has-node web-client/node_modules/.package-lock.json; \
	  cd web-client && $(NPM) --silent run build; \
	fi

# npm writes this file last, so it says that an install is complete.
%/node_modules/.package-lock.json: %/package-lock.json %/package.json
	@cd $* && $(NPM_CI)
	@touch $@

# --- what has to be there ---------------------------------------------------------------------------------

.PHONY: has-cargo
has-cargo:
	@command -v $(CARGO) > /dev/null || { echo "cargo is missing: install Rust, see rust-version in Cargo.toml" >&2; exit 1; }

.PHONY: has-node
has-node:
	@command -v node > /dev/null && command -v $(NPM) > /dev/null || { echo "Node.js 20 or later with npm is missing" >&2; exit 1; }
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' || { echo "Node.js is too old: 20 or later" >&2; exit 1; }

.PHONY: chromium
chromium:
	@scripts/chromium.sh
