"""A tag of a run, as MLflow has it now."""

from pipeline.registry.runs import PREFIX, Tracking, clear_faults

SIGNATURE_TAG = f"{PREFIX}signature"
"""Tag of the run of a cycle: the signature of its report."""


def run_tag(tracking: Tracking, run: str, name: str) -> str:
    """Return the value of a tag; "" where the run has none, or there is no such run.

    Parameters
    ----------
    tracking
        The experiment.
    run, name
        The run and the tag.
    """
    if not tracking.has_run(run):
        return ""
    with clear_faults(f"read the run {run}"):
        return str(tracking.client.get_run(run).data.tags.get(name, ""))
