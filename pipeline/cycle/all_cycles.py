"""One run in MLflow with a line over all cycles, so that MLflow's own charts show the history."""

from collections.abc import Iterator

from pipeline.cycle.journal import Journal
from pipeline.registry import Registry
from pipeline.results import CycleResult, HistoryCycle, PastCycle, past_cycles, task_points
from pipeline.store import Store

RUN = "history of all cycles"
"""Name of the run, and what it is found again by."""
_SERVES = "champion/version that serves"
"""The metric that every cycle has."""
EVERY_CYCLE = "all"
"""What stands for the cycle in the tags of a run that outlives cycles."""
_NOTE = (
    "A line over all cycles of this workspace: the step of each metric is the number of the cycle. "
    "`drift as a multiple of its limit` fires above 1 if it is significant, too. `anchorhold "
    "report --all` shows the same on one page."
)


def record_over_cycles(
    registry: Registry, store: Store, journal: Journal, result: CycleResult, metric: str
) -> str:
    """Add a cycle, and those before that are missing, to the run of all cycles; return its id.

    Parameters
    ----------
    registry
        Where the run is.
    store
        Has the earlier cycles, which a version of anchorhold without this run may have finished.
    journal
        The cycle.
    result
        Its result.
    metric
        Which metric of a first version is drawn: the one that the gate compares.
    """
    run = registry.open_run(EVERY_CYCLE, name=RUN, attempt=RUN, started=journal.started)
    known = registry.logged_steps(run, _SERVES)
    missing = [each for each in store.finished_cycles() if int(each) not in known]
    earlier = past_cycles(store) if missing else []
    chosen = [each for each in earlier if each.id in missing]
    present = PastCycle(journal.cycle, journal.started, result)
    # Memory and disk are measured anew by who resumes a cycle: one point of each is enough.
    for past in (*reversed(chosen), *([] if int(present.id) in known else [present])):
        metrics = dict(_metrics(past, metric))
        registry.log_metrics(run, metrics, step=int(past.id), at=past.started)
    registry.close_run(run, note=_NOTE)
    return run


def _metrics(past: PastCycle, metric: str) -> Iterator[tuple[str, float]]:
    """Yield what charts show; what comes before the slash groups them."""
    row = HistoryCycle.of(past)
    yield _SERVES, row.champion
    yield from _scores(past.result, metric)
    for name, rate in row.hit_rates.items():
        yield f"recall at 10 of the champion/{_name(name)}", rate
    for each in row.triggers:
        if each.effect is not None and each.threshold is not None and each.threshold > 0:
            yield f"drift as a multiple of its limit/{each.trigger}", each.effect / each.threshold
    yield "data/pairs in", row.pairs_in
    yield "data/texts in", row.texts_in
    yield "data/documents in", row.documents_in
    yield "data/records refused", row.quarantined
    yield "data/recent pairs trained on", row.recent
    if row.waiting is not None:
        yield "data/pairs waiting", row.waiting
    yield "cost/seconds", row.seconds.get("total", 0.0)
    yield "cost/documents encoded", row.encoded
    if row.disk_bytes is not None:
        yield "cost/megabytes on disk", row.disk_bytes / 1e6
    if row.peak_memory_megabytes is not None:
        yield "cost/megabytes of memory", row.peak_memory_megabytes


def _scores(result: CycleResult, metric: str) -> Iterator[tuple[str, float]]:
    """Yield scores of the version that serves after the cycle, and gains of its candidate."""
    for point in task_points(result, metric):
        serves = point.version == result.champion.version
        if point.task.startswith("anchor/"):
            score = point.score if serves else point.before
            if score is not None:
                yield f"{point.metric} of the champion/{_name(point.task)}", score
        elif point.before is not None:
            yield f"gain of the candidate/{_name(point.task)}", point.score - point.before


def _name(task: str) -> str:
    """Return a task as the last part of a name: a slash would begin another group."""
    return task.removeprefix("anchor/").replace("/", ".")
