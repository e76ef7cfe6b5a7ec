"""Whether an MLflow server takes a change."""

from datetime import datetime

from pipeline.registry.runs import PREFIX, Tracking, clear_faults


def try_writing(tracking: Tracking, now: datetime) -> None:
    """Set a tag of the experiment: a server shows in no other way whether it lets one write.

    Parameters
    ----------
    tracking
        The experiment.
    now
        The present: the tag's value.

    Raises
    ------
    RegistryFault
        The server refuses it.
    """
    with clear_faults("set a tag of the experiment"):
        tracking.client.set_experiment_tag(
            tracking.experiment, f"{PREFIX}doctor", now.isoformat(timespec="seconds")
        )
