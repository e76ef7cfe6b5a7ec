"""Airflow: an hourly cycle. Put this file and cycle_command.py into the folder of DAGs.

A failed cycle is tried again and resumes; a blocked one fails at once, because it waits for a
person; one that had too little to learn from is skipped.
"""

from datetime import datetime, timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from cycle_command import run_cycle

WORKSPACE = "/srv/support-search"


@task(retries=3, retry_delay=timedelta(minutes=5))
def cycle(workspace: str) -> str:
    """Run one cycle and return its outcome."""
    done = run_cycle(workspace)
    print(f"cycle {done.result['cycle']}: {done.outcome}, version {done.version} serves")
    if done.blocked:
        raise AirflowFailException("a guard blocks training: see the reasons in the report")
    if done.outcome == "insufficient_data":
        raise AirflowSkipException("training is called for, but there is too little to learn from")
    return done.outcome


@dag(
    schedule="15 * * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["anchorhold"],
)
def support_search() -> None:
    """Keep the model of support search up to date."""
    cycle(WORKSPACE)


support_search()
