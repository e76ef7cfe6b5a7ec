"""Where the report of a cycle is, and pages that were served."""

from pipeline.results.result import Result


class ReportResult(Result):
    """The report of one cycle: its identifier and the path of the page."""

    cycle: str
    report: str


class UiResult(Result):
    """Pages that were served: what `anchorhold ui` prints when it is stopped.

    Attributes
    ----------
    address
        Where they were.
    requests
        Pages and files that were asked for.
    """

    address: str
    requests: int
