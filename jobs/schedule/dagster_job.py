"""uptake under Dagster: a daily partitioned asset; the partition's end is what the run speaks of."""

import json
import subprocess

from dagster import (
    AssetExecutionContext, DailyPartitionsDefinition, Definitions, Failure, MaterializeResult, RetryRequested,
    asset, build_schedule_from_partitioned_job, define_asset_job,
)

JOB = "/etc/uptake/nightly.toml"
WORTH_ANOTHER_TRY = {4, 5}  # the store was away; another run was first


@asset(partitions_def=DailyPartitionsDefinition(start_date="2026-01-01", timezone="Europe/Berlin"))
def adoption_tables(context: AssetExecutionContext) -> MaterializeResult:
    until = context.partition_time_window.end.isoformat()
    # Logs go to stderr, which Dagster shows; stdout is one JSON object.
    done = subprocess.run(["uptake", "run", JOB, "--as-of", until, "--json"], stdout=subprocess.PIPE, text=True)
    if done.returncode in WORTH_ANOTHER_TRY:
        raise RetryRequested(max_retries=3, seconds_to_wait=600)
    if done.returncode != 0:
        raise Failure(f"uptake ended with {done.returncode}", allow_retries=False)
    return MaterializeResult(metadata=json.loads(done.stdout.splitlines()[-1]))


nightly = define_asset_job("uptake_nightly", [adoption_tables])
defs = Definitions(
    assets=[adoption_tables],
    jobs=[nightly],
    schedules=[build_schedule_from_partitioned_job(nightly, hour_of_day=2, minute_of_hour=15)],
)
