"""What the text of a record depends on besides the record: noted with what is stored."""

from typing import TypeAlias

RECORD_RULES = 1
"""Raised when a record gives another text than it gave before."""
PAGE_RULES = 1
"""Raised when a page gives other texts than it gave before."""

ReadBy: TypeAlias = dict[str, str | int]


REDACT, REDACTOR = "redact", "redactor"
"""Names of the parts that say what was taken out; they are missing where nothing was."""


def redacted(mode: str, redactor: str) -> ReadBy:
    """Return the part that says what was taken out of texts; empty where nothing was.

    Parameters
    ----------
    mode
        `intake.redact`.
    redactor
        `intake.redactor`.
    """
    found: ReadBy = {} if mode == "off" else {REDACT: mode}
    return {**found, REDACTOR: redactor} if redactor else found


def records(declared: str) -> ReadBy:
    """Return what the texts of records depend on.

    Parameters
    ----------
    declared
        What the settings say was done to the texts before.

    Examples
    --------
    >>> records("cleaner 3")
    {'reader': 'records', 'rules': 1, 'declared': 'cleaner 3'}
    """
    return {"reader": "records", "rules": RECORD_RULES, "declared": declared}


def pages(section_characters: int, declared: str) -> ReadBy:
    """Return what the documents of pages depend on, which are cut at their headings."""
    cut = {"section_characters": section_characters}
    return {"reader": "pages", "rules": PAGE_RULES, **cut, "declared": declared}
