"""Files beside those that are read, which a person may believe to be read."""

import glob
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.intake.sources import ENDINGS, label_of, matches


def unread_files(patterns: Mapping[str, Sequence[str]], root: Path) -> Iterator[str]:
    r"""Yield a sentence per key whose folder holds files of data that no key names.

    Parameters
    ----------
    patterns
        Keys of `[data]`, and the patterns of each.
    root
        Folder to which relative patterns are relative.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> root = Path(folder.name)
    >>> _ = (root / "faq.csv").write_text("query,positive\n")
    >>> list(unread_files({"pairs": ["*.jsonl"]}, root))
    ['faq.csv is not read: data.pairs names only *.jsonl']
    >>> folder.cleanup()
    """
    named = {each.label for key in patterns for each in matches(patterns[key], root)}
    for key, own in patterns.items():
        wild = [each for each in own if glob.has_magic(each) and not (root / each).exists()]
        if key == "corpus" or not wild:
            continue
        found: list[str] = []
        for folder in dict.fromkeys((root / each).parent for each in wild):
            # A folder whose own name holds a wildcard stands for many, and nobody looks there.
            if not folder.is_dir() or label_of(folder, root) in named:
                continue
            labels = [label_of(each, root) for each in _data_files(folder)]
            found += [each for each in labels if each not in named]
        if found:
            many = f"{len(found)} files are not read, such as {found[0]}"
            told = f"{found[0]} is not read" if len(found) == 1 else many
            yield f"{told}: data.{key} names only {', '.join(own)}"


def _data_files(folder: Path) -> list[Path]:
    """Return the files of a folder that intake could read, in the order of their names."""
    return sorted(
        each
        for each in folder.iterdir()
        if each.suffix.lower() in ENDINGS and not each.name.startswith(".") and each.is_file()
    )


def missing_files(patterns: Mapping[str, Sequence[str]], root: Path) -> Iterator[str]:
    """Yield a sentence per file that a key names and that does not exist.

    Examples
    --------
    >>> list(missing_files({"pairs": ["faq.csv", "more/*.csv"]}, Path("/nowhere")))
    ['data.pairs names faq.csv, which does not exist']
    """
    for key, own in patterns.items():
        for each in matches(own, root):
            # What MLflow holds is no path either.
            if each.is_literal and each.path and ":" not in each.label and not each.path.exists():
                yield f"data.{key} names {each.label}, which does not exist"
