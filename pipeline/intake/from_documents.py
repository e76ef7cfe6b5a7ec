"""Pages of text on their way into the store: those that changed, and those that are gone."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from pipeline.intake.bad_record import BadRecord
from pipeline.intake.corpus_files import PAGES, Corpus, PageFile
from pipeline.intake.page_rules import PageRules, Repeated, page_bytes
from pipeline.intake.report import IntakeReport
from pipeline.intake.sources import stamp_of
from pipeline.store import Fault, FileProgress, Record, Store

_FILES_PER_TRANSACTION = 200
_UNREADABLE = "unreadable"
"""Stamp of a file that could not be opened: it is tried again, and what it held stays."""


@dataclass
class _Tally:
    """What was noticed in the pages of one reading."""

    cleaned: int = 0
    removed: int = 0
    cut: int = 0
    sections: int = 0
    withdrawn: int = 0
    gone: int = 0
    missing: int = 0
    first_gone: str = ""
    quarantined: int = 0
    seen: int = 0
    first_fault: Fault | None = None

    def warnings(self) -> Iterator[str]:
        """Yield a sentence on each."""
        if self.cleaned:
            yield (
                f"corpus: {self.removed} menus, headers and other parts beside the text were left "
                f"out of {self.cleaned} HTML pages"
            )
        if self.cut:
            yield (
                f"corpus: {self.cut} long pages were cut into {self.sections} sections, named "
                "page#heading (intake.section_characters)"
            )
        if self.gone:
            yield (
                f"corpus: {self.gone} pages are gone (the first: {self.first_gone}); their "
                f"documents are withdrawn until the files are back"
            )
        if self.missing:
            yield (
                f"corpus: none of the {self.missing} pages read before is there, and their "
                "documents stay; name their folder in data.corpus, or exclude them with "
                "`anchorhold discard --file`"
            )
        if self.withdrawn:
            yield f"corpus: {self.withdrawn} sections are no longer in their pages, and withdrawn"
        if self.quarantined:
            yield (
                f"corpus: {self.quarantined} of {self.seen} pages, or sections of them, went into "
                "quarantine; the first: "
                f"{self.first_fault}"
            )


def take_pages(
    store: Store,
    corpus: Corpus,
    rules: PageRules,
    read: Callable[[int], None],
    read_by: Mapping[str, str | int],
) -> IntakeReport:
    """Take in the pages that changed, and withdraw the documents of those that are gone.

    Some hundred files are one transaction; an interruption leaves whole files.

    Parameters
    ----------
    store
        Where to.
    corpus
        What the settings name.
    rules
        How pages are read.
    read
        Called with 1 for each file.
    read_by
        What the texts of pages depend on, noted with them.
    """
    before = store.files_read("document")
    report, tally = IntakeReport(), _Tally()
    pages, repeated = iter(corpus.pages), Repeated(corpus.pages, rules)
    while some := list(islice(pages, _FILES_PER_TRANSACTION)):
        with store.together():
            for page in some:
                known = before.get(page.label)
                report += _take_page(store, page, known, repeated, tally, read_by)
                read(1)
    named = {page.label for page in corpus.pages}
    gone = [
        file
        for file, progress in before.items()
        if progress.stamp and file not in named and Path(file).suffix.lower() in PAGES
    ]
    if gone and not corpus.pages:
        # More likely a folder that is not mounted than one that everybody emptied.
        tally.missing = len(gone)
        gone = []
    with store.together():
        for file in gone:
            _withdraw(store, file, tally)
    return replace(report, warnings=tuple(tally.warnings()))


def _take_page(
    store: Store,
    page: PageFile,
    before: FileProgress | None,
    repeated: Repeated,
    tally: _Tally,
    read_by: Mapping[str, str | int],
) -> IntakeReport:
    rules = repeated.rules
    found: list[Record] = []
    reason, stamp = "", ""
    try:
        stamp = f"{stamp_of(page.path.stat())} {page.id} {rules.section_characters}"
        if before is not None and before.stamp == stamp:
            return IntakeReport(unchanged=1)
        read, texts = rules.read(page_bytes(page.path), page.id, repeated.beside(page))
        found = [Record(each, redacted=each.id in read.redacted) for each in texts]
        tally.cleaned += bool(read.removed)
        tally.removed += read.removed
    except OSError as error:
        stamp = _UNREADABLE
        reason = f"cannot be read: {error.strerror or error}; it must be a readable file"
    except BadRecord as bad:
        reason = str(bad)
    faults = [Fault(page.label, 0, reason)] if reason else []
    with store.arriving("document", "recent", page.label) as arrivals:
        arrivals.alone, arrivals.read_by = True, read_by
        added = arrivals.add(found, faults)
        if stamp != _UNREADABLE:
            tally.withdrawn += arrivals.withdraw_unseen()
        arrivals.progress = FileProgress(page.label, stamp)
    tally.cut += len(found) > 1
    tally.sections += len(found) if len(found) > 1 else 0
    tally.quarantined += bool(added.quarantined)
    tally.seen += 1
    tally.first_fault = tally.first_fault or arrivals.first_fault
    counts = (added.stored, added.known, added.quarantined, added.erased, added.redacted)
    return IntakeReport(1, 0, *counts)


def _withdraw(store: Store, file: str, tally: _Tally) -> None:
    with store.arriving("document", "recent", file) as arrivals:
        if arrivals.withdraw_unseen():
            tally.gone += 1
            tally.first_gone = tally.first_gone or file
        arrivals.progress = FileProgress(file)
