"""What the corpus of the settings names: tables of documents, and pages in folders."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.intake.sources import ENDINGS, Match, Source, label_of, matches
from pipeline.intake.tables import is_saved
from training.faults import DataFault

PAGES = (".md", ".markdown", ".txt", ".text", ".html", ".htm", ".xhtml")
"""Endings of files that are pages of text."""
_NO_ENDING = "without ending"


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of a folder: one page.

    Attributes
    ----------
    label
        Its name in the store.
    path
        Where it is.
    id
        Id of its document: its path from the folder that the settings name.
    """

    label: str
    path: Path
    id: str

    @property
    def folder(self) -> str:
        """Name of the folder that the settings name."""
        return self.label.removesuffix(self.id)


@dataclass(frozen=True)
class Corpus:
    """What the patterns of the corpus name.

    Attributes
    ----------
    sources
        Tables and data sets.
    pages
        Files of pages, by name.
    unread
        Folder -> endings of its files that are not read, with their numbers.
    """

    sources: list[Source]
    pages: list[PageFile]
    unread: "dict[str, Counter[str]]"

    @property
    def remarks(self) -> tuple[str, ...]:
        """One sentence per folder with files that are not read."""
        return tuple(
            f"{folder}: {endings.total()} files are not read ({_told(endings)}); documents are "
            f"{', '.join((*ENDINGS, *PAGES))}, and tables must be named by a pattern"
            for folder, endings in self.unread.items()
        )


def find_corpus(patterns: Sequence[str], root: Path) -> Corpus:
    """Return what the patterns name, each file once.

    A folder with a `corpus.jsonl` is an evaluation set, of which this file is read; of any other
    folder, its pages of text, those of folders within it included.

    Raises
    ------
    DataFault
        A path does not exist, or is no file of documents; or a folder holds none.
    """
    sources: dict[str, Source] = {}
    pages: dict[str, PageFile] = {}
    unread: dict[str, Counter[str]] = {}
    for match in matches(patterns, root):
        path, label = match.path, match.label
        if path is None:
            sources.setdefault(label, Source(label, None, root=root))
        elif path.is_dir() and not is_saved(path):
            benchmark = path / "corpus.jsonl"
            if benchmark.is_file():
                name = label_of(benchmark, root)
                sources.setdefault(name, Source.of(benchmark, name, root))
                continue
            found, others = _pages_of(path, root, path if match.is_literal else match.base)
            if not found and match.is_literal:
                raise _no_pages(label, others)
            for page in found:
                pages.setdefault(page.label, page)
            if others:
                unread[label] = others
        elif path.suffix.lower() in PAGES and path.is_file():
            pages.setdefault(label, PageFile(label, path, _id(path, match.base)))
        elif match.is_literal or is_saved(path) or path.suffix.lower() in ENDINGS:
            sources.setdefault(label, _table(match, root))
        else:
            folder = label_of(path.parent, root)
            unread.setdefault(folder, Counter())[path.suffix.lower() or _NO_ENDING] += 1
    return Corpus(list(sources.values()), list(pages.values()), unread)


def _table(match: Match, root: Path) -> Source:
    path = match.path or Path()
    if path.is_file() and path.suffix.lower() not in ENDINGS:
        raise DataFault(
            f"{match.label}: ends in {path.suffix or 'nothing'!r}; a file of documents must be one "
            f"of {', '.join((*ENDINGS, *PAGES))}"
        )
    return Source.of(path, match.label, root)


def _no_pages(label: str, others: "Counter[str]") -> DataFault:
    table = next((ending for ending in ENDINGS if others[ending]), "")
    way = f"name its files, such as {label}/*{table}" if table else f"it must hold {PAGES[0]} files"
    return DataFault(
        f"{label}: is a folder without pages of text ({', '.join(PAGES)}) and without "
        f"corpus.jsonl; it holds {_told(others) or 'nothing'}; {way}"
    )


def _told(endings: "Counter[str]") -> str:
    return ", ".join(f"{number} {ending}" for ending, number in endings.most_common(5))


def _pages_of(folder: Path, root: Path, base: Path) -> tuple[list[PageFile], "Counter[str]"]:
    """Return the pages below a folder by name, and the endings of all other files.

    Names that begin with a point are left out, as are linked folders, which may lead in a circle.
    """
    found: list[PageFile] = []
    others: Counter[str] = Counter()
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if name.startswith("."):
                continue
            if path.suffix.lower() in PAGES:
                found.append(PageFile(label_of(path, root), path, _id(path, base)))
            else:
                others[path.suffix.lower() or _NO_ENDING] += 1
    return found, others


def _id(path: Path, base: Path) -> str:
    return Path(os.path.relpath(path, base)).as_posix()
