"""What reports show of texts: one place decides, and knows every field that holds some."""

import dataclasses
import typing

import pytest
from pydantic import BaseModel

from drift_triggers.signal import Signal
from drift_triggers.statistics.clusters import Cluster
from pipeline.reports import Report, ShownTexts
from pipeline.reports.shown_texts import OURS, TEXTS
from pipeline.results import (
    CheckedTexts,
    CycleResult,
    DecisionResult,
    HistoryResult,
    IndexPlan,
    RegressionsResult,
)
from training.evaluation import DarkDocument, Hit, WorstQuery

NAMES = {
    *("action", "aliases", "anchor", "anchors", "baseline", "cause", "chosen", "cycle", "data"),
    *("device", "digest", "discards", "document", "documents_digest", "engine", "evidence"),
    *("field", "fingerprint", "folder", "hit_rates", "identity", "kind", "metric", "method"),
    *("model", "name", "outcomes", "page", "precision", "preparation", "proxies", "query"),
    *("report", "run_id", "scored_in", "scores", "screen", "seconds", "settings", "similarity"),
    *("source", "strategy", "task", "trigger", "unfinished", "warned_by", "who", "worker_device"),
    *("blocked_by", "by", "data_sets", "log", "what"),
}
"""Fields of results with names, ids and figures."""
SENTENCES = {
    *("answer", "chosen_why", "fault", "faults", "from_scratch", "merge", "negatives", "notes"),
    *("reason", "reasons", "shortage", "warnings", "why"),
}
"""Fields of results with sentences of ours."""


def holds_texts(kind) -> bool:
    if kind is str:
        return True
    parts = () if typing.get_origin(kind) is typing.Literal else typing.get_args(kind)
    return any(map(holds_texts, parts))


def fields_of(kind, found: dict[type, list[str]]) -> None:
    """Collect the fields with strings of a result and of all that it is made of."""
    for part in typing.get_args(kind):
        fields_of(part, found)
    if not isinstance(kind, type) or kind in found:
        return
    if issubclass(kind, BaseModel):
        hints = {name: each.annotation for name, each in kind.model_fields.items()}
    elif dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
    else:
        return
    found[kind] = [name for name, hint in hints.items() if holds_texts(hint)]
    for hint in hints.values():
        fields_of(hint, found)


def test_each_field_of_what_reports_show_is_known_as_a_text_a_name_or_a_sentence():
    found: dict[type, list[str]] = {}
    for each in (CycleResult, RegressionsResult, CheckedTexts, IndexPlan, HistoryResult):
        fields_of(each, found)
    unknown = {
        f"{kind.__name__}.{name}"
        for kind, names in found.items()
        for name in names
        if name not in (*TEXTS.get(kind, ()), *NAMES, *SENTENCES)
    }
    assert not unknown
    for kind, names in (*TEXTS.items(), *OURS.items()):
        assert {*names} <= {*found[kind]}, kind


WORST = WorstQuery(
    *("anchor/bank", "q7", "where is my card", 1.0, 0.0, 1, None),
    old=(Hit("d1", "call us about the card", 0.8, relevant=True),),
    new=(),
)
FOUND = RegressionsResult(
    worst_queries=(WORST,),
    dark_documents=(DarkDocument("anchor/bank", "d1", "call us", "Where  is my CARD", 1),),
)
DECISION = DecisionResult(
    train=True,
    reasons=("new terms: 'a visa', and \"the user's visa\"", "source 'flight' shifted"),
    signals=(
        Signal("vocabulary", True, "3 new terms", examples=("visa (2 pieces, 60 texts)",)),
        Signal("term_meaning", True, "'bank' is used otherwise, beside 'river', 'boat' -> 'loan'"),
    ),
    clusters=(Cluster(0.5, ("a text",), ("visa",), ("near it",), ("an anchor query",), 0.2),),
    warnings=("model.base is 'models/new', but version 1 was made from 'models/old'",),
)


def test_all_shows_what_is_there():
    shown = ShownTexts("all")
    assert shown(FOUND) is FOUND
    assert Report().texts == "all"


def test_none_shows_ids_places_and_figures_only():
    found = ShownTexts("none")(FOUND).to_json()
    assert found["worst_queries"][0]["query"] == "q7"
    assert found["worst_queries"][0]["old"][0]["document"] == "d1"
    assert found["worst_queries"][0]["before"] == 1.0
    assert found["dark_documents"][0]["document"] == "d1"
    assert not {"card", "call", "us"} & {*str(found).lower().split()}


@pytest.mark.parametrize("policy", ["none", "hashed"])
def test_words_and_quoted_texts_go_and_names_and_figures_of_sentences_stay(policy):
    found = ShownTexts(policy, b"a key")(DECISION)
    told = found.model_dump_json()
    for word in ("visa", "river", "boat", "loan", "a text", "near it", "anchor query"):
        assert word not in told
    assert found.reasons[1] == "source 'flight' shifted"
    assert "is used otherwise, beside" in found.signals[1].reason
    assert found.signals[1].trigger == "term_meaning"
    assert found.warnings == DECISION.warnings


def test_a_text_can_be_recognised_by_its_name_and_not_guessed_without_the_key():
    mine, yours = ShownTexts("hashed", b"a key"), ShownTexts("hashed", b"another key")
    found = mine(FOUND)
    name = found.worst_queries[0].text
    assert found.dark_documents[0].query == name
    assert mine.text("where is my card") == name
    assert name not in (mine.text("where is my cat"), yours.text("where is my card"))
    assert mine(DECISION).signals[0].examples[0] == f"{mine.text('visa')} (2 pieces, 60 texts)"
    assert mine(DECISION).clusters[0].terms == (mine.text("visa"),)


def test_nothing_is_shown_of_nothing():
    assert ShownTexts("none")(None) is None
    assert ShownTexts("none").text("") == ""
