"""Prefect: a cycle as a flow. `python prefect_flow.py /srv/support-search` serves it every hour.

A failed cycle is tried again and resumes; a blocked one fails at once, because it waits for a
person; the name of every other final state is the outcome.
"""

import sys
from typing import Any

from cycle_command import Cycle, run_cycle
from prefect import flow, get_run_logger, task
from prefect.states import Completed, Failed, State


@task(retries=3, retry_delay_seconds=300)
def cycle(workspace: str) -> Cycle:
    """Run one cycle."""
    return run_cycle(workspace)


@flow(name="support-search")
def support_search(workspace: str) -> State[Any]:
    """Keep the model of support search up to date."""
    done = cycle(workspace)
    told = f"cycle {done.result['cycle']}: {done.outcome}, version {done.version} serves"
    get_run_logger().info(told)
    if done.blocked:
        return Failed(name="Blocked", message="a guard blocks training: see the report")
    return Completed(name=done.outcome.replace("_", " ").capitalize(), message=told)


if __name__ == "__main__":
    support_search.serve(
        name="hourly", cron="15 * * * *", parameters={"workspace": sys.argv[1]}, limit=1
    )
