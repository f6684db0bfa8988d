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

readers() {
    local lakes
    lakes=$(mktemp -d) || return 1
    trap 'rm -rf "$lakes"' RETURN
    local uptake=$target/debug/uptake day=2026-03-30T02:00:00Z lake
    for lake in "$lakes/disk" "$UPTAKE_TEST_S3/readers-$$"; do
        step "publish to ${lake%%-*}" "$uptake" --log error run jobs/demo.toml --as-of $day --out "$lake"
        step "foreign readers of ${lake%%-*}" "$python" tests/readers/published.py "$uptake" "$lake"
    done
    step "the same numbers from DuckDB" "$python" tests/readers/against_duckdb.py "$uptake" sample-data/landing "$lakes"
}

if [ "${1:-}" != --readers-only ]; then
    if cargo nextest --version >/dev/null 2>&1; then
        step "rust tests" cargo nextest run --locked "$@"
    else
        step "rust tests (cargo-nextest is not installed)" cargo test --locked --quiet "$@"
    fi
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
