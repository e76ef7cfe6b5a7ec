"""What a file of somebody's data holds, guessed from its columns, its texts and its name."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

from pydantic_core import from_json

from pipeline.intake import openinference, ubi
from pipeline.intake.bad_record import BadRecord
from pipeline.intake.columns import REQUIRED, Columns, plan_of
from pipeline.intake.log_values import listed, name_of, plain, unpacked
from pipeline.intake.opening import open_source
from pipeline.intake.sources import Source
from pipeline.store import FileProgress, Kind
from training.faults import DataFault

SAMPLE = 200
"""Records of a file that are looked at."""
_LONGEST_LINE = 1_000_000
_SHORT, _LONG = 15, 30
"""Words of a typical query at most, and of a typical document at least."""
_MOST_MIXED = 0.1
"""Share of the records that may be of another kind."""
_DONE = ("results", "clicked", "feedback")
_PEOPLE = ("session", "user")

Sample = Sequence[Mapping[str, object]]

_HINTS: Mapping[str, str] = {
    "corpus": "corpus docs? documents? articles? passages? pages? kb knowledge manuals? wiki",
    "traffic": "traffic quer(y|ies) questions? requests? unlabell?ed messages? logs?",
    "reference": "reference baseline quiet",
    "history": "history old train training past",
    "new": "new recent arrived incoming latest",
}
"""What a word in the name of a file or its folders hints at -> such words, as patterns."""
_PATTERNS = {name: re.compile("|".join(words.split()).join("()")) for name, words in _HINTS.items()}
Words = Sequence[Sequence[str]]
"""The words in the name of a file, then in those of its folders, the nearest first."""


@dataclass(frozen=True)
class Guess:
    """What a file holds.

    Attributes
    ----------
    key
        The key of `[data]` that it belongs to; empty where that is unclear.
    what
        What it holds, in words, with the columns that are read.
    why
        What tells so; where it is unclear, what is missing and what to do.
    ids
        Ids of documents that a log names; of a corpus, its own.
    """

    key: str
    what: str = ""
    why: str = ""
    ids: frozenset[str] = frozenset()


def guess_file(path: Path, root: Path, named: Collection[str] = ()) -> Guess:
    r"""Guess what a file holds; it is only read.

    Parameters
    ----------
    path
        The file, or the folder of a saved data set.
    root
        The folder that was given: names of the file and of folders below it are hints.
    named
        Ids of documents that logs name.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "served.jsonl"
    >>> _ = path.write_text('{"query": "lost card", "results": [{"id": "d1"}]}\n')
    >>> guess = guess_file(path, path.parent)
    >>> guess.key, guess.what, guess.why
    ('log', 'a served log (query, results)', 'it has queries and results')
    >>> folder.cleanup()
    """
    try:
        sample = sample_of(path)
    except DataFault as fault:
        return Guess("", "not readable", str(fault))
    if not sample:
        return Guess("", "empty", "it holds no record")
    words = words_of(path, root)
    kinds = [_kind(record) for record in sample]
    chief = max(dict.fromkeys(kinds), key=kinds.count)
    if kinds.count(chief) < (1 - _MOST_MIXED) * len(kinds):
        found = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        return Guess("", "mixed", f"its records are of several kinds ({found}): split the file")
    records = [record for record, kind in zip(sample, kinds, strict=True) if kind == chief]
    if chief in _LOGS:
        return _log(chief, records)
    if chief == "labelled pairs":
        return _pairs(records, words)
    if chief == "texts":
        return _texts(records, words, frozenset(named))
    return Guess("", "unknown", _unknown(records))


def sample_of(path: Path) -> Sample:
    """Return the first records of a file as objects; raises DataFault if it cannot be read."""
    source = Source.of(path, str(path), structured=True)
    found: list[Mapping[str, object]] = []
    opening = open_source(
        source,
        Columns("served"),
        FileProgress(source.label),
        max_line_bytes=_LONGEST_LINE,
        complete=True,
    )
    with opening as reader:
        for entry in islice(reader.entries if reader else (), SAMPLE):
            record = _object(entry.content)
            if record is not None:
                inner = record.get("_source")
                if isinstance(inner, Mapping):  # a hit of OpenSearch
                    record = {"_id": record.get("_id"), **inner}
                found.append(record)
    return found


def words_of(path: Path, root: Path) -> Words:
    """Return the words in the name of a file and of its folders up to the one that was given."""
    parts = path.relative_to(root.parent).parts if path.is_relative_to(root) else (path.name,)
    return [re.findall(r"[a-z]+", part.lower()) for part in reversed(parts)]


def hint(words: Words, *names: str) -> str:
    """Return the one of the names that the nearest telling word hints at; empty for none.

    Examples
    --------
    >>> hint([["new", "pairs"], ["old"]], "history", "new"), hint([["a"]], "history", "new")
    ('new', '')
    """
    for part in words:
        found = [name for name in names if any(_PATTERNS[name].fullmatch(word) for word in part)]
        if found == ["reference", "traffic"]:
            return "reference"  # which is traffic of a quiet time
        if found:
            return found[0] if len(found) == 1 else ""
    return ""


_LOGS = {
    "spans of OpenInference": "a served log (OpenInference)",
    "events of User Behavior Insights": "events of a served log (User Behavior Insights)",
    "queries of User Behavior Insights": "a served log (User Behavior Insights)",
    "served queries": "a served log",
    "feedback on served queries": "feedback on a served log",
}


def _object(content: object) -> dict[str, object] | None:
    if isinstance(content, bytes):
        try:
            content = from_json(content)
        except ValueError:
            return {}
    if isinstance(content, BadRecord):
        return {}
    if not isinstance(content, Mapping):
        return {}
    if len(content) == 1 and next(iter(content)) in ("index", "create"):
        return None  # what OpenSearch wants before each record
    try:
        return {str(name): plain(value) for name, value in content.items() if value is not None}
    except BadRecord:
        return {}


def _kind(record: Mapping[str, object]) -> str:
    """Return what one record is."""
    names = tuple(record)
    if ubi.is_event(record):
        return "events of User Behavior Insights"
    if openinference.spans_within(record) is not None:
        return "spans of OpenInference"
    if ubi.is_query(record):
        return "queries of User Behavior Insights"
    served, pair = plan_of("served", names).fields, plan_of("pair", names)
    asked = "query" in served and served["query"] not in ("text", "input", "prompt", "q")
    done = [name for name in _DONE if name in served]
    if asked and done:
        return "served queries"
    if "id" in served and "query" not in served and {"clicked", "feedback"} & set(done):
        return "feedback on served queries"
    explicit = [name for name in pair.positives if name not in ("answer", "sentence2")]
    people = [name for name in (*_PEOPLE, "timestamp") if name in served]
    if "query" in pair.fields and (explicit or (pair.positives and not people)):
        return "labelled pairs"
    if asked and not pair.positives:
        return "served queries"
    if asked:
        return "queries with answers"
    if "text" in plan_of("document", names).fields:
        return "texts"
    return "unknown records"


def _log(kind: str, records: Sample) -> Guess:
    names = tuple(dict.fromkeys(name for record in records for name in record))
    read = plan_of("served", names).fields
    ids = frozenset(_shown_ids(records, read.get("results", "")))
    if kind != "served queries":
        return Guess("log", _LOGS[kind], f"its records are {kind}", ids)
    shown = [name for name in ("query", *_DONE, "answer", *_PEOPLE, "timestamp") if name in read]
    what = f"{_LOGS[kind]} ({_columns({name: read[name] for name in shown})})"
    done = [name for name in _DONE if name in read]
    if done:
        return Guess("log", what, f"it has queries and {' and '.join(done)}", ids)
    return Guess("log", what, "it has queries without answers and without results", ids)


def _shown_ids(records: Sample, column: str) -> set[str]:
    found = set()
    for record in records:
        value = unpacked(record.get(column)) if column else None
        for each in listed(value):
            name = each.get("id", each.get("_id")) if isinstance(each, Mapping) else each
            found.add(name_of(name))
    return found - {""}


def _pairs(records: Sample, words: Words) -> Guess:
    plan = plan_of("pair", tuple(dict.fromkeys(name for record in records for name in record)))
    read = {"query": plan.fields["query"], "positive": ", ".join(plan.positives)}
    if plan.negatives:
        read["negative"] = ", ".join(plan.negatives)
    what = f"labelled pairs ({_columns(read)})"
    why = f"it has the columns {', '.join(read.values())}"
    if hint(words, "history", "new") == "new":
        return Guess("pairs", what, f"{why}, and its name says that they are new")
    return Guess("history", what, why)


def _texts(records: Sample, words: Words, named: frozenset[str]) -> Guess:
    names = tuple(dict.fromkeys(name for record in records for name in record))
    read = plan_of("document", names).fields
    texts = [value for record in records if isinstance(value := record.get(read["text"]), str)]
    length = median(len(text.split()) for text in texts) if texts else 0
    ids = frozenset(name_of(record.get(read.get("id", ""))) for record in records) - {""}
    document = {
        "it has titles": "title" in read,
        "it has addresses": "url" in read,
        "a log names its ids": len(ids & named) > 1 or bool(ids and ids <= named),
    }
    query = {"it has sessions or users": any(name in names for name in _PEOPLE)}
    hinted = hint(words, "corpus", "reference", "traffic")
    named_so = "its name says so"
    size = f"it has {length:g} words per text"
    sides = _Sides(
        [
            _both(document, query),
            _both({named_so: hinted == "corpus"}, {named_so: hinted in ("traffic", "reference")}),
            _both({size: length >= _LONG}, {size: length <= _SHORT}),
        ]
    )
    is_corpus = sides.first()
    if is_corpus is None:
        return Guess("", "texts", _unclear(sides, length))
    why = sides.told(is_corpus)
    if is_corpus:
        shown = [name for name in ("id", "title", "text", "url") if name in read]
        what = f"documents ({_columns({name: read[name] for name in shown})})"
        return Guess("corpus", what, why, ids)
    if read["text"] != "text":
        return Guess(
            "",
            "texts of traffic",
            f"its texts are in the column {read['text']!r}; name it 'text', then set data.traffic",
        )
    key = "reference" if hinted == "reference" else "traffic"
    shown = [name for name in (*REQUIRED["traffic"], *_PEOPLE, "timestamp") if name in names]
    return Guess(key, f"texts of users ({', '.join(shown)})", why)


Holds = Mapping[str, bool]


def _both(document: Holds, query: Holds) -> tuple[list[str], list[str]]:
    """Return what speaks for documents, and what speaks for texts of users."""
    return (
        [said for said, holds in document.items() if holds],
        [said for said, holds in query.items() if holds],
    )


@dataclass(frozen=True)
class _Sides:
    """Evidence for documents and for texts of users, the strongest first."""

    evidence: Sequence[tuple[list[str], list[str]]]

    def first(self) -> bool | None:
        """Return whether it is documents by the strongest evidence; None if that contradicts."""
        for document, query in self.evidence:
            if document or query:
                return bool(document) if bool(document) != bool(query) else None
        return None

    def told(self, document: bool) -> str:
        """Return all evidence for one side."""
        side = 0 if document else 1
        return "; ".join(said for each in self.evidence for said in each[side])


def _unclear(sides: _Sides, length: float) -> str:
    told = f"{length:g} words per text, and nothing else tells"
    if sides.told(True) or sides.told(False):
        told = (
            f"for documents: {sides.told(True) or 'nothing'}; "
            f"for texts of users: {sides.told(False) or 'nothing'}"
        )
    return (
        f"it may hold documents or texts of users ({told}): name it in data.corpus or in "
        "data.traffic"
    )


def _unknown(records: Sample) -> str:
    names = list(dict.fromkeys(name for record in records for name in record))
    listed_names = ", ".join(names[:12]) or "none"
    if any("query" in plan_of(kind, tuple(names)).fields for kind in _ASKED):
        return (
            f"it may hold labelled pairs or a log with generated answers (its columns: "
            f"{listed_names}); if people wrote the answers, name it in data.pairs to learn them, "
            "or in data.history if the model serves them already; else in data.log"
        )
    return (
        f"its columns say nothing ({listed_names}); pairs need query and positive, traffic needs "
        "text, documents need id and text, a log needs query: name the columns so, then set the key"
    )


_ASKED: tuple[Kind, ...] = ("pair", "served")


def _columns(read: Mapping[str, str]) -> str:
    """Return which column is read as what; a name that is the same is said once."""
    return ", ".join(
        name if name == column else f"{column} as {name}" for name, column in read.items()
    )
