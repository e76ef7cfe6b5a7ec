"""Erasing from what cycles left: reports, working files, and what their runs in MLflow say."""

from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from pipeline.erasure.scrub import Scrubber
from pipeline.registry import PREFIX, SIGNATURE_TAG, Version, remove, rewrite_records
from pipeline.reports import (
    HISTORY_FILE,
    MOST_CYCLES,
    REPORT_FILE,
    SIGNATURE_FILE,
    sign,
    write_report,
)
from pipeline.results import (
    CheckedTexts,
    CycleResult,
    IndexPlan,
    RegressionsResult,
    erased_sentence,
    past_cycles,
)
from pipeline.store import Erasure, Store
from pipeline.workspace import OpenWorkspace

_REPORT = (REPORT_FILE, Path(REPORT_FILE).with_suffix(".json").name)


def rewrite_cycle(
    opened: OpenWorkspace, cycle: str, scrubber: Scrubber, *, only_count: bool = False
) -> int:
    """Write the report of a cycle anew, here and in MLflow, and return how many files changed.

    Parameters
    ----------
    opened
        The open workspace.
    cycle
        A finished cycle, whose result and stages are without the texts already.
    scrubber
        Takes them out of what its runs say.
    only_count
        Change nothing.
    """
    row = opened.store.cycle(cycle)
    if row is None or not row.outcome:
        return 0
    result = CycleResult.of_store(row.result)
    file = opened.settings.state / "cycles" / cycle / REPORT_FILE
    changed = len(_REPORT) if file.exists() else 0
    pages, signature = {REPORT_FILE: ""}, ""
    if not only_count:
        with TemporaryDirectory(prefix="anchorhold-") as elsewhere:
            # Where another machine ran the cycle, only MLflow has the report.
            page = _report(opened, file if changed else Path(elsewhere, REPORT_FILE), result)
            signature = sign(page, cycle, opened.settings.tables.report.key)
            pages = {REPORT_FILE: page.read_text(encoding="utf-8")}
    training = result.training
    runs = {result.run_id, *(each.run_id or "" for each in training.attempts)} if training else ()
    for run in sorted({result.run_id, training.run_id if training else "", *runs} - {""}):
        if opened.registry.has_run(run):
            changed += rewrite_records(
                opened.registry, run, scrubber.json, pages, only_count=only_count
            )
    if signature and opened.registry.has_run(result.run_id):
        opened.registry.set_tags(result.run_id, {SIGNATURE_TAG: signature})
    return changed


def rewrite_description(opened: OpenWorkspace, version: Version, scrubber: Scrubber) -> int:
    """Take the texts out of the description and the tags of a version."""
    left = scrubber.sentence(version.description)
    if left != version.description:
        opened.registry.describe(version, left)
    tags = {name: scrubber.sentence(value) for name, value in version.tags.items()}
    tags = {name: text for name, text in tags.items() if text != version.tags[name]}
    opened.registry.tag(version, {name: text for name, text in tags.items() if PREFIX in name})
    return len(tags) + (left != version.description)


def remove_working_files(opened: OpenWorkspace, *, only_count: bool = False) -> int:
    """Delete what finished cycles left besides their reports, and the page of all cycles."""
    state, unfinished = opened.settings.state, opened.store.unfinished_cycle()
    gone, kept = [state / "candidate"], (*_REPORT, SIGNATURE_FILE)
    # This process has its own place in it.
    gone += [each for each in (state / "tmp").glob("*") if str(each) != gettempdir()]
    for folder in sorted((state / "cycles").glob("*")):
        if unfinished is None or folder.name != unfinished.id:
            gone += [each for each in folder.iterdir() if each.name not in kept]
    # Whoever wants the page again asks for it again.
    gone += [state / HISTORY_FILE, (state / HISTORY_FILE).with_suffix(".json")]
    found = [each for each in gone if each.exists()]
    for each in () if only_count else found:
        remove(each)
    return len(found)


def erased_sentences(store: Store) -> tuple[str, ...]:
    """Say that records were erased and when, oldest first, without what they were."""
    return tuple(told(each) for each in store.erasures())


def told(erasure: Erasure) -> str:
    """Say of one erasure how much went and when."""
    return erased_sentence(erasure.records, erasure.at)


def _report(opened: OpenWorkspace, file: Path, result: CycleResult) -> Path:
    stages = {
        name: payload["result"] for name, payload in opened.store.stages(result.cycle).items()
    }
    shown = opened.settings.shown_texts
    worse, plan, texts = (stages.get(name) for name in ("regressions", "plan", "texts"))
    earlier = [shown(each.result) for each in past_cycles(opened.store) if each.id < result.cycle]
    return write_report(
        file,
        shown(result),
        shown(RegressionsResult.of_store(worse)) if worse else None,
        opened.settings.tables.model.name,
        shown(IndexPlan.of_store(plan)) if plan else None,
        texts=shown(CheckedTexts.of_store(texts)) if texts else None,
        earlier=earlier[:MOST_CYCLES][::-1],
        erased=erased_sentences(opened.store),
    )
