# `make` alone prints what can be made. People and CI run the same targets.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Crash points are compiled into the binary that tests kill, never into the one that is shipped.
FEATURES := --features oncue/failpoints
LOG := target/test.log

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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
	@command -v python3 >/dev/null || { echo "python3 is missing (plugins in Python are tested): apt-get install python3" >&2; exit 1; }
	@echo "cargo, cc and python3 are here; tests of the vendor's SDK use PyPI besides, and say so when they are skipped"
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
bench: ## Measure throughput and long-lived runs as ratios of one run (SECONDS_A_CASE=5 for a quick look)
	cargo bench --locked -p oncue --bench throughput -- --seconds $${SECONDS_A_CASE:-60}
	$(MAKE) --no-print-directory bench-durable

.PHONY: bench-durable
bench-durable: ## Measure a million waits, unfinished runs, loops (PARKED=10000 UNFINISHED=2000 ITEMS=1000 ROUNDS=2 PART=items)
	cargo bench --locked -p oncue --bench durable -- --seconds $${SECONDS_A_CASE:-20} --rounds $${ROUNDS:-5} \
		--parked $${PARKED:-1000000} --unfinished $${UNFINISHED:-100000} --items $${ITEMS:-10000} $${PART:+--part $$PART}

.PHONY: bench-match
bench-match: ## Measure matching on one thread as ratios to a JSON parser (SIZES=10,1000 VARIANTS=base; needs python3)
	@command -v python3 >/dev/null || { echo "python3 is missing: it makes the rules and events" >&2; exit 1; }
	@mkdir -p target/workload
	@for variant in $$(echo "$${VARIANTS:-base,first,mixed}" | tr , ' '); do for size in $$(echo "$${SIZES:-10,100,1000,10000,100000,1000000}" | tr , ' '); do \
		[ -s "target/workload/events_$${variant}_$${size}.jsonl" ] || python3 rules/benches/matching/workload.py vod --variant $$variant --sizes $$size --out target/workload; \
	done; done
	cargo bench --locked -p oncue-rules --bench matching -- --workload $(CURDIR)/target/workload \
		--sizes $${SIZES:-10,100,1000,10000,100000,1000000} --variants $${VARIANTS:-base,first,mixed}

.PHONY: test-match
test-match: ## Hold the matcher against the plain evaluator on 20 million random pairs (PAIRS=1000000 SEED=7)
	ONCUE_PAIRS=$${PAIRS:-20000000} ONCUE_SEED=$${SEED:-$$RANDOM} cargo test --release --locked -p oncue-rules --lib matcher::tests::differential

# What cargo-fuzz gives the compiler, so that coverage guides the fuzzer; none of it needs a nightly compiler.
COVERAGE := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1

.PHONY: fuzz
fuzz: ## Give the matcher made-up events and patterns, guided by what they reach (SECONDS=60 for each target)
	@command -v c++ >/dev/null || { echo "a C++ compiler is missing (libFuzzer is built from source): apt-get install g++" >&2; exit 1; }
	ONCUE_FUZZ_SEEDS=$(CURDIR)/target/fuzz/seeds cargo test --locked -p oncue-rules --test fuzzing
	host="$$(rustc -vV | sed -n 's/^host: //p')"; \
	RUSTFLAGS="$(COVERAGE)" cargo build --release --locked --manifest-path fuzz/Cargo.toml --target "$$host" --target-dir target/fuzz; \
	for target in event_bytes patterns; do \
		mkdir -p fuzz/corpus/$$target fuzz/artifacts/$$target; \
		"target/fuzz/$$host/release/$$target" fuzz/corpus/$$target target/fuzz/seeds/$$target \
			-max_total_time=$(or $(SECONDS),60) -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
			-artifact_prefix=fuzz/artifacts/$$target/; \
	done

.PHONY: bench-against
bench-against: ## Compare throughput with an earlier build, in turns: BEFORE=<git ref or binary> (ROUNDS=5 SECONDS_A_CASE=10)
	@test -n "$${BEFORE:-}" || { echo "say against what: make bench-against BEFORE=HEAD~1, or BEFORE=path/to/oncue" >&2; exit 2; }
	@mkdir -p target/before
	before="$${BEFORE}"; \
	if [ ! -f "$$before" ]; then \
		tree="$$(mktemp -d target/before/tree.XXXXXX)"; \
		trap 'git worktree remove --force "$$tree"' EXIT; \
		git worktree add --quiet --detach "$$tree" "$$before"; \
		(cd "$$tree" && CARGO_TARGET_DIR="$(CURDIR)/target/before/build" cargo build --locked --profile bench -p oncue --bin oncue); \
		before=target/before/build/release/oncue; \
	fi; \
	cargo bench --locked -p oncue --bench throughput -- --against "$$(realpath "$$before")" \
		--rounds $${ROUNDS:-5} --seconds $${SECONDS_A_CASE:-10}

.PHONY: ci
ci: ## Everything that must hold: fmt, lint, doc, test, generated, smoke
	@total=$$(date +%s); for stage in fmt lint doc test generated smoke; do \
		start=$$(date +%s); \
		$(MAKE) --no-print-directory $$stage; \
		times="$${times:-}$$(printf '\n  %-10s %5d s' $$stage $$(( $$(date +%s) - start )))"; \
	done; \
	echo "stages:$$times"; echo "  all        $$(( $$(date +%s) - total )) s"; \
	tail -n 1 $(LOG) >/dev/null; awk '/^test result:/ { passed += $$4; failed += $$6; ignored += $$8 } END { printf "%d passed, %d failed, %d skipped\n", passed, failed, ignored }' $(LOG)
