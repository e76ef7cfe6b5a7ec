"""What a label or score says: whether the text of a pair answers its query."""

from decimal import Decimal

from pipeline.intake.bad_record import BadRecord, kind_of, shortened

_LEAST = 0.5
"""Labels and scores below it say that a text is no answer."""
_NO = {
    *("false", "no", "f", "n", "negative", "irrelevant", "not relevant", "non relevant"),
    *("no match", "mismatch", "not duplicate", "unrelated", "neutral", "contradiction"),
}
_YES = {"true", "yes", "t", "y", "positive", "relevant", "match", "duplicate", "entailment"}


def is_answer(column: str, value: object) -> bool | None:
    """Return whether a value says that the text answers the query; None for other words.

    Raises
    ------
    BadRecord
        It is a list or an object.

    Examples
    --------
    >>> [is_answer("label", value) for value in (1, "0", 0.7, "not_relevant", "billing", None)]
    [True, False, True, False, None, True]
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        word = value.strip().lower().replace("_", " ").replace("-", " ")
        if word in _NO or word in _YES:
            return word in _YES
        try:
            value = float(value) if word else None
        except ValueError:
            return None
    if value is None or isinstance(value, bool | int | float | Decimal):
        return value is None or not float(value) < _LEAST
    raise BadRecord(f"{column} is {kind_of(value)} ({shortened(value)}); it must be a number")
