# Every target is one command; what it does lives in the program or in tests/.
# `make` alone prints this list.

.DEFAULT_GOAL := help
SHELL := bash

CARGO ?= cargo
# CI builds in a fresh clone; a target folder beside the registry cache spares it the dependencies.
ifeq ($(CI),true)
export CARGO_TARGET_DIR ?= $(HOME)/.cache/uptake/target
endif
TARGET := $(or $(CARGO_TARGET_DIR),target)
UPTAKE := $(TARGET)/debug/uptake
DEMO_DAY := 2026-03-30T02:00:00Z

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9_-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## The program, for development (10 minutes the first time, half a minute later)
	@$(CARGO) build --locked --quiet

demo: build ## sample-data in, ./out out: the tables of an invented company
	@$(UPTAKE) run jobs/demo.toml --as-of $(DEMO_DAY)
	@echo
	@$(UPTAKE) show jobs/demo.toml marts/adoption_kpis --where grain=quarter --where scope_kind=company \
	    --columns period_start,headcount,active_learners,active_rate,active_rate_low,active_rate_high,completion_rate,learning_hours_per_active
	@echo
	@echo "An empty cell is withheld, to protect a small group, or had nothing to divide by; it never means zero."
	@echo "one Parquet file a table, for any BI tool:"
	@ls -1 out/marts/latest/*.parquet

report: demo ## One web page over the demo's tables: ./out/report/index.html, opens from disk
	@$(UPTAKE) report jobs/demo.toml --out out/report

test: ## Everything: installs what it needs, starts S3 and Azure servers on loopback, then foreign readers
	@tests/run.sh

quick: ## The tests without servers and foreign readers
	@$(CARGO) nextest run --locked

s3: ## Whole worlds and the stores' own tests, on a real S3 server alone
	@UPTAKE_TEST_WORLD=s3 tests/run.sh late:: rerun:: gates:: cli:: store::

readers: ## Foreign readers and the independent SQL over the demo's lake
	@tests/run.sh --readers-only

check: ## Format, lints, licences and advisories
	@tests/check.sh

dictionary: build ## Write schemas/README.md anew from the contracts, and schemas/messages.md from what the program says
	@$(UPTAKE) schema --all > schemas/README.md.new && mv schemas/README.md.new schemas/README.md
	@UPTAKE_WRITE_MESSAGES=1 $(CARGO) nextest run --locked --test it -E 'test(=messages::the_page_of_messages_is_what_the_program_says) or test(=documents::the_readme_lists_the_shipped_feeds_by_vendor)'

mart: ## A new table of BI: make mart NAME=x writes contract, file and the line in the list
	@tests/new.sh mart "$(NAME)"

feed: ## A new vendor's export: make feed NAME=x writes the feed file and the usual cases
	@tests/new.sh feed "$(NAME)"

sample-data: build ## Write sample-data anew, and the tables that the tests expect of it: read what changes
	@rm -rf sample-data/landing sample-data/feeds sample-data/job.toml sample-data/truth.json
	@$(UPTAKE) sample --workers 300 --weeks 40 --seed 106 --dirt --untidy --out sample-data
	@lake=$$(mktemp -d); trap 'rm -rf "$$lake"' EXIT; \
	    $(UPTAKE) run jobs/demo.toml --as-of $(DEMO_DAY) --out "$$lake" || exit; \
	    for file in sample-data/expected/*.csv; do \
	        table=$$(basename "$$file" .csv); only=; [ $$table != adoption_kpis ] || only="--where grain=month"; \
	        $(UPTAKE) show jobs/demo.toml $$table --out "$$lake" --csv --limit 100000 $$only > "$$file" || exit; \
	    done

bench: release ## Whole jobs against DuckDB; ARGS="--events 100000000 --format parquet" and the like
	@tests/setup.sh
	@$(or $(UPTAKE_TOOLS),$(HOME)/.cache/uptake)/venv/bin/python tests/bench/bench.py $(TARGET)/release/uptake --folder $(TARGET)/bench $(ARGS)

release: ## The program as it is shipped (half an hour on two cores)
	@$(CARGO) build --locked --release

clean: ## Remove the demo's output; `cargo clean` removes the build
	@rm -rf out

.PHONY: help build demo report test quick s3 readers check dictionary mart feed sample-data bench release clean
