#!/usr/bin/env python3
"""The published adoption_kpis against DuckDB and SQL of its own, cell by cell.

    against_duckdb.py UPTAKE LANDING SCRATCH

Publishes LANDING, a sample company, into SCRATCH with nothing hidden that may be shown, computes the same figures from
the same raw deliveries and stops at the first cells that differ. Cells that the guard withholds are not compared; their
share is printed, and every period and scope that DuckDB finds must have its row.
"""

import pathlib
import subprocess
import sys

import duckdb

import adoption_sql

AS_OF = "2026-03-30T02:00:00Z"
HORIZON = "2026-03-31"
JOB = """
name = "against-duckdb"
landing = "{landing}"
lake = "{lake}"
feeds = ["workday_workers", "canonical_org_units", "canonical_users", "canonical_identity_links", "canonical_content",
         "cornerstone_transcript", "canonical_activity", "xapi_statements", "canonical_contributions", "canonical_reactions"]
marts = ["adoption_kpis"]
zone = "Europe/Berlin"
pseudonyms = "off"
synthetic_data = true
[policy]
smallest_group = 1
smallest_group_manager = 1
rounding = 1
"""
Z = 1.959963984540054
# Shown with three significant digits whatever the policy.
THREE_DIGITS = {"learning_seconds"}
# Rates by their definitions in the dictionary, from exact figures.
RATES = {
    "active_rate": "d.active_learners / d.headcount",
    "active_rate_low": f"""(d.active_learners + {Z}**2/2 - {Z} * sqrt(d.active_learners * (d.headcount - d.active_learners) / d.headcount + {Z}**2/4))
                           / (d.headcount + {Z}**2)""",
    "active_rate_high": f"""(d.active_learners + {Z}**2/2 + {Z} * sqrt(d.active_learners * (d.headcount - d.active_learners) / d.headcount + {Z}**2/4))
                            / (d.headcount + {Z}**2)""",
    "activation_rate": "d.activated_to_date / d.headcount",
    "adoption_velocity": "d.newly_activated / d.headcount",
    "activation_hazard": "d.newly_activated / d.not_yet_activated_at_start",
    "average_daily_active": "d.daily_active_sum / d.working_days",
    "stickiness": "d.daily_active_sum / d.working_days / d.active_learners",
    "passive_to_active_rate": "d.passive_to_active / d.previous_passive",
    "completion_rate": "d.due_completed / d.due",
    "on_time_rate": "d.due_completed_on_time / d.due",
    "completions_per_active": "d.completions / d.active_learners",
    "checkbox_share": "d.checkbox_completions / d.completions",
}


def differences(db, published):
    """Lines that say what differs; prints the share of cells compared."""
    db.execute(f"CREATE VIEW u AS SELECT * FROM '{published}'")
    keys = "grain, period_start, scope_kind, scope_id"
    found = []
    missing = db.execute(f"SELECT {keys} FROM kpis d ANTI JOIN u USING ({keys}) LIMIT 5").fetchall()
    found += [f"{row}: published nowhere" for row in missing]
    invented = db.execute(f"SELECT {keys} FROM u ANTI JOIN kpis d USING ({keys}) WHERE u.headcount > 0 AND scope_id <> 'other' LIMIT 5").fetchall()
    found += [f"{row}: published, but nobody was there" for row in invented]
    counts = [*adoption_sql.COUNTS, "working_days", "unmatched_events", "period_end"]
    expected = {name: f"d.{name}" for name in counts}
    expected |= {name: f"three_digits(d.{name})" for name in THREE_DIGITS}
    db.execute("""CREATE OR REPLACE MACRO three_digits(x) AS
        CASE WHEN x < 1000 THEN x ELSE CAST(floor(x / power(10, floor(log10(x)) - 2) + 0.5) * power(10, floor(log10(x)) - 2) AS BIGINT) END""")
    compared = withheld = 0
    for name, value in [*expected.items(), *RATES.items()]:
        rate = name in RATES
        same = f"abs(u.{name} - ({value})) <= 1e-12" if rate else f"u.{name} = {value}"
        shown, hidden, wrong = db.execute(f"""
            SELECT count(u.{name}), count(*) - count(u.{name}), count_if(u.{name} IS NOT NULL AND coalesce(NOT ({same}), true))
            FROM u JOIN kpis d USING ({keys})""").fetchone()
        compared, withheld = compared + shown, withheld + hidden
        if wrong:
            cells = db.execute(f"""SELECT {keys}, u.{name}, {value} FROM u JOIN kpis d USING ({keys})
                WHERE u.{name} IS NOT NULL AND coalesce(NOT ({same}), true) ORDER BY ALL LIMIT 3""").fetchall()
            for *key, ours, theirs in cells:
                key = " ".join(str(part) for part in key)
                found.append(f"{name}: {key}: published {ours}, DuckDB says {theirs} ({wrong} of {shown} cells differ)")
        if not shown:
            found.append(f"{name}: no cell is shown, so nothing was compared")
    print(f"{compared:,} cells compared, {withheld:,} not shown, {len(found)} differences")
    return found


def publish(uptake, landing, scratch, *options):
    """Runs the job over the landing area into a lake in `scratch`; returns the published table."""
    scratch = pathlib.Path(scratch).resolve()
    job = scratch / "against_duckdb.toml"
    job.write_text(JOB.format(landing=pathlib.Path(landing).resolve(), lake=scratch / "against_duckdb"))
    subprocess.run([uptake, "--log", "error", *options, "run", job, "--as-of", AS_OF], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
    return scratch / "against_duckdb/marts/latest/adoption_kpis.parquet"


def main():
    uptake, landing, scratch = sys.argv[1:]
    published = publish(uptake, landing, scratch)
    db = duckdb.connect()
    adoption_sql.compute(db, landing, HORIZON)
    found = differences(db, published)
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
