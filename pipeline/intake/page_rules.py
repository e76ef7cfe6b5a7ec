"""How a file becomes a page: its encoding, its format, and what it shares with other pages."""

import codecs
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.intake.bad_record import BadRecord, shortened
from pipeline.intake.corpus_files import PageFile
from pipeline.intake.pages import Page, documents_of
from pipeline.intake.redacted import AS_THEY_ARE, Redacted
from training.unlabelled import Document

_HTML = (".html", ".htm", ".xhtml")
_MARKDOWN = (".md", ".markdown")
_MOST_BYTES = 20_000_000
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
_COMPARED, _FEWEST_COMPARED = 200, 10
"""HTML pages of a folder that are compared, and how many there must be."""


@dataclass(frozen=True)
class PageRules:
    r"""How pages are read.

    Parameters
    ----------
    section_characters
        Longest document of a page, in characters; 0: pages are not cut.
    max_text_characters
        Longest text that is stored.
    redacted
        What is taken out of pages; sections are named by their headings, so it goes first.

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
    redacted: Redacted = AS_THEY_ARE

    def read(
        self, raw: bytes, id: str, repeated: Collection[str] = ()
    ) -> tuple[Page, list[Document]]:
        """Return a page without what repeats on others, and its documents.

        Raises
        ------
        BadRecord
            There is nothing to read.
        """
        ending = Path(id).suffix.lower()
        given = without_repeated(self.page(raw, ending), repeated)
        page = self.redacted.page(given)
        found = list(documents_of(page, id, self.section_characters))
        if page != given:
            before = {each.whole for each in documents_of(given, id, self.section_characters)}
            touched = frozenset(each.id for each in found if each.whole not in before)
            page = replace(page, redacted=touched)
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

    def page(self, raw: bytes, ending: str) -> Page:
        """Return a page as it is; raises BadRecord if it is no text, or none at all."""
        text = _decoded(raw, ending in _HTML)
        if not text.strip():
            raise BadRecord("is empty; a page must hold something to read")
        return _page_of(text, ending)


def _page_of(text: str, ending: str) -> Page:
    # Whoever only reads settings or pairs must not load the parsers of pages.
    if ending in _HTML:
        from pipeline.intake.html_pages import html_page

        return html_page(text)
    from pipeline.intake.markdown_pages import markdown_page, plain_page

    return markdown_page(text) if ending in _MARKDOWN else plain_page(text)


@dataclass
class Repeated:
    """Paragraphs that most HTML pages of a folder repeat, such as notes on copyright.

    Parameters
    ----------
    pages
        All pages; of each folder some hundred are compared.
    rules
        How they are read.
    """

    pages: Sequence[PageFile]
    rules: PageRules
    _found: dict[str, frozenset[str]] = field(default_factory=dict)

    def beside(self, page: PageFile) -> frozenset[str]:
        """Return what the pages beside this one repeat; nothing for pages that are no HTML."""
        if page.path.suffix.lower() not in _HTML:
            return frozenset()
        folder = page.folder
        if folder not in self._found:
            beside = [
                each
                for each in self.pages
                if each.folder == folder and each.path.suffix.lower() in _HTML
            ]
            self._found[folder] = self._repeated(beside[:: max(1, len(beside) // _COMPARED)])
        return self._found[folder]

    def _repeated(self, pages: Sequence[PageFile]) -> frozenset[str]:
        if len(pages) < _FEWEST_COMPARED:
            return frozenset()
        counted: Counter[str] = Counter()
        for page in pages:
            try:
                read = self.rules.page(page_bytes(page.path), page.path.suffix.lower())
            except (OSError, BadRecord):
                continue
            counted.update({block.text for block in read.blocks if not block.level})
        return frozenset(text for text, number in counted.items() if number > len(pages) / 2)


def without_repeated(page: Page, repeated: Collection[str]) -> Page:
    """Return a page without the paragraphs at its edges that the pages beside it repeat.

    Examples
    --------
    >>> from pipeline.intake.pages import Block
    >>> page = Page([Block("Bank"), Block("Off"), Block("Call us."), Block("Off"), Block("(c)")])
    >>> found = without_repeated(page, {"Bank", "Off", "(c)"})
    >>> [block.text for block in found.blocks], found.removed
    (['Call us.'], 4)
    >>> found = without_repeated(Page([Block("Call us."), Block("Off"), Block("Now.")]), {"Off"})
    >>> len(found.blocks)
    3
    """
    kept = list(page.blocks)
    while kept and not kept[0].level and kept[0].text in repeated:
        del kept[0]
    while kept and not kept[-1].level and kept[-1].text in repeated:
        del kept[-1]
    return replace(page, blocks=kept, removed=page.removed + len(page.blocks) - len(kept))


def page_bytes(path: Path) -> bytes:
    """Return the bytes of a page; raises BadRecord if there are too many to be one."""
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
