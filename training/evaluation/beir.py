"""Judged collections as BEIR and MTEB publish them: documents, queries, and what answers them."""

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from training.faults import DataFault

SPLITS = ("test", "dev", "validation", "train")
"""Splits of the judgements, the one to measure on first."""

Placed = tuple[str, Mapping[str, Any]]
"""A row, and where it is, for messages."""

_QUERY = ("query-id", "query_id", "qid")
_DOCUMENT = ("corpus-id", "corpus_id", "doc-id", "doc_id", "docid")
_GRADE = ("score", "relevance", "grade")
_JUDGEMENTS = ".tsv", ".jsonl", ".parquet"


@dataclass(frozen=True)
class Collection:
    """A collection with the queries that have an answer in it.

    Attributes
    ----------
    queries, corpus
        Id -> text; of a document the title, a space, and the text.
    relevant
        Id of a query -> ids of the documents that answer it -> grade, above zero.
    slices
        Value of the queries' column `slice` -> their ids.
    notes
        Sentences on what was left out.
    """

    queries: dict[str, str]
    corpus: dict[str, str]
    relevant: dict[str, dict[str, int]]
    slices: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


def collection(
    name: str, documents: Iterable[Placed], queries: Iterable[Placed], judgements: Iterable[Placed]
) -> Collection:
    """Return the collection that rows describe, read as BEIR and MTEB read them.

    Left out, counted and noted are documents and queries without text, queries that no document of
    the corpus answers in these judgements (published files hold the queries of all splits), and
    judgements of unknown documents or queries.

    Parameters
    ----------
    name
        What the rows are of, for messages.
    documents, queries
        Rows with `_id` (or `id`) and `text`, and perhaps `title` (documents) or `slice` (queries).
    judgements
        Rows with `query-id`, `corpus-id` and perhaps `score`; above 0 is relevant.

    Raises
    ------
    DataFault
        A row is malformed, an id is repeated, or no query is left.

    Examples
    --------
    >>> found = collection(
    ...     "cards",
    ...     [("1", {"_id": 1, "title": "Cards", "text": "are blocked in the app"})],
    ...     [("1", {"_id": "a", "text": "lost card"}), ("2", {"_id": "b", "text": "train"})],
    ...     [("1", {"query-id": "a", "corpus-id": 1, "score": 1})],
    ... )
    >>> found.corpus, found.relevant, found.notes
    ({'1': 'Cards are blocked in the app'}, {'a': {'1': 1}},
     ('1 of 2 queries are left out: nothing answers them here',))
    """
    left_out: Counter[str] = Counter()
    corpus = {key: text for key, text, _ in _texts(documents, f"{name}: the corpus", left_out)}
    asked = {key: (text, row) for key, text, row in _texts(queries, f"{name}: queries", left_out)}
    relevant: dict[str, dict[str, int]] = defaultdict(dict)
    for query, document, grade in _judged(judgements):
        if document not in corpus:
            left_out["judgements of documents that are not in the corpus"] += 1
        elif query not in asked:
            left_out["judgements of queries that are not there"] += 1
        elif grade > 0:
            relevant[query][document] = grade
    answered = [query for query in asked if query in relevant]
    notes = [f"{count} {what} are left out" for what, count in left_out.items()]
    if unanswered := len(asked) - len(answered):
        which = f"{unanswered} of {len(asked)} queries"
        notes.insert(0, f"{which} are left out: nothing answers them here")
    if not answered:
        raise DataFault(
            f"{name}: no query has a relevant document in the corpus; one is needed "
            f"({'; '.join(notes)})"
        )
    slices: dict[str, list[str]] = defaultdict(list)
    for query in answered:
        if named := asked[query][1].get("slice"):
            slices[str(named)].append(query)
    return Collection(
        {query: asked[query][0] for query in answered},
        corpus,
        {query: relevant[query] for query in answered},
        {key: tuple(value) for key, value in slices.items()},
        tuple(notes),
    )


def read_folder(folder: Path) -> Collection:
    """Read a folder in BEIR layout: corpus, queries, and qrels or qrels/test.

    Corpus and queries are JSON Lines, gzipped or not, or Parquet (one file, or parts in a folder);
    judgements are also tables divided by tabs, or TREC's four columns.

    Raises
    ------
    DataFault
        A file is missing or malformed, or no query is left; the message names the file and line.
    """
    judgements, split = _judgements(folder)
    read = collection(
        ", ".join(map(str, judgements)),
        _rows(folder, "corpus"),
        read_queries(folder),
        (row for file in judgements for row in _rows_of_judgements(file)),
    )
    if split in ("", "test"):
        return read
    note = f"there is no split test: the judgements of {split} are used"
    return Collection(read.queries, read.corpus, read.relevant, read.slices, (*read.notes, note))


def count_judged(folder: Path) -> int:
    """Return how many queries of a folder in BEIR layout have a relevant document.

    Only the judgements are read, so that a large corpus costs nothing; `read_folder` may leave some
    of these queries out.

    Raises
    ------
    DataFault
        The judgements are missing or malformed, or none says that a document is relevant.
    """
    judgements, _ = _judgements(folder)
    rows = (row for file in judgements for row in _rows_of_judgements(file))
    queries = {query for query, _, grade in _judged(rows) if grade > 0}
    if not queries:
        raise DataFault(f"{judgements[0]}: no query has a relevant document; one is needed")
    return len(queries)


def _judgements(folder: Path) -> tuple[list[Path], str]:
    """Return the files of judgements, and the split that they are of; "" where there are none."""
    if not folder.is_dir():
        raise DataFault(f"{folder} is missing; a set is a folder with corpus, queries and qrels")
    if found := _part(folder / "qrels", _JUDGEMENTS):
        return found, ""
    split = next((each for each in SPLITS if _part(folder / "qrels" / each, _JUDGEMENTS)), "test")
    judgements = _part(folder / "qrels" / split, _JUDGEMENTS)
    if not judgements:
        raise DataFault(f"{folder} holds neither qrels.tsv nor qrels/test.tsv; one is needed")
    return judgements, split


def read_queries(folder: Path) -> Iterator[Placed]:
    """Yield the rows of the queries of a folder; raises DataFault like `read_folder`."""
    return _rows(folder, "queries")


def read_documents(file: Path) -> dict[str, str]:
    """Return id -> title and text of the documents in one file: JSON Lines, gzipped or Parquet.

    Raises
    ------
    DataFault
        The file is missing or malformed, or an id is repeated; the message names file and line.
    """
    if not file.is_file():
        raise DataFault(f"{file} is missing; it must hold documents with _id and text")
    return {key: text for key, text, _ in _texts(_rows_of(file), f"{file}: corpus", Counter())}


def is_beir(folder: Path) -> bool:
    """Return whether a folder holds a corpus as files."""
    return bool(_part(folder / "corpus", (".jsonl", ".jsonl.gz", ".parquet")))


def _texts(
    rows: Iterable[Placed], what: str, left_out: Counter[str]
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (id, title and text, row) of each row that holds text."""
    seen: set[str] = set()
    for place, row in rows:
        key, title = row.get("_id", row.get("id")), row.get("title") or ""
        text = row.get("text", "" if title else None)
        if not isinstance(key, str | int) or isinstance(key, bool) or key == "":
            raise DataFault(f"{place}: `_id` is {key!r}; it must be a text or a whole number")
        if text is None and "text" in row:
            text = ""
        if not isinstance(text, str) or not isinstance(title, str):
            raise DataFault(f"{place}: `text` is {text!r}; it must hold text")
        if (name := str(key)) in seen:
            raise DataFault(f"{place}: duplicate id {name!r}")
        seen.add(name)
        if whole := f"{title} {text}".strip():
            yield name, whole, row
        else:
            left_out[f"{what.rpartition(' ')[2].replace('corpus', 'documents')} without text"] += 1
    if not seen:
        raise DataFault(f"{what} is empty; at least one record is needed")


def _judged(rows: Iterable[Placed]) -> Iterator[tuple[str, str, int]]:
    """Yield (query, document, grade); a row may name several documents."""
    for place, row in rows:
        query, documents = (
            next((row[name] for name in names if row.get(name) is not None), None)
            for names in (_QUERY, _DOCUMENT)
        )
        if query is None or documents is None:
            missing = _QUERY[0] if query is None else _DOCUMENT[0]
            raise DataFault(
                f"{place}: the column {missing!r} is missing; corpus and queries need _id and "
                "text, qrels query-id and corpus-id"
            )
        grade = next((row[name] for name in _GRADE if row.get(name) is not None), 1)
        try:
            value = float(grade)
            if value != int(value):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            raise DataFault(f"{place}: the grade is {grade!r}; it must be a whole number") from None
        for document in documents if isinstance(documents, list) else [documents]:
            yield str(query), str(document), int(value)


def _part(path: Path, endings: Sequence[str]) -> list[Path]:
    """Return the file of a part with any of the endings, or the Parquet files of its folder."""
    for ending in endings:
        if (file := path.with_name(path.name + ending)).is_file():
            return [file]
    return sorted(path.glob("*.parquet")) if path.name in ("corpus", "queries") else []


def _rows(folder: Path, part: str) -> Iterator[Placed]:
    """Yield the rows of the corpus or the queries."""
    files = _part(folder / part, (".jsonl", ".jsonl.gz", ".parquet"))
    for file in files or [folder / f"{part}.jsonl"]:
        number = 0
        for number, row in enumerate(_rows_of(file), 1):  # noqa: B007
            yield row
        if not number and len(files) < 2:
            raise DataFault(f"{file} is empty; at least one record is needed")


def _rows_of(file: Path) -> Iterator[Placed]:
    if file.suffix == ".parquet":
        yield from _parquet_rows(file)
        return
    for place, line in _lines(file):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise DataFault(f"{place}: {line[:80]!r} is not JSON") from None
        if not isinstance(row, dict):
            raise DataFault(f"{place}: {line[:80]!r} is not an object with `_id` and `text`")
        yield place, row


def _parquet_rows(file: Path) -> Iterator[Placed]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(file) as opened:
            number = 0
            for batch in opened.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield f"{file}: row {number}", row
    except (OSError, pa.ArrowException) as fault:
        first = str(fault).splitlines()[0]
        raise DataFault(f"{file}: cannot be read as Parquet: {first[:200]}") from None


def _rows_of_judgements(file: Path) -> Iterator[Placed]:
    """Yield judgements as rows, whether a header names the columns or not."""
    if file.suffix != ".tsv":
        yield from _rows_of(file)
        return
    names: Sequence[str] = ()
    for number, (place, line) in enumerate(_lines(file)):
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) == 1 and len(line.split()) == 4:
            cells = line.split()  # TREC divides its columns by any space
        if number == 0 and not cells[-1].lstrip("-").replace(".", "", 1).isdigit():
            if set(cells) & {*_QUERY, *_DOCUMENT}:
                names = cells
            continue
        if names and len(cells) == len(names):
            yield place, dict(zip(names, cells, strict=True))
        elif len(cells) in (3, 4):
            yield place, {_QUERY[0]: cells[0], _DOCUMENT[0]: cells[-2], _GRADE[0]: cells[-1]}
        else:
            raise DataFault(
                f"{place}: {line[:80]!r} has {len(cells)} columns; needed are query, document and "
                "grade, separated by tabs"
            )


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the lines that are not blank, with their places."""
    try:
        with _opened(file) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{file}:{number}", line.rstrip("\r\n")
    except FileNotFoundError:
        raise DataFault(
            f"{file} is missing; a set holds corpus.jsonl, queries.jsonl and qrels.tsv"
        ) from None
    except UnicodeDecodeError as fault:
        raise DataFault(
            f"{file} is not valid UTF-8: {fault.reason} at byte {fault.start}"
        ) from None
    except (OSError, EOFError) as fault:
        raise DataFault(f"{file}: cannot be read: {fault}") from None


def _opened(file: Path) -> IO[str]:
    if file.suffix == ".gz":
        return gzip.open(file, "rt", encoding="utf-8-sig")
    return file.open(encoding="utf-8-sig")
