"""uptake under Airflow: one run a night, skipped where nothing came, backfills by a second DAG with parameters."""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

JOB = "/etc/uptake/nightly.toml"
# 4 and 5 are worth another try, so they fail the task and it is retried; the others fail it for good.
FOR_GOOD = "code=$?; case $code in 0|99|4|5) exit $code ;; *) echo \"uptake ended with $code\" >&2; exit 255 ;; esac"

with DAG(
    "uptake_nightly",
    schedule="15 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=10)},
):
    BashOperator(
        task_id="run",
        # The last line on stdout is one JSON object: run, commit, rows, tables, verdict. It becomes the XCom.
        bash_command=f"uptake run {JOB} --as-of '{{{{ data_interval_end.isoformat() }}}}' --json --exit-99-if-nothing-to-do; {FOR_GOOD}",
        skip_on_exit_code=99,
        do_xcom_push=True,
    )

with DAG(
    "uptake_backfill",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    params={"from": Param(type="string", format="date"), "to": Param(type="string", format="date", description="the day after the last")},
):
    BashOperator(
        task_id="backfill",
        bash_command=f"uptake backfill {JOB} --from {{{{ params['from'] }}}} --to {{{{ params['to'] }}}} --json; {FOR_GOOD}",
    )
