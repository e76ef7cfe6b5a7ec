"""What an intake counted."""

from typing import Self

from pipeline.results.result import Result


class IntakeCounts(Result):
    """Files and records of one key of `[data]`: seen = stored + known + quarantined + erased.

    Personal data was taken out of `redacted` ones of those stored.
    """

    files: int = 0
    seen: int = 0
    stored: int = 0
    known: int = 0
    quarantined: int = 0
    erased: int = 0
    redacted: int = 0


class LogCounts(IntakeCounts):
    """What the lines of served logs became.

    Attributes
    ----------
    lines
        Lines read, rows of tables and traces included.
    texts
        Queries that became texts of the traffic.
    with_results, with_clicks, with_feedback
        Lines among those read that say what was shown, clicked and rated.
    events
        Lines that add clicks, ratings or results to a line that was served before.
    amended
        Served lines that such lines changed.
    unknown_ids
        Ids that no document of the corpus has.
    not_shown
        Clicks and ratings of results that were not shown.
    contradictions
        Results that were rated both ways; these ratings were dropped.
    passed_over
        Lines that say nothing about retrieval, such as spans of other kinds.
    """

    lines: int = 0
    texts: int = 0
    with_results: int = 0
    with_clicks: int = 0
    with_feedback: int = 0
    events: int = 0
    amended: int = 0
    unknown_ids: int = 0
    not_shown: int = 0
    contradictions: int = 0
    passed_over: int = 0

    def __add__(self, other: Self) -> Self:
        """Return the sums."""
        names = type(self).model_fields
        return type(self)(**{name: getattr(self, name) + getattr(other, name) for name in names})


class IntakeResult(Result):
    """What one intake found in the files of each key of `[data]`, and its warnings."""

    corpus: IntakeCounts = IntakeCounts()
    history: IntakeCounts = IntakeCounts()
    reference: IntakeCounts = IntakeCounts()
    pairs: IntakeCounts = IntakeCounts()
    traffic: IntakeCounts = IntakeCounts()
    log: LogCounts = LogCounts()
    warnings: tuple[str, ...] = ()

    @property
    def redacted(self) -> int:
        """Stored records of all keys that had personal data taken out."""
        every = (self.corpus, self.history, self.reference, self.pairs, self.traffic, self.log)
        return sum(each.redacted for each in every)

    @property
    def told(self) -> tuple[str, ...]:
        """The warnings, behind a sentence on what was taken out of records."""
        return (*redacted_sentences(self.redacted), *self.warnings)


def redacted_sentences(records: int) -> tuple[str, ...]:
    """Say out of how many records personal data was taken; nothing of none.

    Examples
    --------
    >>> redacted_sentences(2), redacted_sentences(0)
    (('personal data was taken out of 2 records (intake.redact)',), ())
    """
    if not records:
        return ()
    unit = "record" if records == 1 else "records"
    return (f"personal data was taken out of {records:,} {unit} (intake.redact)",)
