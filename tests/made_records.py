"""Records of every kind as people may hand them in, good and bad, in every type of file."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet
from hypothesis import strategies as st

KEYS: Mapping[str, tuple[str, ...]] = {
    "pairs": ("id", "query", "positive", "negative", "source", "timestamp", "label", "positive_id"),
    "traffic": ("id", "text", "source", "timestamp", "session", "user"),
    "corpus": ("id", "text", "title", "url", "source", "timestamp"),
    "log": ("id", "query", "results", "clicked", "feedback", "answer", "timestamp", "version"),
}
"""Key of `[data]` -> the columns of its records."""

_PLAIN = st.text("abc ", max_size=8)
_TEXTS = st.one_of(
    _PLAIN,
    _PLAIN,
    st.text(max_size=6),
    st.sampled_from(
        ["a\0b", "\ufeffx", " \t", "İI\u200b", "a" * 600, "\r", "a\nb", "<b>&", "=1+1", "\x1b[31m"]
    ),
)
_NUMBERS = st.sampled_from(
    ["0", "-1", "1.5", "1e999", "-1e999", "NaN", "Infinity", "1" * 400, "1e-400", "007", "2e3"]
)
_MOMENTS = st.sampled_from(
    [
        *('"2024-02-29T12:00:00Z"', '"2023-02-29"', '"2024-03-31T02:30:00"', '"9999-12-31"'),
        *('"2024-12-31T23:59:60Z"', '"0001-01-01"', '"yesterday"', "20240229", "1704067200000"),
        *('"2024-05-31T23:00:00+14:00"', '"2024-06-02"', "-62135596801", "1e18"),
    ]
)
_ESCAPES = st.sampled_from(['"\\ud800"', '"\\u0000x"', '"\\ud83d\\ude00"', '"\\x"', '"a', "'a'"])
_DEEP = st.sampled_from(["[" * 200 + "]" * 200, "[" * 5_000 + "]" * 5_000, '{"a":' * 300 + "1"])
_SCALARS = st.one_of(
    st.builds(lambda text: json.dumps(text, ensure_ascii=False), _TEXTS),
    st.builds(json.dumps, _TEXTS),
    _NUMBERS,
    _MOMENTS,
    _ESCAPES,
    st.sampled_from(["null", "true", "false", "{}", "[]", ""]),
)
_RAW = st.one_of(
    _SCALARS,
    _SCALARS,
    _SCALARS,
    _DEEP,
    st.builds(lambda inner: f"[{','.join(inner)}]", st.lists(_SCALARS, max_size=3)),
    st.builds(
        lambda inner: f"[{{{','.join(f'{chr(34)}id{chr(34)}:{each}' for each in inner)}}}]",
        st.lists(_SCALARS, max_size=2),
    ),
    st.builds(lambda key, inner: f'{{"{key}":{inner}}}', st.sampled_from("abc"), _SCALARS),
)
_SPANS = st.builds(
    lambda query, ids: json.dumps(
        {
            "attributes": {
                "openinference.span.kind": "RETRIEVER",
                "input.value": query,
                **{f"retrieval.documents.{place}.document.id": id for place, id in enumerate(ids)},
            }
        }
    ),
    _TEXTS,
    st.lists(_PLAIN, max_size=3),
)
_EVENTS = st.builds(
    lambda action, query, object_id: (
        f'{{"action_name": {action}, "query_id": {query}, '
        f'"event_attributes": {{"object": {{"object_id": {object_id}}}}}}}'
    ),
    st.sampled_from(['"click"', '"view"', '"thumbs_up"', '"scroll"', "7", "null"]),
    _SCALARS,
    _SCALARS,
)
_ASKED = st.builds(
    lambda query, text: f'{{"query_id": {query}, "user_query": {text}}}', _SCALARS, _SCALARS
)


def _good(key: str) -> st.SearchStrategy[bytes]:
    """Return records that can be stored; their ids and texts repeat."""
    texts = [name for name in ("text", "query", "positive") if name in KEYS[key]]
    return st.builds(
        lambda number, words: json.dumps(
            {"id": str(number), **{name: f"{words} {name} {number % 3}" for name in texts}}
        ).encode(),
        st.integers(0, 9),
        st.sampled_from(["one", "another"]),
    )


def lines(key: str) -> st.SearchStrategy[bytes]:
    """Return lines of a file of JSON Lines, without their ends."""
    objects = st.builds(
        lambda members: ("{" + ",".join(f'"{name}":{raw}' for name, raw in members) + "}").encode(
            "utf-8", "surrogatepass"
        ),
        st.lists(st.tuples(st.sampled_from(KEYS[key]), _RAW), max_size=7),
    )
    whole = st.one_of(_good(key), _good(key), objects, objects)
    if key == "log":
        others = st.one_of(_SPANS, _EVENTS, _ASKED)
        whole = st.one_of(whole, others.map(lambda text: text.encode("utf-8", "surrogatepass")))
    damaged = st.builds(
        lambda line, at, put: line[: at % (len(line) + 1)] + put + line[at % (len(line) + 2) :],
        whole,
        st.integers(0, 200),
        st.binary(max_size=3).filter(lambda put: b"\n" not in put),
    )
    others = st.one_of(
        st.binary(max_size=20).map(lambda raw: raw.replace(b"\n", b"")),
        st.sampled_from([b"", b" ", b"\r", b"null", b"[]", b'{"a":1}{"b":2}', b"\xef\xbb\xbf{}"]),
        st.just(b'{"text": "' + b"x" * 1_200_000 + b'"}'),
    )
    return st.one_of(whole, whole, whole, damaged, others)


@dataclass(frozen=True)
class Made:
    """A file: its first part, what is appended to it later, and how many records it holds.

    `records` is None where a reader of its own would be needed to tell.
    """

    name: str
    begun: bytes
    more: bytes
    records: int | None = None

    @property
    def whole(self) -> bool:
        """Whether no record is cut, whenever the file is read."""
        return self.begun[-1:] in (b"", b"\n") and self.more[-1:] in (b"", b"\n")


def _ended(rows: list[bytes], ends: list[bytes], last: bytes) -> bytes:
    return b"".join(
        row + ends[place % len(ends)] for place, row in enumerate(rows[:-1])
    ) + b"".join(row + last for row in rows[-1:])


@st.composite
def json_lines(draw: st.DrawFn, key: str, most: int) -> Made:
    """Draw a file of JSON Lines that is read once while a line is being written."""
    rows = draw(st.lists(lines(key), min_size=draw(st.integers(0, most)), max_size=most))
    content = draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + _ended(
        rows, [b"\n", draw(st.sampled_from([b"\n", b"\r\n"]))], draw(st.sampled_from([b"", b"\n"]))
    )
    cut = draw(st.integers(0, len(content)))
    ending = draw(st.sampled_from(["jsonl", "ndjson"]))
    held = sum(bool(part.strip()) for part in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    return Made(f"{key}/a.{ending}", content[:cut], content[cut:], held)


@st.composite
def delimited(draw: st.DrawFn, key: str, most: int) -> Made:
    """Draw a CSV or TSV file, quoted by chance, that is read once while a row is being written."""
    names = draw(st.lists(st.sampled_from([*KEYS[key], "Text", "note"]), min_size=1, max_size=5))
    mark = draw(st.sampled_from([",", ";", "\t"]))
    plain = st.text("abc", min_size=1, max_size=4)
    cell = st.one_of(plain, plain, _TEXTS, st.sampled_from(['"a"', '"a\nb"', '"', "1e999", "NaN"]))
    row = st.lists(cell, min_size=1, max_size=len(names) + 1)
    full = st.lists(cell, min_size=len(names), max_size=len(names))
    rows = draw(
        st.lists(st.one_of(full, full, row), min_size=draw(st.integers(0, most)), max_size=most)
    )
    written = [
        mark.join(each).encode("utf-8", "surrogatepass")
        + draw(st.sampled_from([b"", b"", b"", b"\xff"]))
        for each in [names, *rows]
    ]
    ends = [b"\n", draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))]
    content = _ended(written, ends, draw(st.sampled_from([b"", b"\n"])))
    cut = draw(st.integers(0, len(content)))
    return Made(f"{key}/b.{draw(st.sampled_from(['csv', 'tsv']))}", content[:cut], content[cut:])


@st.composite
def parquet(draw: st.DrawFn, key: str, most: int) -> Made:
    """Draw a Parquet file, with columns of the wrong type or cut short by chance."""
    size = draw(st.integers(0, most))

    def column(values: st.SearchStrategy[object], kind: pa.DataType) -> pa.Array:
        return pa.array(draw(st.lists(values, min_size=size, max_size=size)), kind)

    texts = st.none() | _PLAIN | st.sampled_from(["a\0b", "x" * 600])
    kinds = [
        (texts, pa.string()),
        (texts, pa.string()),
        (st.binary(max_size=4), pa.binary()),
        (st.integers(-9, 9), pa.int64()),
        (st.none() | st.floats(), pa.float64()),
        (st.lists(_PLAIN, max_size=2), pa.list_(pa.string())),
    ]
    names = draw(st.lists(st.sampled_from(KEYS[key]), min_size=1, max_size=5, unique=True))
    table = {name: column(*draw(st.sampled_from(kinds))) for name in names}
    for name in ("query", "positive", "text"):
        if name in KEYS[key] and draw(st.sampled_from([True, True, False])):
            table[name] = column(*kinds[0])
    stream = io.BytesIO()
    pa.parquet.write_table(pa.table(table), stream)
    whole = stream.getvalue()
    cut = draw(st.sampled_from([len(whole)] * 4 + [0, 4, len(whole) // 2, len(whole) - 1]))
    records = size if cut == len(whole) else None
    return Made(f"{key}/c.parquet", whole[:cut], b"", records)


@st.composite
def pages(draw: st.DrawFn) -> Made:
    """Draw a page of text, Markdown or HTML, cut anywhere."""
    pieces = st.sampled_from(
        [
            *(
                "# Title\n",
                "## Part\n\n",
                "a paragraph\n\n",
                "<p>text</p>",
                "<html><body>",
                "<nav>",
            ),
            *("```\ncode", "| a | b |\n|--|--|\n", "---\ntitle: [\n---\n", "&#0;", "\0", "<!--"),
            *("<script>x</script>", "[a](b", "> " * 300, "<div>" * 300, "\ufeff", "x" * 3_000),
        ]
    )
    content = "".join(draw(st.lists(pieces | _TEXTS, max_size=8))).encode("utf-8", "surrogatepass")
    content += draw(st.sampled_from([b"", b"", b"\xff\xfe", b"\x80"]))
    ending = draw(st.sampled_from(["md", "txt", "html"]))
    cut = draw(st.integers(0, len(content)))
    return Made(f"corpus/page.{ending}", content[:cut], content[cut:])


@st.composite
def traces(draw: st.DrawFn) -> Made:
    """Draw a log that is one JSON document, as traces are exported, cut by chance."""
    content = f"[{','.join(draw(st.lists(st.one_of(_SPANS, _ASKED, _RAW), max_size=6)))}]"
    cut = draw(st.sampled_from([len(content)] * 3 + [len(content) // 2]))
    return Made("log/d.json", content[:cut].encode("utf-8", "surrogatepass"), b"")


def folders(most: int) -> st.SearchStrategy[list[Made]]:
    """Return some files of a workspace, of any kind and type, at most so many records in each."""
    each = [made(key, most) for key in KEYS for made in (json_lines, delimited, parquet)]
    some = st.one_of(*each, *(json_lines(key, most) for key in KEYS), pages(), traces())
    return st.lists(some, min_size=1, max_size=4, unique_by=lambda made: made.name)


_CELLS = st.one_of(
    _TEXTS,
    st.sampled_from(["0", "1", "-1", "3.5", "q1", "d1", "NaN", "9" * 5_000, '"', "x" * 140_000]),
)


def sheets() -> st.SearchStrategy[bytes]:
    """Return sheets of judgements, filled in well or badly."""
    answers = st.sampled_from(["1", "2", "=", "0", "left", ""])
    rows = st.one_of(
        st.tuples(st.just("1"), st.integers(1, 12).map(str), answers).map(list),
        st.lists(_CELLS, max_size=5),
    )
    heads = st.sampled_from(["judging,question,answer", "judging,question", "", '"judging'])
    return st.builds(_table_of, heads, st.lists(rows, max_size=8), st.sampled_from([",", ";"]))


def judgements() -> st.SearchStrategy[bytes]:
    """Return the judgements of an evaluation set, in lines that tabs divide."""
    rows = st.one_of(
        st.tuples(st.sampled_from(["q1", "q2"]), st.sampled_from(["d1", "d2"]), _CELLS).map(list),
        st.lists(_CELLS, max_size=4),
    )
    heads = st.sampled_from(["query-id\tcorpus-id\tscore", "q1\t0\td1\t1", ""])
    return st.builds(_table_of, heads, st.lists(rows, max_size=6), st.just("\t"))


def _table_of(head: str, rows: list[list[str]], mark: str) -> bytes:
    written = [head, *(mark.join(row) for row in rows)]
    return "\n".join(written).encode("utf-8", "surrogatepass")
