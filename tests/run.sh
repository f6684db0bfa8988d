#!/usr/bin/env bash
# Everything `make test` does: tools, real object stores on loopback, the Rust tests, then foreign readers over a lake
# published on disk and on S3. Arguments narrow the Rust tests and leave the readers out; --readers-only does the opposite.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=${UPTAKE_TOOLS:-$HOME/.cache/uptake}
python=$tools/venv/bin/python
target=${CARGO_TARGET_DIR:-target}

if [ "${1:-}" != --with-servers ]; then
    tests/setup.sh || exit 1
    exec "$python" tests/servers.py tests/run.sh --with-servers "$@"
fi
shift

failed=()
step() { # NAME COMMAND...: goes on after a failure, so that one run tells everything
    local name=$1
    shift
    echo "== $name"
    "$@" </dev/null || failed+=("$name")
}

nothing_to_do() {
    "$@" --exit-99-if-nothing-to-do
    [ $? -eq 99 ]
}

readers() {
    local lakes
    lakes=$(mktemp -d) || return 1
    trap 'rm -rf "$lakes"' RETURN
    local uptake=$target/debug/uptake day=2026-03-30T02:00:00Z place lake
    for place in disk S3; do
        lake=$lakes/disk
        [ $place = disk ] || lake=$UPTAKE_TEST_S3/readers-$$
        step "the demo published on $place" "$uptake" --log error run jobs/demo.toml --as-of $day --out "$lake"
        step "foreign readers of the lake on $place" "$python" tests/readers/published.py "$uptake" "$lake"
    done
    step "the report in a browser" "$python" tests/readers/report.py "$uptake" "$lakes/disk"
    if [ -n "${UPTAKE_TEST_AZURE:-}" ]; then
        lake=$UPTAKE_TEST_AZURE/readers-$$
        step "the demo published on Azure" "$uptake" --log error run jobs/demo.toml --as-of $day --out "$lake"
        step "a rerun on Azure finds it all there" nothing_to_do "$uptake" --log error run jobs/demo.toml --as-of $day --out "$lake"
    fi
    # The codec of marts comes later.
    step "cases from real deliveries" "$python" tests/cases/run.py "$uptake" --later "figures.md 5"
    step "contracts in the open standard" "$python" tests/readers/contracts.py "$uptake"
    step "effects of posts from their formulas alone" "$python" tests/readers/effects_by_formula.py "$uptake" 2
    # The SQL of its own reads lists that are in order.
    step "a tidy company" "$uptake" sample --workers 300 --weeks 40 --seed 106 --dirt --out "$lakes/tidy"
    step "the same numbers from DuckDB" "$python" tests/readers/against_duckdb.py "$uptake" "$lakes/tidy/landing" "$lakes"
}

# Filters are parts of test names, joined by spaces.
rust_tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --locked "$@"
    else
        cargo test --locked --quiet -- "$@"
    fi
}

if [ "${1:-}" != --readers-only ]; then
    step "rust tests" rust_tests "$@"
fi
if [ $# -eq 0 ]; then
    # What a world does must not depend on where it lies.
    worlds=(gates:: late:: rerun:: conservation:: as_known_on:: cli:: privacy::)
    for place in disk s3; do
        UPTAKE_TEST_WORLD=$place step "the same worlds on $place" rust_tests "${worlds[@]}"
    done
fi
if [ $# -eq 0 ] || [ "$1" = --readers-only ]; then
    step "build" cargo build --locked --quiet
    readers
fi

if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
echo "all steps passed"
