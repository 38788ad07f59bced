# What one does with VibeTalk from a clone. `make help` lists it.
# Needs Rust (rust-version in Cargo.toml), Node.js 20 for the web client, and Chromium, Firefox, Java 17 and Maven for the tests.
# The server alone needs none of this: `cargo run --release`.

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
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '  make %-16s %s\n' "$$name" "$$text"; done

.PHONY: run
run: has-cargo web-client ## Builds the web client and the server, and starts it on http://127.0.0.1:3000
	@$(CARGO) build --release --locked --bin vibetalk
	@exec $(TARGET)/release/vibetalk serve $(ARGS)

.PHONY: cluster
cluster: has-cargo web-client cassandra ## A CQL server and a node on it, on http://127.0.0.1:3000; what they keep goes with them
	@$(CARGO) build --release --locked --bin vibetalk
	@exec scripts/with-cassandra.sh sh -c 'store=$$VIBETALK_TEST_STORE; unset VIBETALK_TEST_STORE; \
	  exec $(TARGET)/release/vibetalk serve --set store.url="$$store/vibetalk" --set store.scylla.replication=1 $(ARGS)'

.PHONY: test
test: has-cargo has-node chromium web-client test-rust test-types test-js test-js-shared test-web-client test-web ## Runs every test, also those with real clients

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

.PHONY: soak
soak: has-cargo ## Several nodes over a bus with faults, many more seeds than in `test` (SEEDS=1000)
	@VIBETALK_SEEDS=$(or $(SEEDS),1000) $(CARGO) test --quiet --locked --test it -- simulation

.PHONY: fuzz
fuzz: has-cargo ## What strangers and other nodes send, invented at random: the parsers with many more inputs than in `test` (CASES=100000)
	@PROPTEST_CASES=$(or $(CASES),20000) $(CARGO) test --quiet --locked --lib -- edge:: gateway::packet bus::codec config::tests

# --- parts of `test` -------------------------------------------------------------------------------------

# Tests and binary in one build: apart they would be compiled twice, because the tests' dependencies
# switch features on.
.PHONY: build-debug
build-debug: has-cargo web-client
	@$(CARGO) build --quiet --workspace --bins --tests --locked

.PHONY: test-rust
test-rust: build-debug cassandra ## Unit, conformance and integration tests
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

# Files of tests/js, those of the core of the contract by default.
FILES ?= messages.test.mjs sync.test.mjs groups.test.mjs members.test.mjs reactions.test.mjs

.PHONY: test-js-shared
test-js-shared: has-node build-debug cassandra ## The core of the contract on the store of several nodes; all of it with FILES='*.test.mjs'
	@$(MAKE) tests/js/node_modules/.package-lock.json
	@cd tests/js && VIBETALK_BIN="$(abspath $(TARGET))/debug/vibetalk" ../../scripts/with-cassandra.sh \
	  node --test --test-concurrency=2 --test-timeout=300000 $(FILES)

.PHONY: test-web-client
test-web-client: build-debug chromium ## The web client: types, lints, tests (some against the debug binary), sizes
	@cd web-client && $(NPM) --silent run check
	@cd web-client && VIBETALK_BIN="$(abspath $(TARGET))/debug/vibetalk" $(NPM) --silent test
	@cd web-client && $(NPM) --silent run sizes

.PHONY: test-web
test-web: has-node chromium firefox build-debug ## The web client in Chromium, and in Firefox what differs there, as the debug binary serves it
	@if [ -f tests/web/package.json ]; then \
	  $(MAKE) tests/js/node_modules/.package-lock.json tests/web/node_modules/.package-lock.json; \
	  cd tests/web && VIBETALK_BIN="$(abspath $(TARGET))/debug/vibetalk" $(NPM) --silent test; \
	fi

.PHONY: screenshots
screenshots: has-node chromium build-debug ## Pictures of the web client: tests/web/screenshots, and those of the README
	@$(MAKE) tests/js/node_modules/.package-lock.json tests/web/node_modules/.package-lock.json
	@cd tests/web && VIBETALK_BIN="$(abspath $(TARGET))/debug/vibetalk" $(NPM) --silent run screenshots

# What the client's build may read. Folders are listed too: they change when a file in them is deleted.
WEB_CLIENT_SOURCES := web-client/project.inlang/settings.json $(shell find web-client -mindepth 1 \
  \( -name node_modules -o -name dist -o -name generated -o -name screenshots -o -name project.inlang -o -name '*.test.*' \) \
  -prune -o -print)

# The built client, which the server's build embeds (src/http/client/files.rs).
.PHONY: web-client
web-client: has-node web-client/dist/index.html

web-client/dist/index.html: $(WEB_CLIENT_SOURCES) web-client/node_modules/.package-lock.json
	@cd web-client && $(NPM) --silent run build

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
	@command -v node > /dev/null && command -v $(NPM) > /dev/null || { echo "Node.js 20 or later with npm is missing (the server alone needs only cargo: cargo run --release)" >&2; exit 1; }
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' || { echo "Node.js is too old: 20 or later" >&2; exit 1; }

# The CQL server that the tests start.
.PHONY: cassandra
cassandra:
	@scripts/cassandra.sh --install > /dev/null

.PHONY: chromium
chromium:
	@scripts/browser.sh chromium

.PHONY: firefox
firefox:
	@scripts/browser.sh firefox
