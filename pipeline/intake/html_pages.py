"""HTML pages as blocks of text: without menus, scripts and what repeats on each page of a site."""

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.intake.pages import Block, Page, titled

_DROPPED = frozenset(
    (
        *("script", "style", "noscript", "template", "svg", "math", "iframe", "object", "embed"),
        *("canvas", "audio", "video", "button", "select", "input", "textarea", "datalist"),
        *("head", "title"),
    )
)
"""Tags whose text nobody reads as text."""
_MENUS = frozenset(("nav", "header", "footer", "aside", "menu", "dialog"))
_ROLES = frozenset(
    (
        *("navigation", "banner", "contentinfo", "search", "complementary"),
        *("menu", "menubar", "dialog", "alertdialog"),
    )
)
_ALWAYS_MENUS = (
    r"bread-?crumbs?|cookies?(?:-?(?:banner|consent|notice|bar))?|consent|gdpr|share|sharing"
    r"|pagination|pager|skip-?(?:link|nav|to-content)?|copyright"
)
_MENU_NAMES = (
    r"nav(?:bar|igation|box)?|menu|sidebar|side-?nav|header|footer|masthead|social|toc"
    r"|table-of-contents|advert\w*|ads|subscribe|newsletter|banner|promo"
    r"|related-?(?:posts|articles|links|pages)"
)
_NAMED_MENUS = re.compile(
    rf"(?:^|[-_\s]|sphinx)(?:{_ALWAYS_MENUS}|{_MENU_NAMES})(?:$|[-_\s])", re.IGNORECASE
)
_NAMED_LINES = re.compile(rf"(?:^|[-_\s])(?:{_ALWAYS_MENUS})(?:$|[-_\s])", re.IGNORECASE)
"""Names of what is a menu also where it is a line or a link; a link named header is a heading."""
_BOXES = frozenset(
    (
        *("div", "section", "ul", "ol", "dl", "p", "span", "table", "td", "tr", "form", "a"),
        *("center", "figure"),
    )
)
"""Tags that are a menu where their class or id says so, or where they hold links alone."""
_LINES = frozenset(("p", "span", "td", "tr", "a"))
_INLINE = frozenset(
    (
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn"),
        *("em", "font", "i", "ins", "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp"),
        *("small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
    )
)
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_CELLS = frozenset(("td", "th", "br", "img"))
_CONTENT = "main, article, [role=main], h1"
_FEWEST_LINKS, _SHARE_OF_LINKS, _LONGEST_LINK = 3, 0.75, 80
_SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")


def html_page(markup: str) -> Page:
    """Return the text of a page: of its main part if it names one, else of its body.

    Left out are scripts, styles, forms' controls and hidden parts; `nav`, `header`, `footer` and
    `aside`, or what a role, class or id calls so; and boxes that hold links and little else.

    Examples
    --------
    >>> page = html_page("<title>Bank</title><nav>Home</nav><h1>Lost <b>c</b>ards</h1><p>Call.")
    >>> page.title, [block.text for block in page.blocks], page.removed
    ('Lost cards', ['Call.'], 1)
    """
    tree = LexborHTMLParser(markup)
    body = tree.body
    if body is None:
        return Page(())
    main = _main(body)
    walk = _Walk()
    walk.read(main or body)
    title, blocks = titled(walk.blocks)
    named = tree.css_first("head > title")
    if named is not None and not any(block.level == 1 for block in walk.blocks):
        title, blocks = " ".join(named.text().split()), walk.blocks
    link = tree.css_first("link[rel=canonical]")
    url = (link.attributes.get("href") or "") if link is not None else ""
    around = main is not None and len(body.text().split()) > len(main.text().split())
    return Page(blocks, title, url, removed=walk.removed + around)


def html_blocks(markup: str) -> list[Block]:
    """Return the blocks of a piece of HTML within another text."""
    return list(html_page(f"<body>{markup}").blocks)


def _main(body: LexborNode) -> LexborNode | None:
    """Return the part that holds the content, if the page names one and it holds half the text."""
    found = body.css("main, [role=main]") or body.css("article")
    if len(found) != 1:
        return None
    return found[0] if 2 * len(found[0].text()) > len(body.text()) or _is_long(found[0]) else None


def _is_long(node: LexborNode) -> bool:
    return len(node.text()) > 500


@dataclass(slots=True)
class _Box:
    """What was seen of an open tag: where its blocks begin, and its text and links up to then."""

    node: LexborNode
    blocks: int
    characters: int
    linked: int
    links: int


class _Walk:
    """The walk through a tree, in the order of the text, without recursion."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.removed = 0
        self._line: list[str] = []
        self._above_menus: set[int] = set()
        self._characters = self._linked = self._links = self._inside_links = 0

    def read(self, root: LexborNode) -> None:
        """Read all below a node."""
        self._walk(root)
        self._end_block()
        self._remove_bare_headings()

    def _walk(self, root: LexborNode) -> None:
        boxes: list[_Box] = []
        node, top = root.child, root.mem_id
        while node is not None:
            if self._enter(node, boxes):
                if node.child is not None:
                    node = node.child
                    continue
                self._leave(node, boxes)
            while node.next is None:
                parent = node.parent
                if parent is None or parent.mem_id == top:
                    return
                node = parent
                self._leave(node, boxes)
            node = node.next

    def _enter(self, node: LexborNode, boxes: list[_Box]) -> bool:
        """Take in a node; return whether what is below it is to be read."""
        if node.is_text_node:
            self._add(node.text_content or "")
            return False
        tag = node.tag or ""
        if not node.is_element_node or tag in _DROPPED or _is_mark(node, tag):
            return False
        if tag not in _HEADINGS and _is_menu(node, tag):
            self._note_removal()
            return False
        if tag in _CELLS:
            self._line.append(" " if tag != "br" else "\n")
        elif tag not in _INLINE:
            self._end_block()
        if tag in _BOXES:
            boxes.append(_Box(node, len(self.blocks), self._characters, self._linked, self._links))
        if tag == "a":
            self._links += 1
            self._inside_links += 1
        return True

    def _leave(self, node: LexborNode, boxes: list[_Box]) -> None:
        """Close a node that was entered."""
        tag = node.tag or ""
        if boxes and boxes[-1].node.mem_id == node.mem_id:
            box = boxes.pop()
            if tag == "a":
                self._inside_links -= 1
            if tag not in _INLINE and tag not in _CELLS:
                self._end_block()
                self._remove_if_links(box)
        elif tag in _HEADINGS:
            self._end_block(int(tag[1]), _anchor(node))
        elif tag not in _INLINE and tag not in _CELLS:
            self._end_block()

    def _add(self, text: str) -> None:
        self._line.append(text)
        size = len(text.strip())
        self._characters += size
        self._linked += size if self._inside_links else 0

    def _end_block(self, level: int = 0, anchor: str = "") -> None:
        whole = "".join(self._line)
        self._line.clear()
        lines = (_SPACES.sub(" ", line).strip() for line in whole.split("\n"))
        text = " ".join(line for line in lines if line)
        if text:
            self.blocks.append(Block(text, level, anchor))

    def _remove_if_links(self, box: _Box) -> None:
        """Take back the blocks of a box that holds short links and little else: it is a menu."""
        links = self._links - box.links
        linked, all_of_it = self._linked - box.linked, self._characters - box.characters
        if (
            links >= _FEWEST_LINKS
            and linked >= _SHARE_OF_LINKS * all_of_it
            and linked <= links * _LONGEST_LINK
        ):
            del self.blocks[box.blocks :]
            self._characters, self._linked, self._links = box.characters, box.linked, box.links
            self._note_removal()

    def _note_removal(self) -> None:
        self.removed += 1
        if self.blocks and self.blocks[-1].level:
            self._above_menus.add(len(self.blocks) - 1)

    def _remove_bare_headings(self) -> None:
        """Remove headings of menus: nothing but another heading follows where the menu was."""
        for place in sorted(self._above_menus, reverse=True):
            if all(block.level for block in self.blocks[place + 1 : place + 2]):
                del self.blocks[place : place + 1]


def _is_menu(node: LexborNode, tag: str) -> bool:
    """Return whether a node is hidden, or is no part of the content by what it calls itself."""
    given = node.attributes
    style = (given.get("style") or "").replace(" ", "").lower()
    if "hidden" in given or given.get("aria-hidden") == "true" or "display:none" in style:
        return True
    if tag in _MENUS or (given.get("role") or "").lower() in _ROLES:
        inside = tag in ("header", "footer") and _is_inside_content(node)
        return not inside and not _holds_content(node)
    if tag not in _BOXES:
        return False
    called = f"{given.get('class') or ''} {given.get('id') or ''}"
    names = _NAMED_LINES if tag in _LINES else _NAMED_MENUS
    return bool(names.search(called)) and not _holds_content(node)


def _is_mark(node: LexborNode, tag: str) -> bool:
    """Return whether a node is the sign beside a heading that links to it."""
    return (
        tag == "a"
        and len(node.text().strip()) < 3
        and (node.attributes.get("href") or "").startswith("#")
    )


def _anchor(heading: LexborNode) -> str:
    """Return the name that links use for a heading; some sites give it to the part it begins."""
    own, parent = heading.attributes.get("id"), heading.parent
    if not own and parent is not None and parent.tag == "section":
        own = parent.attributes.get("id")
    return own or ""


def _holds_content(node: LexborNode) -> bool:
    return node.css_first(_CONTENT) is not None


def _is_inside_content(node: LexborNode) -> bool:
    parent = node.parent
    while parent is not None and parent.tag not in ("main", "article"):
        parent = parent.parent
    return parent is not None
