"""The report of a lake in a real browser: it opens offline without a complaint, and every number on it is the Parquet's.

report.py UPTAKE LAKE [FOLDER FOR SCREENSHOTS]. Without node or Chromium it says so and passes.
"""

import concurrent.futures
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import pyarrow.parquet as pq

uptake, lake = sys.argv[1], pathlib.Path(sys.argv[2])
here = pathlib.Path(__file__).resolve().parent
browser = pathlib.Path(os.environ.get("UPTAKE_TOOLS", pathlib.Path.home() / ".cache/uptake")) / "chromium"
if not (browser / "node_modules/puppeteer-core").is_dir():
    print("the report was not opened: Chromium is not installed (tests/setup.sh installs it where npm is)")
    sys.exit(0)


def say(failures):
    if failures:
        print("\n".join(failures[:20]))
        sys.exit(f"{len(failures)} failures")


def text(value):
    """A value as the page holds it; numbers are compared as numbers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def same(found, wanted):
    if isinstance(wanted, float):
        return found != "" and float(found) == wanted
    return found == text(wanted)


with tempfile.TemporaryDirectory() as folder:
    page = pathlib.Path(folder) / "index.html"
    pages = []
    for _ in range(2):
        subprocess.run([uptake, "--log", "error", "report", "jobs/demo.toml", "--lake", str(lake), "--out", folder],
                       check=True, capture_output=True)
        pages.append(page.read_bytes())
    assert pages[0] == pages[1], "the same lake gives the same bytes"
    extracted = browser / "unpacked"
    extracted.mkdir(exist_ok=True)
    pictures = [sys.argv[3]] if len(sys.argv) > 3 else []
    done = subprocess.run(["node", str(here / "report.mjs"), str(page), *pictures], cwd=browser, stdout=subprocess.PIPE,
                          env={**os.environ, "TMPDIR": str(extracted)}, check=True)
found = json.loads(done.stdout)
say(found["complaints"])

failures = []
rows = {}
for cell in found["cells"]:
    name = cell["table"]
    if name not in rows:
        area, table = name.split("/")
        by_key = {}
        for row in pq.read_table(lake / area / "latest" / f"{table}.parquet").to_pylist():
            by_key.setdefault(frozenset((column, text(value)) for column, value in row.items()), row)
        rows[name] = list(by_key.values())
index = {}
for cell in found["cells"]:
    at = (cell["table"], cell["key"])
    if at not in index:
        # A comma that no column of the table follows belongs to the value before it.
        columns = "|".join(map(re.escape, rows[cell["table"]][0]))
        parts = dict(part.split("=", 1) for part in re.split(rf",(?=(?:{columns})=)(?![^\[]*\])", cell["key"]))
        index[at] = [row for row in rows[cell["table"]] if all(text(row[column]) == value for column, value in parts.items())]
    hits = index[at]
    if len(hits) != 1:
        failures.append(f"{at}: {len(hits)} rows")
    elif not same(cell["value"], hits[0][cell["column"]]):
        failures.append(f"{at} {cell['column']}: {cell['value']!r} on the page, {hits[0][cell['column']]!r} in the Parquet")
    elif (cell["value"] == "") != (cell["shown"] in ("", "–", "– without data")) and cell["column"] != "status":
        failures.append(f"{at} {cell['column']}: {cell['shown']!r} stands for {cell['value']!r}")

drawn = {figure["id"]: figure for figure in found["figures"]}
for chart in found["charts"]:
    figure = drawn.get(chart["id"])
    points = sum(point["y"] is not None for point in chart["points"])
    if figure is None or not figure["label"] or figure["marks"] < points or figure["table"] == 0:
        failures.append(f"chart {chart['id']}: {points} points, {figure}")
say(failures)

def number(cell):
    try:
        return float(cell["value"])
    except ValueError:
        return None


def traced(cell):
    """What is wrong with the explanation of a number, if anything."""
    table = cell["table"].split("/")[1]
    done = subprocess.run([uptake, "--log", "error", "explain", "jobs/demo.toml", table, "--out", str(lake), "--key", cell["key"],
                           "--column", cell["column"], "--json"], capture_output=True, text=True)
    if done.returncode:
        return f"{table} {cell['key']} {cell['column']}: {done.stderr.strip()}"
    told = json.loads(done.stdout)
    figure = told["figures"][0]
    again = figure["computed_again"]
    origins = [origin["figures"][0] for origin in told["taken_from"]]
    if figure["value"] != number(cell) or (again is not None and again != figure["value"]):
        return f"{table} {cell['key']} {cell['column']}: {cell['value']} on the page, {figure['value']} told, {again} computed again"
    if table == "scorecard" and cell["column"] in ("value", "previous_year") and [origin["value"] for origin in origins] != [figure["value"]]:
        return f"{table} {cell['key']} {cell['column']}: {figure['value']} was taken from {origins}"
    return None


# Every number of the company's scorecard leads back to its rows, and so do two hundred of all others.
numbers = [cell for cell in found["cells"] if number(cell) is not None and not cell["column"].endswith("_id")]
company = [cell for cell in numbers if cell["table"] == "marts/scorecard" and "scope_kind=company" in cell["key"]]
others = [cell for cell in numbers if cell not in company]
asked = company + random.Random(106).sample(others, min(200, len(others)))
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    say([failure for failure in pool.map(traced, asked) if failure])
assert found["sections"] == ["scorecard", "adoption", "effects", "ratings", "quality"], found["sections"]
assert len(found["cells"]) > 500 and len(drawn) >= 5, (len(found["cells"]), len(drawn))
print(f"{len(found['cells'])} numbers and words on the page are those of the Parquet; {len(asked)} numbers traced; {len(drawn)} charts drawn; no complaint, no request")
