"""Any judgements of an evaluation set are read, or refused with the file named."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import judgements, lines

from training.evaluation.evaluation_set import EvaluationSet
from training.faults import DataFault


def outcome(folder: Path) -> str:
    """Return "" or why the evaluation set of a folder is refused."""
    try:
        found = EvaluationSet.from_folder("any", folder)
    except DataFault as fault:
        assert str(fault).startswith(str(folder))
        return str(fault)
    assert all(found.relevant[query] for query in found.queries)
    return ""


def entries(letter: str) -> list[bytes]:
    return [f'{{"_id": "{letter}{n}", "text": "text {n}"}}'.encode() for n in (1, 2)]


@settings(max_examples=80)
@given(judgements(), st.lists(lines("corpus"), max_size=1), st.booleans())
def test_any_judgements_are_read_or_refused(content, more, of_queries):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "qrels.tsv").write_bytes(content)
        for name, letter, also in (("queries", "q", of_queries), ("corpus", "d", not of_queries)):
            rows = [*entries(letter), *(more if also else [])]
            (folder / f"{name}.jsonl").write_bytes(b"\n".join(rows))
        outcome(folder)
