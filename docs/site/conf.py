"""How Sphinx builds the documentation site; `make check` treats its warnings as errors.

The pages are plain Markdown that can also be read in the repository. They carry no directives for
the navigation: it follows the links of the section pages. The site asks nothing from outside.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import SphinxError

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = {
    "start": "Start",
    "how-to/index": "How to",
    "concepts": "Concepts",
    "reference": "Reference",
    "measurements/index": "Measurements",
    "background": "Background",
}
"""Section pages of the site, relative to `docs`, in order, with their names in the navigation."""
DECISIONS = "docs/decisions/index"
"""The page that lists all decision records."""

project = html_title = "anchorhold"
author = "the anchorhold authors"
release = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
copyright = f"{author}, Apache-2.0"

root_doc = "docs/index"
extensions = ["myst_parser"]
include_patterns = ["docs/**", "*.md"]
exclude_patterns = ["README.md", ".*", "build", "benchmarks", "tests", "examples"]
myst_heading_anchors = 4  # as GitHub makes them, so that a link leads to the same place
nitpicky = True
show_warning_types = True
# A placeholder such as $1 in a query is no fault of a page.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "pydata_sphinx_theme"
html_static_path = ["static"]
html_extra_path = ["root"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = html_show_sphinx = False
html_sidebars = {"docs/index": [], "docs/concepts": []}
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": len(SECTIONS),
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

_ITEM = re.compile(r"^- \[[^\]]*\]\(([^)#\s]+)\.md\)")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s:]+)\)")
_OUTSIDE = re.compile(
    r"<(?:script|link|img|source|iframe)\b[^>]*?\b(?:src|href)=\"(?:https?:)?//[^\"]+"
)


def prepare_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add the navigation of a page, and show folders of the repository by name only."""
    page = source[0]
    here = (ROOT / docname).parent
    source[0] = _LINK.sub(
        lambda link: f"`{link[1].strip('`')}`" if (here / link[2]).is_dir() else link[0], page
    )
    if docname == root_doc:
        source[0] += _tree([f"{name} <{page}>" for page, name in SECTIONS.items()])
    elif docname == DECISIONS:
        source[0] += "\n\n```{toctree}\n:glob:\n:maxdepth: 1\n\n0*\n```\n"
    elif docname.removeprefix("docs/") in SECTIONS:
        groups: dict[str, list[str]] = {}
        caption = ""
        for line in page.splitlines():
            if line.startswith("## "):
                caption = line.removeprefix("## ")
            elif item := _ITEM.match(line):
                groups.setdefault(caption, []).append(item[1])
        source[0] += "".join(_tree(pages, caption) for caption, pages in groups.items())


def _tree(pages: list[str], caption: str = "") -> str:
    named = f":caption: {caption}\n" if caption else ""
    return "\n\n```{toctree}\n:hidden:\n" + named + "\n" + "\n".join(pages) + "\n```\n"


def refuse_outside(app: Sphinx, failure: Exception | None) -> None:
    """Fail if a page loads anything from another site."""
    for file in () if failure else Path(app.outdir).rglob("*.html"):
        if found := _OUTSIDE.search(file.read_text("utf-8")):
            raise SphinxError(f"{file.name} loads from outside: {found[0]}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the functions of this file."""
    app.connect("source-read", prepare_page)
    app.connect("build-finished", refuse_outside)
    return {"parallel_read_safe": True}
