#!/usr/bin/env python3
"""Opens every published file of a lake with the readers that analysts use: pyarrow, DuckDB, polars and pandas.

    published.py UPTAKE LAKE

LAKE is a folder or s3://bucket/prefix (AWS_* as for uptake). Stops at the first file that is not what the contract says:
bytes and rows as the commit names them, column names and types, descriptions, UTC timestamps, one row group, and the
same figures in every reader.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

# One type of a contract as each reader must see it.
TYPES = {
    "text": (pyarrow.string(), "VARCHAR", polars.String, ("str", "string", "object")),
    "i64": (pyarrow.int64(), "BIGINT", polars.Int64, ("int64", "float64")),  # pandas widens integers with gaps
    "f64": (pyarrow.float64(), "DOUBLE", polars.Float64, ("float64",)),
    "bool": (pyarrow.bool_(), "BOOLEAN", polars.Boolean, ("bool", "object")),
    "date": (pyarrow.date32(), "DATE", polars.Date, ("object",)),
    "timestamp": (pyarrow.timestamp("us", tz="UTC"), "TIMESTAMP WITH TIME ZONE", polars.Datetime("us", "UTC"), ("datetime64[us, UTC]",)),
}
# Where a canon row came from; these columns stand in no contract.
LINEAGE = {"_delivery": "text", "_row": "i64", "_known_at": "timestamp", "_deleted": "bool", "_held_from": "date",
           "_held_to": "date"}
MILLION = 1_000_000


def fail(file, what):
    sys.exit(f"{file}: {what}")


def expect(file, column, reader, seen, wanted):
    if seen not in (wanted if isinstance(wanted, tuple) else (wanted,)):
        fail(file, f"column {column}: {reader} sees {seen}, not {wanted}")


def on_disk(lake, scratch):
    """The lake as a folder: itself, or a copy of every object of the bucket."""
    if not lake.startswith("s3://"):
        return pathlib.Path(lake), None
    store = fs.S3FileSystem(access_key=os.environ["AWS_ACCESS_KEY_ID"], secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
                            endpoint_override=os.environ["AWS_ENDPOINT_URL"], region=os.environ["AWS_REGION"])
    fs.copy_files(lake.removeprefix("s3://"), str(scratch), source_filesystem=store, destination_filesystem=fs.LocalFileSystem())
    return scratch, store


def check_file(path, name, rows, table, groups):
    """One file against its contract in pyarrow and pandas; the other two read many files at once."""
    columns = {column["name"]: column for column in table["columns"] if not column["transient"]}
    footer = pq.read_metadata(path)
    if footer.num_rows != rows:
        fail(name, f"{footer.num_rows} rows, the commit says {rows}")
    if footer.num_row_groups > groups:
        fail(name, f"{footer.num_row_groups} row groups for {rows} rows")
    said = footer.metadata or {}
    for key, value in [(b"uptake.table", table["name"]), (b"uptake.contract_hash", table["contract"])]:
        if said.get(key, b"").decode() != value:
            fail(name, f"metadata {key.decode()} is {said.get(key)}, not {value}")
    frame = pq.ParquetFile(path).read()
    pandas_types = pandas.read_parquet(path).dtypes
    if len(pandas_types) != len(frame.schema):
        fail(name, "pandas sees other columns than pyarrow")
    missing = set(columns) - set(frame.schema.names)
    if missing:
        fail(name, f"columns {sorted(missing)} are missing")
    for field in frame.schema:
        contract = columns.get(field.name)
        kind = contract["type"] if contract else LINEAGE.get(field.name)
        if kind is None:
            fail(name, f"column {field.name} stands in no contract")
        expect(name, field.name, "pyarrow", field.type, TYPES[kind][0])
        expect(name, field.name, "pandas", str(pandas_types[field.name]), TYPES[kind][3])
        description = (field.metadata or {}).get(b"description", b"").decode()
        if not description or (contract and description != contract["description"]):
            fail(name, f"column {field.name}: its description in the file is not the contract's")
    if frame.num_rows != rows:
        fail(name, f"pyarrow reads {frame.num_rows} rows, the footer says {rows}")
    return frame


def check_table(paths, rows, table, frames):
    """Many files of one table in DuckDB and polars: types, rows of each file, and the same figures as in pyarrow."""
    texts = [str(path) for path in paths]
    kinds = {column["name"]: column["type"] for column in table["columns"]} | LINEAGE
    db = duckdb.sql(f"SELECT * FROM read_parquet({texts}, filename = 'a_file')")
    lazy = polars.scan_parquet(texts, include_file_paths="a_file")
    schema = lazy.collect_schema()
    for column, kind in zip(db.columns, db.types):
        if column != "a_file":
            expect(table["name"], column, "DuckDB", str(kind), TYPES[kinds[column]][1])
            expect(table["name"], column, "polars", schema[column], TYPES[kinds[column]][2])
    by_duckdb = dict(duckdb.sql("SELECT a_file, count(*) FROM db GROUP BY 1").fetchall())
    by_polars = dict(lazy.group_by("a_file").len().collect().iter_rows())
    for path, count in zip(texts, rows):
        for reader, counts in [("DuckDB", by_duckdb), ("polars", by_polars)]:
            if counts.get(path, 0) != count:
                fail(path, f"{reader} reads {counts.get(path, 0)} rows, the commit says {count}")
    whole = pyarrow.concat_tables(frames)
    for field in whole.schema:
        values = whole[field.name]
        # Exact figures that any two readers must agree on: rows that are filled, and sums or extremes.
        # The words of a filter are no numbers: their sum has no room in 64 bits.
        if pyarrow.types.is_int64(field.type) and field.name != "word":
            figure, sql, expression = pc.sum(values), "sum", polars.col(field.name).sum()
        elif pyarrow.types.is_boolean(field.type):
            figure, sql, expression = pc.sum(values), "count_if", polars.col(field.name).sum()
        else:
            figure, sql, expression = pc.max(values), "max", polars.col(field.name).max()
        ours = (len(values) - values.null_count, figure.as_py())
        theirs = duckdb.sql(f'SELECT count("{field.name}"), {sql}("{field.name}") FROM db').fetchall()[0]
        polar = lazy.select(polars.col(field.name).count().alias("n"), expression.alias("x")).collect().row(0)
        for reader, (count, value) in [("DuckDB", theirs), ("polars", polar)]:
            # A sum of nothing is null in some and 0 in others.
            same = value == ours[1] or (not value and not ours[1])
            if count != ours[0] or not same:
                fail(table["name"], f"column {field.name}: {reader} reads {count} values, {sql} {value}; pyarrow {ours}")


def main():
    uptake, lake = sys.argv[1:]
    contracts = json.loads(subprocess.run([uptake, "schema", "--format", "json"], check=True, capture_output=True).stdout)
    contracts = {table["name"]: table for table in contracts["tables"]}
    duckdb.sql("SET TimeZone = 'UTC'")
    with tempfile.TemporaryDirectory() as scratch:
        root, store = on_disk(lake, pathlib.Path(scratch))
        head = max(root.glob("_commits/*.json"))
        commit = json.loads(head.read_text())
        opened, snapshots = 0, set()
        for place, partitions in sorted(commit["files"].items()):
            area, name = place.split("/")
            table = contracts[name]
            paths, rows, frames = [], [], []
            for partition in partitions.values():
                path = root / partition["path"]
                body = path.read_bytes()
                if len(body) != partition["bytes"] or hashlib.sha256(body).hexdigest() != partition["sha256"]:
                    fail(partition["path"], "not the bytes that the commit names")
                frames.append(check_file(path, partition["path"], partition["rows"], table, 1 + partition["rows"] // MILLION))
                paths.append(path)
                rows.append(partition["rows"])
            check_table(paths, rows, table, frames)
            opened += len(paths)
            if area == "canon":
                continue
            latest = f"{area}/latest/{name}.parquet"
            path = root / latest
            if not path.exists():
                fail(latest, "is missing")
            # A large table is put together from its partitions' row groups as they are.
            groups = len(paths) + sum(rows) // MILLION
            frame = check_file(path, latest, sum(rows), table, groups)
            check_table([path], [sum(rows)], table, [frame])
            snapshots.add(pq.read_metadata(path).metadata.get(b"uptake.snapshot_id"))
            opened += 1
            if store:
                direct = pq.read_table(f"{lake.removeprefix('s3://')}/{latest}", filesystem=store)
                if direct.num_rows != sum(rows):
                    fail(latest, "pyarrow reads other rows over S3")
                options = {"aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
                           "aws_endpoint_url": os.environ["AWS_ENDPOINT_URL"], "aws_region": os.environ["AWS_REGION"], "aws_allow_http": "true"}
                if polars.scan_parquet(f"{lake}/{latest}", storage_options=options).select(polars.len()).collect().item() != sum(rows):
                    fail(latest, "polars reads other rows over S3")
        if len(snapshots) != 1 or None in snapshots:
            fail("latest/", f"its tables speak of several snapshots: {snapshots}")
        print(f"{opened} files of {len(commit['files'])} tables opened by pyarrow, DuckDB, polars and pandas: all as their contracts say")


if __name__ == "__main__":
    main()
