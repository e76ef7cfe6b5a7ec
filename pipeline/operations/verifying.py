"""Whether the report of a cycle is what the cycle signed."""

from pathlib import Path

from pipeline.registry import SIGNATURE_TAG, run_tag
from pipeline.reports import check_signature
from pipeline.results import ReportResult
from pipeline.workspace import OpenWorkspace
from training.faults import DataFault


def verified(opened: OpenWorkspace, found: ReportResult) -> ReportResult:
    """Return a report with what its signature shows.

    Raises
    ------
    DataFault
        The environment has no key to check it with.
    """
    table = opened.settings.tables.report
    if table.key is None:
        raise DataFault(
            f"the environment variable {table.key_variable!r} (report.key_variable) is not set; it "
            "must hold the key that reports are signed with"
        )
    row = opened.store.cycle(found.cycle)
    run = str(row.result["run_id"]) if row else ""
    noted = run_tag(opened.registry, run, SIGNATURE_TAG)
    checked = check_signature(Path(found.report), found.cycle, table.key, noted)
    return found.changed(signature=checked)
