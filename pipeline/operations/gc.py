"""Retention on request: delete what `[keep]` says, or tell what would go and what stays."""

from datetime import datetime

from pipeline.cycle import Plan, plan_retention
from pipeline.registry import lies_in
from pipeline.results import Freed, GcResult
from pipeline.store import compact
from pipeline.workspace import OpenWorkspace


def collect(opened: OpenWorkspace, now: datetime, *, dry_run: bool) -> GcResult:
    """Delete what `[keep]` says goes; what happened stays recorded.

    Parameters
    ----------
    opened
        The open workspace, held exclusively unless it is a dry run.
    now
        The present, for the record.
    dry_run
        Whether only to tell what would go.
    """
    plan = plan_retention(opened, now, whole=True, measure=True)
    if dry_run:
        return _result(plan, plan.freed(), dry_run=True)
    done = plan.carry_out(opened.store.confirm_hold)
    result = _result(plan, done, dry_run=False)
    return result.changed(database_bytes=_compacted(opened))


def _compacted(opened: OpenWorkspace) -> int | None:
    settings = opened.settings
    urls = (settings.store_url, settings.tracking_uri)
    own = [url for url in urls if lies_in(url, settings.root, settings.state)]
    return sum(map(compact, own)) or None


def _result(plan: Plan, freed: Freed, *, dry_run: bool) -> GcResult:
    return GcResult(
        dry_run=dry_run,
        parts=plan.parts(),
        bytes=freed.bytes,
        deleted=freed.deleted,
        warnings=freed.warnings,
    )
