"""Dagster: an hourly cycle. `dagster dev -f dagster_job.py` shows and schedules it.

A failed cycle is tried again and resumes; a blocked one fails at once, because it waits for a
person; outcome and version are metadata of the output.
"""

import os
from collections.abc import Iterator

from cycle_command import CycleFailed, run_cycle
from dagster import (
    DefaultScheduleStatus,
    Definitions,
    Failure,
    OpExecutionContext,
    Output,
    RetryRequested,
    ScheduleDefinition,
    job,
    op,
)

WORKSPACE = os.environ.get("ANCHORHOLD_WORKSPACE", "/srv/support-search")


@op
def cycle(context: OpExecutionContext) -> Iterator[Output[str]]:
    """Run one cycle."""
    try:
        done = run_cycle(WORKSPACE)
    except CycleFailed as fault:
        raise RetryRequested(max_retries=3, seconds_to_wait=300) from fault
    context.log.info(f"cycle {done.result['cycle']}: {done.outcome}")
    if done.blocked:
        raise Failure("a guard blocks training: see the report", allow_retries=False)
    yield Output(done.outcome, metadata={"outcome": done.outcome, "version": done.version or 0})


@job
def support_search() -> None:
    """Keep the model of support search up to date."""
    cycle()


hourly = ScheduleDefinition(
    job=support_search, cron_schedule="15 * * * *", default_status=DefaultScheduleStatus.RUNNING
)
definitions = Definitions(jobs=[support_search], schedules=[hourly])
