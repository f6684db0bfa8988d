#!/usr/bin/env bash
# What `make check` does: format, lints, and cargo-deny where it and its advisory database can be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo fmt --check
cargo clippy --locked --all-targets --quiet -- -D warnings
if command -v cargo-deny >/dev/null; then
    cargo deny --locked check licenses bans sources
    # The advisory database is fetched from the network; without one the other three still hold.
    cargo deny --locked check advisories || echo "check: advisories were not checked (see above)" >&2
else
    echo "check: cargo-deny is not installed, so licences and advisories were not checked" >&2
fi
