"""uptake under Airflow 3: one run a night, skipped where nothing came; backfills by a second DAG with parameters."""

import json
import subprocess
from datetime import datetime, timedelta

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

JOB = "/etc/uptake/nightly.toml"
NOTHING_TO_DO = 99
WORTH_ANOTHER_TRY = {4, 5}  # the store was away; another run was first


def uptake(*arguments):
    """Runs uptake; logs go to stderr and so to the task's log, stdout ends in one JSON object, which becomes the XCom."""
    done = subprocess.run(["uptake", *arguments, "--json"], stdout=subprocess.PIPE, text=True)
    if done.returncode == NOTHING_TO_DO:
        raise AirflowSkipException("nothing to do")
    if done.returncode in WORTH_ANOTHER_TRY:
        raise AirflowException(f"uptake ended with {done.returncode}, try again")
    if done.returncode != 0:
        raise AirflowFailException(f"uptake ended with {done.returncode}")  # no retry makes this better
    return json.loads(done.stdout.splitlines()[-1])


@dag(schedule="15 2 * * *", start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=1)
def uptake_nightly():
    @task(retries=3, retry_delay=timedelta(minutes=10))
    def run():
        until = get_current_context()["data_interval_end"].isoformat()
        return uptake("run", JOB, "--as-of", until, "--exit-99-if-nothing-to-do")

    run()


@dag(schedule=None, start_date=datetime(2026, 1, 1), params={
    "from": Param(type="string", format="date"),
    "to": Param(type="string", format="date", description="the day after the last"),
})
def uptake_backfill():
    @task(retries=3, retry_delay=timedelta(minutes=10))
    def backfill():
        wanted = get_current_context()["params"]
        return uptake("backfill", JOB, "--from", wanted["from"], "--to", wanted["to"])

    backfill()


uptake_nightly()
uptake_backfill()
