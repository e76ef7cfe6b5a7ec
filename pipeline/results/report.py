"""Where the report of a cycle is: what `anchorhold report` prints."""

from pipeline.results.result import Result


class ReportResult(Result):
    """The report of one cycle: its identifier and the path of the page."""

    cycle: str
    report: str
