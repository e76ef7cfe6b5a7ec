"""What the screens of labelled pairs found, for the terminal."""

from collections.abc import Iterator

from rich.table import Table

from pipeline.reports.screen import Part
from pipeline.results import ScreenedResult


def screen_lines(found: ScreenedResult | None) -> Iterator[Part]:
    """Yield a sentence and, where a screen found something, a table; nothing without findings."""
    if found is None or not (found.findings or found.noise or found.waiting or found.let_in):
        return
    yield f"screens of {found.pairs} labelled pairs: {found.told}"
    if found.findings:
        table = Table("screen", "found", "held back", "why")
        for each in found.findings:
            table.add_row(each.screen, str(each.pairs), str(each.held), each.reason)
        yield table
