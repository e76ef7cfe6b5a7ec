"""Records with a word of their own, a canary, of every kind and in every place."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from conftest import name_corpus
from made_streams import BANK, TRAVEL, sentences, texts_of, write_lines

from pipeline.operations import Workspace

NOW = datetime(2026, 3, 9, tzinfo=UTC)
TOLD = (
    (r"\.anchorhold/store\.db", "`store.db`"),
    (r"\.anchorhold/mlflow\.db", "`mlflow.db`"),
    (r"\.anchorhold/versions/\d+/(memory|reference|anchors)/", "versions"),
    (r"\.anchorhold/artifacts/\w+/artifacts/version/(memory|reference|anchors)/", "versions"),
    (r"\.anchorhold/artifacts/\w+/artifacts/\w+\.(json|html)", "runs in MLflow"),
    (r"\.anchorhold/cycles/\d+/(report\.(html|json)|derived/)", "`cycles/`"),
    (r"(pairs|traffic|history|reference|corpus|log|anchors)/", "your own files"),
)
"""Where a text may be, and the word of the table in docs/security.md that says so."""

CANARIES = {
    name: f"zq{name}canary"
    for name in (
        *("historyquery", "historyanswer", "reference", "query", "answer", "negative"),
        *("document", "title", "asked", "shown", "said", "traffic", "refused", "user"),
    )
}


def with_canaries(space: Path, settings: str = "", named: Mapping[str, str] = CANARIES) -> Path:
    """Let records with a word of their own arrive in every place, and two cycles pass.

    Parameters
    ----------
    space
        A new workspace.
    settings
        Further tables of its settings.
    named
        The words; "anchor" is that of a query of an anchor set.
    """
    file = space / "anchorhold.toml"
    name_corpus(space)
    text = file.read_text(encoding="utf-8").replace("[data]\n", '[data]\nlog = ["log/*.jsonl"]\n')
    file.write_text(f'{text}\n[index]\nmode = "rebuild"\n\n{settings}', encoding="utf-8")
    old = sentences(BANK, 3, 99)
    old[0]["query"] += f" {named['historyquery']}"
    old[1]["positive"] += f" {named['historyanswer']}"
    write_lines(space / "history" / "more.jsonl", old)
    queries = space / "anchors" / "bank" / "queries.jsonl"
    first, *others = queries.read_text(encoding="utf-8").splitlines()
    asked = json.loads(first)
    asked["text"] += f" {named.get('anchor', '')}"
    queries.write_text("\n".join([json.dumps(asked), *others]) + "\n", encoding="utf-8")
    quiet = texts_of(sentences(BANK, 1, 98))
    quiet[0]["text"] += f" {named['reference']}"
    write_lines(space / "reference" / "more.jsonl", quiet)
    corpus = [
        {"id": f"doc{number}", "title": f"the {number}", "text": f"about the {row['positive']}"}
        for number, row in enumerate(sentences(TRAVEL, 60, 5))
    ]
    corpus[0]["text"] += f" {named['document']}"
    corpus[1]["title"] += f" {named['title']}"
    write_lines(space / "corpus" / "docs.jsonl", corpus)
    with Workspace.open(space, now=NOW) as workspace:
        assert workspace.run().outcome == "bootstrapped"
    rows = sentences(TRAVEL, 300, 3)
    for place, row in enumerate(rows[:12]):
        part = ("query", "positive", "negative")[place % 3]
        name = ("query", "answer", "negative")[place % 3]
        row[part] = f"{row.get(part, 'something else')} {named[name]}"
    write_lines(space / "pairs" / "travel.jsonl", rows)
    texts = texts_of(sentences(TRAVEL, 150, 4))
    for row in texts[:40]:
        row["text"] = f"{named['traffic']} {row['text']}"
    write_lines(space / "traffic" / "travel.jsonl", texts)
    bad = [{"query": "a b", "positive": "c", "timestamp": named["refused"]}]
    write_lines(space / "pairs" / "bad.jsonl", [*sentences(TRAVEL, 40, 44), *bad])
    log = [
        {
            "id": f"line{number}",
            "query": row["query"],
            "results": [
                {"id": f"doc{(number + rank) % 60}", "score": 1 - rank / 10} for rank in (0, 1)
            ],
            "clicked": [f"doc{number % 60}"],
            "user": f"user{number}",
        }
        for number, row in enumerate(sentences(TRAVEL, 60, 8))
    ]
    log[0]["query"] += f" {named['asked']}"
    log[1]["results"] = [{"text": f"a text {named['shown']}", "score": 0.5}]
    log[2]["answer"] = f"the answer is {named['said']}"
    log[3]["user"] = named["user"]
    write_lines(space / "log" / "log.jsonl", log)
    with Workspace.open(space, now=NOW) as workspace:
        assert workspace.run().candidate is not None
    return space
