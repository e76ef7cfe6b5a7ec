"""Write the pages of the documentation that follow from the code.

`python docs/generate.py` writes all of them, or those named (`settings`); with `--check` it writes
none and fails where one is not what the code says. A new page is one function in `PAGES`.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

HERE = Path(__file__).parent


def settings_page() -> str:
    """Return the reference of all settings, a table for each table of the file."""
    from pipeline.workspace import Key, reference, toml_value

    def default(key: Key) -> str:
        if key.required:
            return "must be set"
        return "not set" if key.default is None else f"`{toml_value(key.default)}`"

    parts = [
        "# Look up a setting",
        "All tables and keys of `anchorhold.toml`. Only `[model]` and `[data]` must be there. "
        "Ranges are intervals: `[0, 1)` includes 0 and excludes 1. `anchorhold settings` prints "
        "the values of a workspace.",
    ]
    for table in reference():
        rows = [
            (f"`{key.name}`", key.allowed, default(key), key.meaning.replace("``", "`"))
            for key in table.keys
        ]
        parts += [f"## `[{table.name}]`", table.about.replace("``", "`")]
        parts += [_table(("key", "allowed", "default", "meaning"), rows)]
    return "\n\n".join(parts)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )


PAGES: dict[str, Callable[[], str]] = {"settings": settings_page}
"""Name of each page, without its ending, and what makes its text."""


def generated(name: str) -> str:
    """Return the text of a page."""
    return f"<!-- Generated from the code by docs/generate.py. -->\n\n{PAGES[name]().rstrip()}\n"


def stale(names: Iterable[str]) -> list[str]:
    """Return the pages that are not what the code says."""
    pages = {name: HERE / f"{name}.md" for name in names}
    return [
        name
        for name, page in pages.items()
        if not page.exists() or page.read_text(encoding="utf-8") != generated(name)
    ]


def main() -> None:
    """Write or check pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help=f"pages (default: all): {', '.join(PAGES)}")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if one is stale")
    arguments = parser.parse_args()
    names = arguments.pages or list(PAGES)
    if unknown := [name for name in names if name not in PAGES]:
        parser.error(f"there is no page {unknown[0]}; pages: {', '.join(PAGES)}")
    if arguments.check:
        if old := stale(names):
            raise SystemExit(
                f"not what the code says: {', '.join(old)}; run python docs/generate.py"
            )
    else:
        for name in names:
            (HERE / f"{name}.md").write_text(generated(name), encoding="utf-8")


if __name__ == "__main__":
    main()
