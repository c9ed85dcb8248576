# `make` alone prints what can be made. People and CI run the same targets.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Crash points are compiled into the binary that tests kill, never into the one that is shipped.
FEATURES := --features oncue/failpoints
LOG := target/test.log

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the release binary: target/release/oncue
	cargo build --release --locked

.PHONY: demo
demo: ## Run the whole flow on this machine: upload, rule, ProcessMedia, result
	cargo run --release --locked -- demo

.PHONY: fmt
fmt: ## Check that the code is formatted (`cargo fmt` formats it)
	cargo fmt --all --check

.PHONY: lint
lint: ## Run clippy; a warning is an error
	cargo clippy --workspace --all-targets --locked $(FEATURES) -- -D warnings

.PHONY: doc
doc: ## Build the documentation; a warning is an error
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

.PHONY: test
test: ## Run all tests and say how many ran
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "a C compiler is missing (SQLite is built from source): apt-get install gcc" >&2; exit 1; }
	@echo "cargo and cc are here; tests of the vendor's SDK use python3 and PyPI, and say so when they are skipped"
	@mkdir -p target
	cargo test --workspace --locked $(FEATURES) 2>&1 | tee $(LOG)
	@awk '/^test result:/ { passed += $$4; failed += $$6; ignored += $$8 } END { printf "%d passed, %d failed, %d skipped\n", passed, failed, ignored }' $(LOG)

.PHONY: test-sdk
test-sdk: ## Run the tests with the vendor's own SDK, which needs python3 and PyPI
	CI=true cargo test --locked -p oncue $(FEATURES) --test oncue sdk::

.PHONY: generate
generate: ## Write the files that are made from code
	ONCUE_GENERATE=1 cargo test --locked -p oncue-plugins --lib readme

.PHONY: generated
generated: ## Check that the files made from code are up to date
	$(MAKE) --no-print-directory generate
	git diff --exit-code

.PHONY: smoke
smoke: build ## Build the release binary and run its main job
	./target/release/oncue demo
	cd "$$(mktemp -d)" && $(CURDIR)/target/release/oncue init && TENCENTCLOUD_SECRET_ID=x TENCENTCLOUD_SECRET_KEY=y $(CURDIR)/target/release/oncue check

.PHONY: chaos
chaos: ## Kill the server 300 times under load, then prove that nothing is lost (LIVES=20, SEED=1)
	ONCUE_CHAOS_LIVES=$${LIVES:-300} ONCUE_CHAOS_SEED=$${SEED:-$$RANDOM} cargo test --release --locked -p oncue $(FEATURES) --test oncue -- chaos:: --nocapture

.PHONY: bench
bench: ## Measure throughput as ratios to baselines of the same run (SECONDS_A_CASE=5 for a quick look)
	cargo bench --locked -p oncue --bench throughput -- --seconds $${SECONDS_A_CASE:-60}

.PHONY: ci
ci: ## Everything that must hold: fmt, lint, doc, test, generated, smoke
	@total=$$(date +%s); for stage in fmt lint doc test generated smoke; do \
		start=$$(date +%s); \
		$(MAKE) --no-print-directory $$stage; \
		times="$${times:-}$$(printf '\n  %-10s %5d s' $$stage $$(( $$(date +%s) - start )))"; \
	done; \
	echo "stages:$$times"; echo "  all        $$(( $$(date +%s) - total )) s"; \
	tail -n 1 $(LOG) >/dev/null; awk '/^test result:/ { passed += $$4; failed += $$6; ignored += $$8 } END { printf "%d passed, %d failed, %d skipped\n", passed, failed, ignored }' $(LOG)
