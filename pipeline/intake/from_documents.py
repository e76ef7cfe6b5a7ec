"""Documents on their way into the store: tables of them, and folders of pages of text."""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from pipeline.intake.bad_record import BadRecord, shortened
from pipeline.intake.corpus_files import PAGES, Corpus, PageFile
from pipeline.intake.html_pages import html_page
from pipeline.intake.markdown_pages import markdown_page, plain_page
from pipeline.intake.pages import Page, documents_of
from pipeline.intake.report import IntakeReport
from pipeline.intake.sources import stamp_of
from pipeline.store import Fault, FileProgress, Record, Store
from training.unlabelled import Document

_HTML = (".html", ".htm", ".xhtml")
_READERS = {
    **dict.fromkeys((".md", ".markdown"), markdown_page),
    **dict.fromkeys((".txt", ".text"), plain_page),
    **dict.fromkeys(_HTML, html_page),
}

_MOST_BYTES = 20_000_000
_FILES_PER_TRANSACTION = 500
_DECLARED = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_\-]{1,40})", re.IGNORECASE
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks; those of UTF-32 begin like those of UTF-16."""


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


@dataclass(frozen=True)
class PageRules:
    r"""How pages are read.

    Parameters
    ----------
    section_characters
        Longest document of a page, in characters; 0: pages are not cut.
    max_text_characters
        Longest text that is stored.

    Examples
    --------
    >>> rules = PageRules(2_000, 100_000)
    >>> _, (found,) = rules.read(b"# Lost cards\n\nCall us.", "cards.md")
    >>> found.title, found.text
    ('Lost cards', 'Call us.')
    >>> rules.read(b"\x89PNG\x00", "image.txt")
    Traceback (most recent call last):
    pipeline.intake.bad_record.BadRecord: holds NUL bytes; a page must be text, this is binary data
    """

    section_characters: int
    max_text_characters: int

    def read(self, raw: bytes, id: str) -> tuple[Page, list[Document]]:
        """Return a page and its documents; raises BadRecord if there is nothing to read."""
        ending = Path(id).suffix.lower()
        text = _decoded(raw, ending in _HTML)
        if not text.strip():
            raise BadRecord("is empty; a page must hold something to read")
        page = _READERS[ending](text)
        found = list(documents_of(page, id, self.section_characters))
        if not found or not any(each.whole for each in found):
            raise BadRecord(
                f"holds no text beside {page.removed} menus and the like"
                if page.removed
                else "holds marks but no text to read"
            )
        longest = max(len(each.text) for each in found)
        if longest > self.max_text_characters:
            raise BadRecord(
                f"has {longest} characters; at most {self.max_text_characters} are allowed "
                "(intake.max_text_characters); intake.section_characters cuts long pages"
            )
        return page, found


def take_pages(
    store: Store,
    corpus: Corpus,
    rules: PageRules,
    read: Callable[[int], None],
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
    """
    before = store.files_read("document")
    report, tally = IntakeReport(), _Tally()
    pages = iter(corpus.pages)
    while some := list(islice(pages, _FILES_PER_TRANSACTION)):
        with store.together():
            for page in some:
                report += _take_page(store, page, rules, before.get(page.label), tally)
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
    store: Store, page: PageFile, rules: PageRules, before: FileProgress | None, tally: _Tally
) -> IntakeReport:
    found: list[Document] = []
    reason, stamp = "", ""
    try:
        stamp = f"{stamp_of(page.path.stat())} {page.id} {rules.section_characters}"
        if before is not None and before.stamp == stamp:
            return IntakeReport(unchanged=1)
        read, found = rules.read(_bytes(page.path), page.id)
        tally.cleaned += bool(read.removed)
        tally.removed += read.removed
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}; it must be a readable file"
    except BadRecord as bad:
        reason = str(bad)
    faults = [Fault(page.label, 0, reason)] if reason else []
    with store.arriving("document", "recent", page.label) as arrivals:
        arrivals.alone = True
        added = arrivals.add([Record(each) for each in found], faults)
        if stamp or not faults:
            tally.withdrawn += arrivals.withdraw_unseen()
        arrivals.progress = FileProgress(page.label, stamp)
    tally.cut += len(found) > 1
    tally.sections += len(found) if len(found) > 1 else 0
    tally.quarantined += bool(added.quarantined)
    tally.seen += 1
    tally.first_fault = tally.first_fault or arrivals.first_fault
    return IntakeReport(1, 0, added.stored, added.known, added.quarantined)


def _withdraw(store: Store, file: str, tally: _Tally) -> None:
    with store.arriving("document", "recent", file) as arrivals:
        if arrivals.withdraw_unseen():
            tally.gone += 1
            tally.first_gone = tally.first_gone or file
        arrivals.progress = FileProgress(file)


def _bytes(path: Path) -> bytes:
    with open(path, "rb") as stream:
        raw = stream.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise BadRecord(f"has more than {_MOST_BYTES} bytes; a page must be shorter")
    return raw


def _decoded(raw: bytes, is_html: bool) -> str:
    """Return the text of a file: by its byte order mark, its declaration, or else in UTF-8."""
    encoding = "utf-8"
    for mark, name in _MARKS:
        if raw.startswith(mark):
            raw, encoding = raw.removeprefix(mark), name
            break
    else:
        if b"\0" in raw:
            raise BadRecord("holds NUL bytes; a page must be text, this is binary data")
        declared = _DECLARED.search(raw[:4096]) if is_html else None
        encoding = _known(declared[1].decode()) if declared else encoding
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        spoiled = shortened(bytes(raw[max(0, error.start - 10) : error.end + 10]))
        raise BadRecord(
            f"holds bytes that are not {encoding.upper()} ({spoiled}); save it as UTF-8"
        ) from None
    if "\0" in text:
        raise BadRecord("holds NUL characters; a page must be text, this is binary data")
    return text


def _known(encoding: str) -> str:
    """Return the encoding that a page declares, as far as it is one of texts."""
    try:
        found = codecs.lookup(encoding)
        "".encode(found.name)
    except (LookupError, UnicodeError):
        return "utf-8"
    # As browsers do: who declares Latin 1 means that of Windows, and a declaration that can be
    # read byte by byte is not in UTF-16.
    names = {"iso8859-1": "cp1252", "utf-16": "utf-8", "utf-32": "utf-8"}
    return names.get(found.name, found.name)
