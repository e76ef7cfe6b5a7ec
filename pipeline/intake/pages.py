"""A page of text as blocks, whatever it was written in, and as documents of a useful size."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from training.unlabelled import Document

_PARTS_PER_CRUMB = 20
"""A section shorter than this part of the longest one is no document of its own."""
_PLAIN = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, an item or a heading.

    Attributes
    ----------
    text
        The text, without marks.
    level
        1 to 6 of a heading, 0 of all else.
    anchor
        Name that links use for the heading; "" where there is none.
    """

    text: str
    level: int = 0
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What was read of one file.

    Attributes
    ----------
    blocks
        The text without its title, in its order.
    title
        The title; "" where it has none.
    url, timestamp
        Where the page says that it is found, and when it was written.
    removed
        Menus and other parts that repeat on each page, and were left out.
    redacted
        Ids of its documents from which personal data was taken out.
    """

    blocks: Sequence[Block]
    title: str = ""
    url: str = ""
    timestamp: float | None = None
    removed: int = 0
    redacted: frozenset[str] = frozenset()


def titled(blocks: Sequence[Block]) -> tuple[str, list[Block]]:
    """Return the title that the blocks give, and the blocks without it.

    It is the only heading of level 1, or else the heading that everything begins with.

    Examples
    --------
    >>> titled([Block("a note"), Block("Cards", 1), Block("Lost ones", 2)])
    ('Cards', [Block(text='a note', level=0, anchor=''),
               Block(text='Lost ones', level=2, anchor='')])
    >>> titled([Block("a note"), Block("Lost ones", 2)])[0]
    ''
    """
    tops = [number for number, block in enumerate(blocks) if block.level == 1]
    if len(tops) != 1:
        tops = [0] if blocks and blocks[0].level else []
    if not tops:
        return "", list(blocks)
    return blocks[tops[0]].text, [*blocks[: tops[0]], *blocks[tops[0] + 1 :]]


def documents_of(page: Page, id: str, most: int) -> Iterator[Document]:
    r"""Yield the page as one document or, where it is longer, as one document per section.

    The first section keeps the name of the page, the others are named `page#heading`. A section
    that is too long is cut at its own headings, and at its paragraphs where it has none.

    Parameters
    ----------
    page
        The page.
    id
        Id of the whole page.
    most
        Longest document, in characters; 0: pages are not cut.

    Examples
    --------
    >>> page = Page([Block("Call us."), Block("By phone", 2), Block("Dial 7.")], "Lost cards")
    >>> [each.whole for each in documents_of(page, "cards.md", 0)]
    ['Lost cards Call us.\nBy phone\nDial 7.']
    >>> [(each.id, each.whole) for each in documents_of(page, "cards.md", 20)]
    [('cards.md', 'Lost cards Call us.'), ('cards.md#by-phone', 'Lost cards: By phone Dial 7.')]
    """
    names: dict[str, int] = {}
    whole = Section((page.title,) if page.title else (), "", list(page.blocks))
    parts = _without_crumbs(list(_cut(whole, most)), most) if most else [whole]
    for place, part in enumerate(parts):
        name = _unique(part.anchor, names) if place else ""
        text = "\n".join(block.text for block in part.blocks)
        yield Document(
            f"{id}#{name}" if name else id,
            text,
            ": ".join(part.headings),
            page.url,
            timestamp=page.timestamp,
        )


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under their headings, from the title down."""

    headings: tuple[str, ...]
    anchor: str
    blocks: list[Block] = field(default_factory=list)

    @property
    def length(self) -> int:
        """Characters of the text."""
        return sum(len(block.text) + 1 for block in self.blocks)


def _cut(section: Section, most: int) -> Iterator[Section]:
    """Yield the section, or its parts where it is too long; what has no text has no part."""
    if section.length <= most:
        if section.blocks:
            yield section
        return
    levels = [block.level for block in section.blocks if block.level]
    if not levels:
        yield from _at_paragraphs(section, most)
        return
    part = Section(section.headings, section.anchor)
    for block in section.blocks:
        if block.level == min(levels):
            yield from _cut(part, most)
            anchor = block.anchor or _slug(block.text)
            part = Section((*section.headings, block.text), anchor)
        else:
            part.blocks.append(block)
    yield from _cut(part, most)


def _without_crumbs(parts: list[Section], most: int) -> list[Section]:
    """Return the parts, those of a line or two added to the part before."""
    kept: list[Section] = []
    for part in parts:
        before = kept[-1] if kept else None
        if (
            before is not None
            and part.length < most // _PARTS_PER_CRUMB
            and before.length + part.length + len(part.headings[-1:]) < most
        ):
            before.blocks.extend(Block(each, 1) for each in part.headings[-1:])
            before.blocks.extend(part.blocks)
        else:
            kept.append(part)
    return kept


def _at_paragraphs(section: Section, most: int) -> Iterator[Section]:
    """Yield parts of whole paragraphs; a paragraph that is too long is cut between its words."""
    stem = f"{section.anchor}-part" if section.anchor else "part"
    part, number = Section(section.headings, section.anchor), 1
    for block in section.blocks:
        for piece in _pieces(block.text, most):
            if part.blocks and part.length + len(piece) > most:
                yield part
                number += 1
                part = Section(section.headings, f"{stem}-{number}")
            part.blocks.append(Block(piece))
    yield part


def _pieces(text: str, most: int) -> Iterator[str]:
    while len(text) > most:
        place = max(text.rfind(" ", 0, most), text.rfind("\n", 0, most))
        place = place if place > 0 else most
        yield text[:place]
        text = text[place:].lstrip()
    if text:
        yield text


def _slug(heading: str) -> str:
    """Return what a heading is called in links, as code hosts and site generators call it."""
    return _PLAIN.sub("", heading.strip().lower()).replace(" ", "-") or "section"


def _unique(name: str, names: dict[str, int]) -> str:
    """Return the name, numbered where it was used before."""
    found = name
    while found in names:
        names[name] += 1
        found = f"{name}-{names[name]}"
    names[found] = 0
    return found
