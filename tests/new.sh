#!/usr/bin/env bash
# What `make mart NAME=x` and `make feed NAME=x` do: files that compile and say, in failing tests, what to fill in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kind=${1:?mart or feed} name=${2:-}
if ! [[ $name =~ ^[a-z][a-z0-9_]*$ ]]; then
    echo "name it: make $kind NAME=plain_snake_case" >&2
    exit 2
fi

write() { # PATH: standard input, never over something that is there
    [ ! -e "$1" ] || { echo "$1 is there already" >&2; exit 2; }
    mkdir -p "$(dirname "$1")"
    cat >"$1"
    echo "wrote $1"
}

# A line into a sorted run of lines that begin alike.
line() { # FILE PREFIX LINE
    python3 - "$@" <<'PY'
import sys
path, prefix, new = sys.argv[1:]
lines = open(path).read().split("\n")
alike = [at for at, text in enumerate(lines) if text.startswith(prefix)]
at = next((at for at in alike if lines[at] > new), alike[-1] + 1)
lines.insert(at, new)
open(path, "w").write("\n".join(lines))
PY
    echo "a line in $1"
}

mart() {
    write "schemas/mart/$name.toml" <<EOF
description = "FILL IN: what the table tells, in a sentence a manager understands."
grain = "one row per FILL IN"
key = ["id"]
# FILL IN: the tables it is made from; asking for any other is an error. `schemas/README.md` has them all.
reads = []

[columns.id]
type = "text"
description = "FILL IN: what one row is about."
privacy = "public"
required = true
EOF
    write "src/mart/$name.rs" <<EOF
//! FILL IN: what the table tells, and the one thing that is not obvious about it.

use polars::prelude::{DataFrame, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use crate::columns::Columns;

/// Public: it says nothing about people. A table about groups is Protection::Guarded and goes through \`person_rows::show\`.
pub const TABLE: Derived = Derived { name: "$name", tables: &["$name"], protection: Protection::Public, build };

fn build(reads: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    Output::whole(reads.catalog, TABLE.name, &rows(reads)?)
}

/// FILL IN: from \`reads.table("…")\` to the columns of the contract.
fn rows(_: &Reads<'_>) -> PolarsResult<DataFrame> {
    let ids: Vec<String> = Vec::new();
    Columns::of(&ids).text("id", |id| id).frame()
}
EOF
    line src/mart/mod.rs "mod " "mod $name;"
    line src/mart/list.rs "    super::dim_" "    super::$name::TABLE,"
}

feed() {
    write "schemas/feed/$name.toml" <<EOF
description = "FILL IN: what the vendor calls the export, how often it comes and what it holds."
vendor = "FILL IN: whose export it is."
handles = "FILL IN: what of its ways the feed takes care of, in a line."
fills = "enrollments"
path = "$name/{date}.csv"
format = "csv"

[[headers]]
user_id = "FILL IN"
content_id = "FILL IN as well"
status = { from = "FILL IN besides", values = { "FILL IN" = "completed" } }
EOF
    for case in basic bad_rows renamed_headers unknown_values empty truncated wrong_encoding; do
        write "tests/feed/$name/$case/delivery.csv" <<EOF
FILL IN,FILL IN as well,FILL IN besides
EOF
    done
    echo "with the cases filled in, UPTAKE_BLESS=1 cargo nextest run feeds:: writes what is accepted and rejected; read it before you keep it"
}

"$kind"
echo "cargo nextest run tidy:: says what is left to fill in"
