"""Markdown and plain text as blocks of text."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipeline.intake.bad_record import BadRecord
from pipeline.intake.html_pages import html_blocks
from pipeline.intake.moments import seconds_of
from pipeline.intake.pages import Block, Page, titled

_FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\n(.*?\n)?\1[ \t]*(?:\n|$)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z_]+)\s*:\s*(\S.*)")
_OWN_ANCHOR = re.compile(r"\s*\{#([\w-]+)\}\s*$")
_PARAGRAPHS = re.compile(r"\n\s*\n")
_MARKS = re.compile(r"^:::.*$", re.MULTILINE)
"""Marks of boxes, which several site generators know and Markdown does not."""


def markdown_page(text: str) -> Page:
    r"""Return the text of Markdown without its marks, and what its front matter says.

    Examples
    --------
    >>> page = markdown_page("---\ntitle: Cards\n---\n## Lost\n*Call* [us](u).\n- now")
    >>> page.title, [(block.level, block.text) for block in page.blocks]
    ('Cards', [(2, 'Lost'), (0, 'Call us.'), (0, 'now')])
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    given: Mapping[str, str] = {}
    if found := _FRONT_MATTER.match(text):
        given, text = _fields(found[1], found[2] or ""), text[found.end() :]
    reader = MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])
    blocks = list(_blocks(reader.parse(_MARKS.sub("", text))))
    title = given.get("title", "")
    if not title:
        title, blocks = titled(blocks)
    elif blocks and blocks[0].level and blocks[0].text == title:
        blocks = blocks[1:]
    url = given.get("url") or given.get("permalink") or given.get("canonical_url") or ""
    return Page(blocks, title, url, _moment(given))


def plain_page(text: str) -> Page:
    """Return plain text as its paragraphs; it has no title."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return Page([Block(part.strip()) for part in _PARAGRAPHS.split(lines) if part.strip()])


def _fields(mark: str, front_matter: str) -> dict[str, str]:
    """Return the single values of a front matter: of YAML those that take one line."""
    if mark == "+++":
        try:
            found = tomllib.loads(front_matter)
        except tomllib.TOMLDecodeError:
            return {}
        return {name.lower(): str(value) for name, value in found.items()}
    lines = (_FIELD.match(line) for line in front_matter.split("\n"))
    fields = ((line[1].lower(), line[2].strip()) for line in lines if line)
    return {name: _unquoted(value) for name, value in fields}


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def _moment(given: Mapping[str, str]) -> float | None:
    for name in ("timestamp", "updated", "lastmod", "last_updated", "date"):
        if name in given:
            try:
                return seconds_of(given[name])
            except BadRecord:
                continue
    return None


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    level = 0
    row: list[str] | None = None
    for token in tokens:
        match token.type:
            case "heading_open":
                level = int(token.tag[1])
            case "heading_close":
                level = 0
            case "tr_open":
                row = []
            case "tr_close":
                yield from _block(" ".join(row or ()))
                row = None
            case "inline" if row is not None:
                row.append(_plain(token))
            case "inline":
                yield from _block(_plain(token), level)
            case "fence" | "code_block":
                yield from _block(token.content)
            case "html_block":
                yield from html_blocks(token.content)


def _block(text: str, level: int = 0) -> Iterator[Block]:
    anchor = ""
    if level and (found := _OWN_ANCHOR.search(text)):
        anchor, text = found[1], text[: found.start()]
    if text.strip():
        yield Block(text.strip(), level, anchor)


def _plain(token: Token) -> str:
    """Return the text of a line without its marks."""
    parts = []
    for child in token.children or ():
        if child.type in ("text", "code_inline"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "image":
            parts.append(child.content)
    return "".join(parts)
