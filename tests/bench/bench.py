#!/usr/bin/env python3
"""One company, two ways: `uptake run` against DuckDB with SQL of its own, whole processes, the same threads.

    bench.py UPTAKE [--events 10000000] [--workers 20000] [--weeks 52] [--format csv-gz] [--threads N] [--folder target/bench]

Generates the company once and keeps it; runs the full build into a fresh lake and DuckDB over the same files; compares
adoption_kpis cell by cell; then delivers one more working day and runs the nightly. Prints wall and CPU seconds and peak
memory of each, and adds a line to FOLDER/results.jsonl. Exit code 1 where a cell differs.
"""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import sys
import time

import duckdb

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "readers"))
import adoption_sql  # noqa: E402
import against_duckdb  # noqa: E402

# The full build knows deliveries up to this day; the nightly brings those of the next, a working day's activity.
LAST = datetime.date(2026, 3, 26)
DAY = datetime.timedelta(days=1)
# The day after the generated company's last one.
END = datetime.date(2026, 3, 30)


def measured(command, log):
    """Runs a command as a process of its own: wall and CPU seconds, peak resident bytes."""
    began = time.monotonic()
    with open(log, "wb") as out:
        pid = os.posix_spawnp(str(command[0]), [str(part) for part in command], os.environ, file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, out.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, out.fileno(), 2)])
        _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        sys.exit(f"{command[0]} ended with {code}:\n{pathlib.Path(log).read_text(errors='replace')[-3000:]}")
    return {"wall_s": time.monotonic() - began, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_bytes": usage.ru_maxrss * 1024}


def company(given):
    """The generated company, made where it is not there yet."""
    folder = given.folder / f"company-{given.workers}-{given.weeks}-{given.events}-{given.format}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        figures = measured([given.uptake, "sample", "--workers", given.workers, "--weeks", given.weeks, "--events", given.events,
                            "--format", given.format, "--cadence", "daily", "--seed", "1", "--out", folder], given.folder / "sample.log")
        (folder / "done").write_text((given.folder / "sample.log").read_text())
        show("generate", figures)
    return folder


def deliver(source, target, first, last):
    """Links the deliveries dated after `first` up to `last` into the landing area."""
    count = size = 0
    for path in (source / "landing").rglob("*"):
        if not path.is_file():
            continue
        date = datetime.date.fromisoformat(path.name.rsplit("_", 1)[1][:10])
        if first < date <= last:
            there = target / path.relative_to(source / "landing")
            there.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, there)
            count, size = count + 1, size + path.stat().st_size
    return count, size


def show(what, figures):
    print(f"{what:<12} {figures['wall_s']:8.1f} s wall {figures['cpu_s']:8.1f} s CPU {figures['peak_bytes'] / 2**20:8.0f} MiB peak", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("uptake", type=pathlib.Path)
    options.add_argument("--events", type=int, default=10_000_000)
    options.add_argument("--workers", type=int, default=20_000)
    options.add_argument("--weeks", type=int, default=52)
    options.add_argument("--format", default="csv-gz", choices=["csv-gz", "csv", "ndjson", "parquet"])
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--memory-limit", default="2GiB", help="of uptake, its own default; DuckDB takes what it wants")
    options.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("target/bench"))
    options.add_argument("--without-duckdb", action="store_true")
    given = options.parse_args()
    given.uptake, given.folder = given.uptake.resolve(), given.folder.resolve()
    given.folder.mkdir(parents=True, exist_ok=True)

    source = company(given)
    work = given.folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    landing, lake = work / "landing", work / "lake"
    files, size = deliver(source, landing, datetime.date.min, LAST)
    print(f"{given.workers:,} workers, {given.weeks} weeks, about {given.events:,} events as {given.format}: "
          f"{files} deliveries, {size / 2**20:.0f} MiB; {given.threads} threads", flush=True)
    job = work / "bench.toml"
    # Certificates from before the company would open months without any activity.
    report_from = END - given.weeks * 7 * DAY
    job.write_text(f'report_from = "{report_from}"\n' + against_duckdb.JOB.format(landing=landing, lake=lake))

    def run(day):
        return measured([given.uptake, "--log", "error", "--threads", given.threads, "run", job, "--as-of", f"{day}T02:00:00Z",
                         "--memory-limit", given.memory_limit, "--json"], given.folder / "uptake.log")

    result = {"workers": given.workers, "weeks": given.weeks, "events": given.events, "format": given.format, "threads": given.threads}
    result["full"] = run(LAST)
    show("full build", result["full"])
    found = []
    if not given.without_duckdb:
        kpis, horizon = work / "kpis.parquet", str(LAST + DAY)
        result["duckdb"] = measured([sys.executable, adoption_sql.__file__, landing, kpis, "--horizon", horizon,
                                     "--report-from", report_from, "--threads", given.threads], given.folder / "duckdb.log")
        show("DuckDB", result["duckdb"])
        ours, theirs = result["full"], result["duckdb"]
        print(f"ratio        {theirs['wall_s'] / ours['wall_s']:8.2f} times DuckDB's speed, "
              f"{ours['peak_bytes'] / theirs['peak_bytes']:.2f} of its memory", flush=True)
        db = duckdb.connect()
        db.execute(f"CREATE VIEW kpis AS SELECT * FROM '{kpis}'")
        found = against_duckdb.differences(db, lake / "marts/latest/adoption_kpis.parquet")
        for line in found:
            print(line, file=sys.stderr)
    files, size = deliver(source, landing, LAST, LAST + DAY)
    result["nightly"] = run(LAST + DAY)
    show("nightly", result["nightly"])
    print(f"             {files} more deliveries: {result['nightly']['wall_s'] / result['full']['wall_s']:.1%} of the full build")
    with open(given.folder / "results.jsonl", "a") as log:
        log.write(json.dumps(result) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
