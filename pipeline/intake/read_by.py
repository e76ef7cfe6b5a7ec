"""What the text of a record depends on besides the record: noted with what is stored."""

from typing import TypeAlias

RECORD_RULES = 1
"""Raised when a record gives another text than it gave before."""
PAGE_RULES = 1
"""Raised when a page gives other texts than it gave before."""

ReadBy: TypeAlias = dict[str, str | int]


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
