#!/usr/bin/env python3
"""Computes adoption_kpis from the raw deliveries of a sample company with DuckDB and SQL of its own.

    adoption_sql.py LANDING OUT.parquet [--horizon 2026-03-31] [--report-from DAY] [--threads N] [--memory 8GB]

OUT has the exact figures of every grain, period and scope: nothing withheld, nothing rounded. The job it repeats: zone
Europe/Berlin, no holidays, the default policy.
"""

import argparse
import pathlib

import duckdb

HERE = pathlib.Path(__file__).parent
COUNTS = [
    "headcount", "visitors", "passive_learners", "active_learners", "contributors", "newly_activated", "activated_to_date",
    "not_yet_activated_at_start", "daily_active_sum", "active_28d", "previous_passive", "passive_to_active", "learning_seconds",
    "sessions", "assigned", "due", "due_completed", "due_completed_on_time", "completions", "last_day_completions",
    "checkbox_completions",
]
VERBS = {
    "answered": "answered", "attempted": "attempted", "completed": "completed", "experienced": "viewed", "failed": "failed",
    "initialized": "launched", "interacted": "progressed", "launched": "launched", "passed": "passed",
    "progressed": "progressed", "registered": "enrolled", "voided": "voided",
}
KNOWN_VERBS = ("logged_in viewed launched progressed attempted answered completed passed failed searched commented rated "
               "enrolled other voided").split()
KNOWN_KINDS = "post micro_lesson ama qa_summary playbook article how_to course answer comment".split()


def files(landing, pattern):
    return sorted(str(path) for path in pathlib.Path(landing).glob(pattern))


def is_gzip(path):
    with open(path, "rb") as file:
        return file.read(2) == b"\x1f\x8b"


def csv_source(paths, columns=None):
    """A read over CSV files whatever their compression; all columns are text unless typed ones are named."""
    typed = f"columns={columns}, header=true, auto_detect=false" if columns else "all_varchar=true, header=true, union_by_name=true"
    reads = []
    for compression, group in [("gzip", [p for p in paths if is_gzip(p)]), ("none", [p for p in paths if not is_gzip(p)])]:
        if group:
            reads.append(f"SELECT * FROM read_csv({group}, compression='{compression}', delim=',', quote='\"', strict_mode=true, "
                         f"ignore_errors=true, filename=true, {typed})")
    return "(" + " UNION ALL BY NAME ".join(reads) + ")"


KNOWN = r"regexp_extract(filename, '(\d{4}-\d{2}-\d{2})\.[a-z.]*$', 1)::DATE"


def raw_views(db, landing, horizon):
    """The deliveries with typed columns and the day they came, refused records left out."""
    day = lambda column: f"TRY_CAST({column} AS TIMESTAMP)::DATE"
    instant = lambda column: f"TRY_CAST({column} AS TIMESTAMPTZ)"
    db.execute(f"SET TimeZone = 'UTC'; SET VARIABLE horizon = DATE '{horizon}'; SET VARIABLE holidays = []::DATE[]")
    db.execute("CREATE MACRO local_day(instant) AS CAST(instant AT TIME ZONE 'Europe/Berlin' AS DATE)")
    db.execute("CREATE MACRO day_begins(day) AS epoch(CAST(day AS TIMESTAMP) AT TIME ZONE 'Europe/Berlin')::BIGINT")
    db.execute(f"""CREATE TEMP VIEW raw_workers AS
        SELECT id AS worker_id, {day('_fivetran_start')} AS valid_from,
               CASE WHEN _fivetran_end LIKE '9999%' OR _fivetran_end IS NULL THEN DATE '9999-01-01'
                    WHEN _fivetran_end LIKE '%23:59:59' THEN {day('_fivetran_end')} + 1 ELSE {day('_fivetran_end')} END AS valid_to,
               trim(worker_code) AS employee_no, email_address AS email, employment_status AS status, worker_type,
               TRY_CAST(hire_date AS DATE) AS hired, TRY_CAST(termination_date AS DATE) AS terminated,
               organization_id AS org_id, leader_band, location, "function", {KNOWN} AS known
        FROM {csv_source(files(landing, 'hris/workday/workers_*'))} WHERE _fivetran_deleted = 'false'""")
    db.execute(f"""CREATE TEMP VIEW raw_org_units AS
        SELECT org_id, effective_from::DATE AS valid_from, parent_id, {KNOWN} AS known FROM {csv_source(files(landing, 'hris/org_units_*'))}""")
    db.execute(f"""CREATE TEMP VIEW raw_users AS
        SELECT trim(user_id) AS user_id, trim(employee_no) AS employee_no, email, kind, {KNOWN} AS known FROM {csv_source(files(landing, 'lms/users_*'))}""")
    db.execute(f"""CREATE TEMP VIEW raw_links AS
        SELECT source_user_id, worker_id, valid_from::DATE AS valid_from, valid_to::DATE AS valid_to, {KNOWN} AS known
        FROM {csv_source(files(landing, 'identity/identity_links_*'))}""")
    db.execute(f"""CREATE TEMP VIEW raw_content AS
        SELECT content_id, TRY_CAST(duration_minutes AS BIGINT) AS duration_minutes, {KNOWN} AS known
        FROM {csv_source(files(landing, 'lms/content_*'))}""")
    transcript = csv_source(files(landing, "lms/cornerstone/transcript_*"))
    has_renamed = "Completion Date" in [column[0] for column in db.execute(f"DESCRIBE SELECT * FROM {transcript}").fetchall()]
    completed = 'coalesce(cp_completion_dt, "Completion Date")' if has_renamed else "cp_completion_dt"
    db.execute(f"""CREATE TEMP VIEW raw_enrollments AS
        SELECT cp_user_id AS user_id, cp_object_id AS content_id, cp_reg_num::BIGINT AS attempt, cp_status_id AS status,
               cp_required = 'true' AS required, {instant('cp_assigned_dt')} AS assigned_at, {instant('cp_due_dt')} AS due_at,
               {instant('cp_reg_dt')} AS enrolled_at,
               {instant(completed)} AS completed_at, TRY_CAST(cp_time_spent_sec AS BIGINT) AS spent_seconds, {KNOWN} AS known
        FROM {transcript}
        WHERE cp_user_id IS NOT NULL AND (cp_reg_dt IS NULL OR {instant('cp_reg_dt')} IS NOT NULL)
          AND cp_status_id IN ('Assigned', 'Registered', 'Approved', 'Not Started', 'In Progress', 'Completed',
              'Completed (Equivalent)', 'Passed', 'Failed', 'Withdrawn', 'Cancelled', 'Denied', 'Waived', 'Exempt', 'Expired')""")
    db.execute(f"""CREATE TEMP VIEW raw_contributions AS
        SELECT contribution_id, author_id, {instant('created_at')} AS created_at, {KNOWN} AS known
        FROM {csv_source(files(landing, '**/contributions_*'))} WHERE contribution_id IS NOT NULL AND kind IN {tuple(KNOWN_KINDS)}""")
    db.execute(f"""CREATE TEMP VIEW raw_reactions AS
        SELECT reaction_id, actor_id, {instant('occurred_at')} AS occurred_at, {KNOWN} AS known
        FROM {csv_source(files(landing, '**/reactions_*'))}""")
    db.execute(f"CREATE TEMP VIEW raw_activity AS {' UNION ALL '.join(activity(landing, horizon))}")


def activity(landing, horizon):
    """The big export in whatever format it came, and the xAPI statements."""
    columns = {"event_id": "VARCHAR", "occurred_at": "TIMESTAMPTZ", "user_id": "VARCHAR", "verb": "VARCHAR", "object_id": "VARCHAR",
               "object_kind": "VARCHAR", "duration_seconds": "BIGINT", "score": "DOUBLE"}
    sources = []
    for suffixes, source in [
        (("csv", "csv.gz"), lambda paths: csv_source(paths, columns)),
        (("ndjson", "ndjson.gz"), lambda paths: f"read_ndjson({paths}, columns={columns}, filename=true)"),
        (("parquet",), lambda paths: f"read_parquet({paths}, filename=true)"),
    ]:
        paths = [path for suffix in suffixes for path in files(landing, f"lms/activity/activity_*.{suffix}")]
        if paths:
            sources.append(f"""
                SELECT event_id, occurred_at::TIMESTAMPTZ AS occurred_at, user_id, verb, CASE WHEN duration_seconds >= 0 THEN duration_seconds END AS seconds,
                       NULL::VARCHAR AS voids, {KNOWN} AS known
                FROM {source(paths)}
                WHERE event_id IS NOT NULL AND user_id IS NOT NULL AND verb IN {tuple(KNOWN_VERBS)}
                  AND occurred_at::TIMESTAMPTZ < TIMESTAMPTZ '{horizon} 12:00:00Z'""")
    if paths := files(landing, "lms/xapi/statements_*"):
        seconds = lambda unit: f"coalesce(TRY_CAST(regexp_extract(duration, '([0-9.]+){unit}', 1) AS DOUBLE), 0)"
        sources.append(f"""
            SELECT lower(id), stamp, user_id, verb, ({seconds('H')} * 3600 + {seconds('M')} * 60 + {seconds('S')})::BIGINT,
                   CASE WHEN verb = 'voided' THEN lower(object_id) END, known
            FROM (SELECT json->>'$.id' AS id, (json->>'$.timestamp')::TIMESTAMPTZ AS stamp,
                         coalesce(json->>'$.actor.account.name', replace(lower(json->>'$.actor.mbox'), 'mailto:', '')) AS user_id,
                         map {VERBS}[regexp_extract(json->>'$.verb.id', '^https?://adlnet.gov/expapi/verbs/(.*)$', 1)] AS verb,
                         json->>'$.object.id' AS object_id, json->>'$.result.duration' AS duration, {KNOWN} AS known,
                         coalesce(json->>'$.actor.objectType', 'Agent') AS actor_kind
                  FROM read_ndjson_objects({paths}, filename=true))
            WHERE user_id IS NOT NULL AND verb IS NOT NULL AND actor_kind = 'Agent'""")
    return sources


def compute(db, landing, horizon, report_from=None):
    """Leaves the table `kpis` in the connection. Without `report_from` reports begin with the first day on which anybody acted, was assigned
    something, had it due or completed it."""
    raw_views(db, landing, horizon)
    db.execute("SET VARIABLE report_from = " + (f"DATE '{report_from}'" if report_from else "NULL::DATE"))
    sums = ", ".join(f"sum({name})::BIGINT AS {name}" for name in COUNTS)
    db.execute((HERE / "adoption_kpis.sql").read_text().replace("SUMS", sums))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("landing")
    arguments.add_argument("out")
    arguments.add_argument("--horizon", default="2026-03-31", help="first day that is not reported")
    arguments.add_argument("--report-from", help="first day that is reported")
    arguments.add_argument("--threads", type=int)
    arguments.add_argument("--memory")
    given = arguments.parse_args()
    db = duckdb.connect(config={"preserve_insertion_order": False})
    if given.threads:
        db.execute(f"SET threads = {given.threads}")
    if given.memory:
        db.execute(f"SET memory_limit = '{given.memory}'")
    compute(db, given.landing, given.horizon, given.report_from)
    db.execute(f"COPY kpis TO '{given.out}' (FORMAT parquet)")


if __name__ == "__main__":
    main()
