"""What folders and files of somebody's data hold: for each part the key that should name it."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.intake.corpus_files import PAGES
from pipeline.intake.guess import Guess, guess_file, hint, words_of
from pipeline.intake.sources import ENDINGS
from pipeline.intake.tables import is_saved
from training.faults import DataFault

_DATA = (*ENDINGS, ".json")
_LOOKED_AT = 20
"""Files of one folder and ending that are opened; of more, these are spread over all."""
_FEWEST_PAGES = 3
_ABOUT = re.compile(r"(readme|license|licence|changelog|notice|contributing|todo)\b", re.IGNORECASE)
_A_LIST = (
    "a list of texts",
    "each line seems to be a text of its own; traffic is read from JSONL, CSV or Parquet: write "
    '{"text": …} per line, then set data.traffic',
)
_SKIPPED = ("node_modules", "__pycache__")


@dataclass(frozen=True)
class Found:
    """One file, pattern or folder that was looked at.

    Attributes
    ----------
    path
        Where it is, as a pattern of the settings.
    key
        The key that names it, such as `log`, or `anchors`; empty: it is left out.
    files
        How many files it is now.
    what, why
        What it holds, and what tells so; or why it is left out, and what to do.
    """

    path: str
    key: str
    files: int
    what: str
    why: str


def find_data(places: Sequence[Path]) -> list[Found]:
    """Guess what folders and files hold; nothing is copied, changed or stored.

    Raises
    ------
    DataFault
        A place does not exist.
    """
    looks: list[_Look] = []
    for place in places:
        if not place.exists():
            raise DataFault(f"{place} does not exist; --from needs a folder or a file")
        whole = Path(os.path.abspath(place))
        look = _Look(whole if whole.is_dir() else whole.parent)
        if whole.is_dir() and not is_saved(whole):
            look.folder(whole)
        else:
            look.file(whole)
        looks.append(look)
    found = [each for look in looks for each in look.found]
    opened = [each for look in looks for each in look.opened()]
    named = frozenset(name for each in opened if each.guess.key == "log" for name in each.guess.ids)
    opened = [
        each if each.guess.key == "log" else replace(each, guess=each.again(named))
        for each in opened
    ]
    found += _patterns(_settled(opened))
    return sorted(dict.fromkeys(found), key=lambda each: (not each.key, each.path))


@dataclass(frozen=True)
class _Opened:
    """A file that was opened, and the number of files that it stands for."""

    path: Path
    root: Path
    guess: Guess
    of: int = 1

    def again(self, named: frozenset[str]) -> Guess:
        return guess_file(self.path, self.root, named) if named else self.guess


class _Look:
    """One place that was given."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.found: list[Found] = []
        self._data: list[tuple[Path, int]] = []

    def opened(self) -> Iterator[_Opened]:
        for path, of in self._data:
            yield _Opened(path, self.root, guess_file(path, self.root), of)

    def file(self, path: Path) -> None:
        """Look at one file that a person named."""
        if path.suffix.lower() in PAGES:
            self._page(path)
        elif path.suffix.lower() in _DATA or is_saved(path):
            self._data.append((path, 1))
        else:
            self._leave(path, 1, f"{path.suffix or 'no ending'}", _not_read(path.suffix))

    def folder(self, folder: Path) -> None:
        """Look at a folder and all below it."""
        held = _held(folder)
        if (folder / "modules.json").is_file():
            self._add(folder, "base", len(held.files), "a model", "it has a modules.json")
        elif anchor := _anchor(folder):
            if hint(words_of(folder, self.root), "history", "new") == "new":
                why = (
                    "its name says that it is new, and an anchor set is an old task: name it as "
                    "[anchors.NAME] if it must not get worse"
                )
                anchor = replace(anchor, key="", why=why)
            self.found.append(anchor)
        elif is_saved(folder):
            self._data.append((folder, 1))
        elif _only_pages(folder):
            pages = sum(path.suffix.lower() in PAGES for path in _walk(folder))
            self._add(folder, "corpus", pages, "pages of text", "it holds pages and no data")
        else:
            self._files(folder, held.files)
            for each in held.folders:
                self.folder(each)

    def _files(self, folder: Path, files: Sequence[Path]) -> None:
        by_ending: dict[str, list[Path]] = defaultdict(list)
        for path in files:
            by_ending[path.suffix.lower()].append(path)
        for ending, paths in sorted(by_ending.items()):
            if ending in _DATA:
                step = -(-len(paths) // _LOOKED_AT)
                self._data += [(path, len(paths)) for path in paths[::step]]
            elif ending in PAGES:
                self._pages(folder, ending, paths)
            elif ending != ".toml":
                example = paths[0] if len(paths) == 1 else folder / f"*{ending}"
                self._leave(example, len(paths), ending or "no ending", _not_read(ending))

    def _pages(self, folder: Path, ending: str, paths: Sequence[Path]) -> None:
        lists = [path for path in paths if _is_list(path)]
        for path in lists:
            self._leave(path, 1, *_A_LIST)
        paths = [path for path in paths if path not in lists]
        about = [path for path in paths if _ABOUT.match(path.stem)]
        pages = [path for path in paths if path not in about]
        if len(pages) >= _FEWEST_PAGES and not (about or lists):
            why = f"{len(pages)} of them lie beside each other"
            self._add(folder / f"*{ending}", "corpus", len(pages), "pages of text", why)
            return
        for path in paths:
            why = "it may be a note beside the data: name it in data.corpus if it is a document"
            if len(pages) >= _FEWEST_PAGES and path in pages:
                self._add(path, "corpus", 1, "a page of text", "it lies among others")
            else:
                self._leave(path, 1, "a page of text", why)

    def _page(self, path: Path) -> None:
        if _is_list(path):
            self._leave(path, 1, *_A_LIST)
        else:
            self._add(path, "corpus", 1, "a page of text", "of its ending")

    def _add(self, path: Path, key: str, files: int, what: str, why: str) -> None:
        self.found.append(Found(str(path), key, files, what, why))

    def _leave(self, path: Path, files: int, what: str, why: str) -> None:
        self._add(path, "", files, what, why)


@dataclass(frozen=True)
class _Held:
    files: list[Path]
    folders: list[Path]


def _held(folder: Path) -> _Held:
    try:
        each = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as fault:
        raise DataFault(f"{folder}: cannot be read: {fault.strerror}") from None
    folders = [path for path in each if path.is_dir() and not path.is_symlink()]
    return _Held(
        [path for path in each if path.is_file()],
        [path for path in folders if path.name not in _SKIPPED],
    )


def _anchor(folder: Path) -> Found | None:
    """Return an evaluation set in BEIR layout; None if the folder is none."""
    if not all((folder / name).is_file() for name in ("corpus.jsonl", "queries.jsonl")):
        return None
    if any((folder / name).is_file() for name in ("qrels.tsv", "qrels/test.tsv")):
        why = "it has corpus.jsonl, queries.jsonl and qrels"
        return Found(str(folder), "anchors", 1, "an evaluation set", why)
    return None


def _walk(folder: Path) -> Iterator[Path]:
    held = _held(folder)
    yield from held.files
    for each in held.folders:
        yield from _walk(each)


def _only_pages(folder: Path) -> bool:
    """Return whether a folder holds pages, and neither data nor lists of texts among them."""
    endings: Counter[str] = Counter()
    for path in _walk(folder):
        ending = path.suffix.lower()
        if ending in _DATA or _is_list(path):
            return False
        endings[ending] += 1
    return any(endings[ending] for ending in PAGES)


def _is_list(path: Path) -> bool:
    """Return whether a text file looks like one short text per line, rather than a page."""
    if path.suffix.lower() not in (".txt", ".text"):
        return False
    try:
        with open(path, "rb") as stream:
            lines = stream.read(20_000).split(b"\n")[:-1]
    except OSError:
        return False
    return (
        len(lines) >= 5
        and all(line.strip() for line in lines)
        and all(len(line.split()) <= 20 and not line.endswith((b".", b":")) for line in lines)
    )


def _settled(opened: Sequence[_Opened]) -> Iterator[_Opened]:
    """Yield the files with the key of pairs settled: "pairs" in a name counts beside a history."""
    some_history = any(
        each.guess.key == "history" and hint(words_of(each.path, each.root), "history")
        for each in opened
    )
    for each in opened:
        guess, words = each.guess, words_of(each.path, each.root)
        if guess.key == "history" and not hint(words, "history"):
            if some_history and any("pairs" in part for part in words):
                why = f"{guess.why}, and others are named as history"
                guess = replace(guess, key="pairs", why=why)
            else:
                why = f"{guess.why}; if the model does not serve this yet, move it to data.pairs"
                guess = replace(guess, why=why)
        yield replace(each, guess=guess)


def _patterns(opened: Iterator[_Opened]) -> Iterator[Found]:
    """Yield files of one kind, folder and ending as a pattern, which later files match too."""
    groups: dict[tuple[Path, str], list[_Opened]] = defaultdict(list)
    for each in opened:
        groups[each.path.parent, each.path.suffix].append(each)
    for (folder, ending), group in groups.items():
        first = group[0]
        keys = {each.guess.key for each in group}
        literal = any(mark in str(folder) for mark in "*?")
        if len(group) > 1 and len(keys) == 1 and first.guess.key and not literal:
            what = "; ".join(dict.fromkeys(each.guess.what for each in group))
            why = first.guess.why
            if first.of > len(group):
                why += f" ({len(group)} of {first.of} files were opened)"
            yield Found(str(folder / f"*{ending}"), first.guess.key, first.of, what, why)
            continue
        for each in group:
            yield Found(str(each.path), each.guess.key, 1, each.guess.what, each.guess.why)
        if first.of > len(group):
            rest = first.of - len(group)
            why = "files of this folder are of several kinds, so these were not guessed"
            yield Found(str(folder / f"*{ending}"), "", rest, "files not opened", why)


def _not_read(ending: str) -> str:
    return (
        f"files that end in {ending or 'nothing'!r} are not read; data is read from "
        f"{', '.join(ENDINGS)}, documents also from {', '.join(PAGES)}"
    )
