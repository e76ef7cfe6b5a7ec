"""Where the report of a cycle is, and pages that were served."""

from typing import Literal

from pipeline.results.result import Result


class SignatureCheck(Result):
    """Whether a report is what was signed.

    Attributes
    ----------
    state
        "signed": it is. "not signed": nothing was signed. "does not match": report, signature, key
        and MLflow do not agree.
    reason
        Why, in a sentence.
    """

    state: Literal["signed", "not signed", "does not match"]
    reason: str


class ReportResult(Result):
    """The report of one cycle.

    Attributes
    ----------
    cycle, report
        Its identifier and the path of the page.
    signature
        Whether it is what was signed; None where that was not asked.
    """

    cycle: str
    report: str
    signature: SignatureCheck | None = None


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
