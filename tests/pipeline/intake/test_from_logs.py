"""Served logs: every format becomes lines, what belongs together is joined, nothing is lost."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.intake import Intake
from pipeline.store import Record, Store
from training.unlabelled import Document, ServedQuery, Shown

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CARD = "where is my card"


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


@pytest.fixture
def take(store, tmp_path):
    def taken(*lines, name="log.jsonl", **settings):
        text = "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in lines)
        (tmp_path / name).write_text(text, encoding="utf-8")
        patterns = {"log": [f"*.{name.rpartition('.')[2]}"]}
        return Intake(**settings).read_all(store, patterns, tmp_path, NOW)

    return taken


def add_documents(store, *ids):
    store.add("document", "recent", [Record(Document(id, f"text of {id}")) for id in ids])


def reasons(store):
    return [fault.reason for fault in store.quarantine()[::-1]]


def test_a_query_alone_is_traffic_and_a_line_without_results(store, take):
    line = {"query": CARD, "timestamp": "2026-01-01T00:00:00Z", "session": "s1", "user": "u1"}
    found = take(line).log
    assert (found.lines, found.texts, found.with_results) == (1, 1, 0)
    assert store.served() == [ServedQuery(CARD, session="s1", user="u1", timestamp=1767225600.0)]
    assert [text.text for text in store.traffic("recent")] == [CARD]


def test_what_was_shown_clicked_and_rated_is_kept_in_its_order(store, take):
    line = {
        "id": 7,
        "query": CARD,
        "results": [{"id": "d1", "score": 0.9}, {"id": 2, "score": "0.5"}, {"text": "no id"}],
        "clicked": ["2", "no id", "2"],
        "feedback": {"d1": -1, "2": 1},
        "answer": "in your pocket",
        "source": "web",
    }
    found = take(line)
    assert found.warnings == ()
    assert store.served() == [
        ServedQuery(
            CARD,
            (Shown("d1", "", 0.9), Shown("2", "", 0.5), Shown("", "no id")),
            ("2", "no id"),
            (("d1", -1), ("2", 1)),
            "in your pocket",
            "7",
            "web",
        )
    ]
    counts = found.log
    assert (counts.with_results, counts.with_clicks, counts.with_feedback) == (1, 1, 1)


@pytest.mark.parametrize(
    "results",
    [
        ["d1", "d2"],
        [{"_id": "d1"}, {"doc_id": "d2"}],
        [{"document": {"id": "d1"}}, {"metadata": {"document_id": "d2"}}],
        {"hits": {"hits": [{"_id": "d1", "_source": {}}, {"_id": "d2"}]}},
        {"d1": 0.9, "d2": 0.1},
        [{"id": "d2", "rank": 1}, {"id": "d1", "rank": 0}],
        {"ids": [["d1", "d2"]]},
    ],
)
def test_results_may_be_written_in_many_forms(store, take, results):
    take({"query": CARD, "results": results, "clicked": "d2"})
    (line,) = store.served()
    assert [each.id for each in line.shown] == ["d1", "d2"]
    assert line.clicked == ("d2",)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"version": 3, "seconds": 0.25}, (3, 0.25)),
        ({"version": "3", "seconds": "1e-3"}, (3, 0.001)),
        ({"version": 3.0, "seconds": 0}, (3, 0.0)),
        ({"version": None, "seconds": ""}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_a_line_may_say_which_version_answered_and_how_long_it_took(store, take, written, read):
    take({"query": "lost card", **written})
    (line,) = store.served()
    assert (line.version, line.seconds, reasons(store)) == (*read, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("version", each) for each in (0, -1, 1.5, "v3", True, [3], {}, 2**40, 10**400)),
        *(("seconds", each) for each in (-0.1, "fast", False, [1], {}, 10**400)),
    ],
)
def test_a_version_or_time_of_another_kind_is_quarantined_and_the_line_stays(
    store, take, name, value
):
    take({"query": "lost card", name: value})
    (line,) = store.served()
    (reason,) = reasons(store)
    assert (line.query, getattr(line, name)) == ("lost card", None)
    assert reason.startswith(f"{name} is ")


def test_results_may_say_themselves_what_was_clicked_and_rated(store, take):
    results = [{"id": "d1", "clicked": False, "feedback": -1}, {"id": "d2", "clicked": True}]
    take({"query": CARD, "results": results})
    (line,) = store.served()
    assert (line.clicked, line.feedback) == (("d2",), (("d1", -1),))


def test_other_usual_names_are_read_and_told(store, take):
    line = {"question": CARD, "contexts": ["a first text", "a second text"], "response": "here"}
    (warning,) = take(line).warnings
    assert "'question' as query" in warning and "'contexts' as results" in warning
    (found,) = store.served()
    assert [each.text for each in found.shown] == ["a first text", "a second text"]
    assert found.answer == "here"


def test_a_name_that_only_comes_close_is_told_and_not_read(take):
    (warning,) = take({"query": CARD, "resultss": ["d1"]}).warnings
    assert warning.endswith("'resultss' is not read (did you mean 'results'?)")


@pytest.mark.parametrize("written", ['["d1", "d2"]', "['d1', 'd2']", "['d1' 'd2']", "d1, d2"])
def test_columns_of_a_table_may_hold_lists_as_text(store, take, written):
    quoted = written.replace('"', '""')
    rating = '"{""d2"": 1}"'
    header = "query,results,clicked,feedback"
    take(header, f'{CARD},"{quoted}",d1,{rating}', name="log.csv")
    (line,) = store.served()
    assert [each.id for each in line.shown] == ["d1", "d2"]
    assert (line.clicked, line.feedback) == (("d1",), (("d2", 1),))


def test_a_parquet_file_with_nested_columns_is_read(store, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as parquet

    rows = {
        "query": [CARD, "another"],
        "results": [[{"id": "d1", "score": 0.5}], []],
        "clicked": [["d1"], None],
        "timestamp": [datetime(2026, 1, 1), None],
    }
    parquet.write_table(pa.table(rows), tmp_path / "log.parquet")
    Intake().read_all(store, {"log": ["log.parquet"]}, tmp_path, NOW)
    first, second = store.served()
    assert first == ServedQuery(CARD, (Shown("d1", "", 0.5),), ("d1",), timestamp=1767225600.0)
    assert second == ServedQuery("another")


def test_ids_that_no_document_has_are_named_and_the_line_stays(store, take):
    add_documents(store, "d1")
    line = {"query": CARD, "results": [{"id": "d1", "text": "a copy"}, {"id": "gone"}]}
    found = take(line, line)
    assert found.log.unknown_ids == 1
    assert reasons(store) == [
        "no document of the corpus has the id 'gone'; the line is stored without its text"
    ]
    assert [line.shown for line in store.served()] == [(Shown("d1"), Shown("gone"))] * 2


def test_an_id_with_spaces_is_one_where_the_corpus_has_it(store, take):
    add_documents(store, "ISBN 0-061-96436-0")
    take({"query": CARD, "results": ["ISBN 0-061-96436-0", "a text of its own"]})
    (line,) = store.served()
    assert line.shown == (Shown("ISBN 0-061-96436-0"), Shown("", "a text of its own"))


def test_clicks_and_ratings_of_what_was_not_shown_are_named_and_left_out(store, take):
    line = {"query": CARD, "results": ["d1"], "clicked": ["d1", "d9"], "feedback": {"d8": 1}}
    found = take(line)
    assert found.log.not_shown == 2
    assert [reason[:5] for reason in reasons(store)] == ["'d9' ", "'d8' "]
    assert (store.served()[0].clicked, store.served()[0].feedback) == (("d1",), ())


def test_clicks_without_results_are_kept_and_told(store, take):
    (warning,) = take({"query": CARD, "clicked": ["d1"]}).warnings
    assert "1 lines with clicks or ratings but without results" in warning
    assert store.served()[0].clicked == ("d1",)


def test_contradicting_feedback_is_dropped_and_counted(store, take):
    ratings = [{"id": "d1", "value": 1}, {"id": "d1", "value": -1}, {"id": "d2", "value": "up"}]
    found = take({"query": CARD, "results": ["d1", "d2"], "feedback": ratings})
    assert found.log.contradictions == 1
    assert store.served()[0].feedback == (("d2", 1),)
    assert reasons(store) == ["'d1' is rated both 1 and -1; both are left out"]


def test_feedback_that_cannot_be_read_is_named_and_the_line_stays(store, take):
    take({"query": CARD, "results": ["d1"], "feedback": {"d1": "later"}})
    assert reasons(store) == ["feedback on 'd1' is 'later'; a rating must be 1 or -1"]
    assert len(store.served()) == 1


def test_a_rating_of_the_whole_answer_is_one_of_the_first_result(store, take):
    take({"query": CARD, "results": ["d1", "d2"], "feedback": True})
    assert store.served()[0].feedback == (("d1", 1),)


def test_feedback_that_comes_in_a_later_file_amends_the_line(store, take):
    take({"id": "q1", "query": CARD, "results": ["d1", "d2"]}, name="1.jsonl")
    found = take({"id": "q1", "feedback": {"d2": 1}, "clicked": "d1"}, name="2.jsonl")
    assert (found.log.events, found.log.amended, found.log.stored) == (1, 1, 0)
    (line,) = store.served()
    assert (line.clicked, line.feedback) == (("d1",), (("d2", 1),))
    assert len(store.traffic()) == 1
    again = take({"id": "q1", "feedback": {"d2": -1}}, name="3.jsonl")
    assert again.log.contradictions == 1 and store.served()[0].feedback == ()


def test_a_line_that_was_amended_behind_a_cut_is_told_from_those_that_arrived_there(store, take):
    take({"id": "q1", "query": CARD, "results": ["d1"]}, name="1.jsonl")
    cut = store.last_sequence()
    assert store.count_served(after=cut, amended=True) == 0
    take({"id": "q1", "feedback": {"d1": 1}}, name="2.jsonl")
    assert store.count_served(after=cut) == 0
    (line,) = store.served(after=cut, amended=True)
    assert line.feedback == (("d1", 1),)
    assert store.count_served(after=store.last_sequence(), amended=True) == 0
    assert store.count_served(after=cut, until=cut, amended=True) == 0


def test_a_file_that_was_written_anew_with_clicks_adds_them(store, take):
    take({"query": CARD, "results": ["d1", "d2"]})
    found = take({"query": CARD, "results": ["d1", "d2"], "clicked": ["d2"]})
    assert (found.log.stored, found.log.known) == (0, 1)
    assert [line.clicked for line in store.served()] == [("d2",)]


def test_a_line_that_is_logged_again_after_each_click_is_stored_once(store, take):
    line = {"id": "q1", "query": CARD, "results": ["d1", "d2"]}
    found = take(line, {**line, "clicked": ["d2"]}, {**line, "clicked": ["d2", "d1"]})
    assert (found.log.stored, found.log.known) == (1, 2)
    assert [line.clicked for line in store.served()] == [("d2", "d1")]


def test_what_belongs_to_no_line_is_quarantined_by_name(store, take):
    found = take({"id": "q9", "feedback": {"d2": 1}})
    assert found.log.quarantined == 1 and not store.served()
    assert reasons(store)[0].startswith("no served line has the id 'q9'")


QUERY = {
    "application": "shop",
    "query_id": "q1",
    "client_id": "c1",
    "user_query": CARD,
    "query": '{"match": {"title": "card"}}',
    "query_response_id": "r1",
    "query_response_hit_ids": ["d1", "d2", "d3"],
    "query_attributes": {},
    "timestamp": "2026-01-01T00:00:00Z",
}


def event(action, object_id=None, ordinal=None, query="q1", second=1):
    attributes = {}
    if object_id:
        attributes["object"] = {"object_id": object_id, "object_id_field": "id"}
    if ordinal:
        attributes["position"] = {"ordinal": ordinal}
    return {
        "action_name": action,
        "query_id": query,
        "client_id": "c1",
        "timestamp": f"2026-01-01T00:00:{second:02}Z",
        "event_attributes": attributes,
    }


def test_queries_and_events_of_one_ubi_file_are_joined_in_any_order(store, take):
    found = take(event("click", "d3", 3, second=9), QUERY, event("click_through", None, 2))
    assert (found.log.events, found.log.amended, found.warnings) == (2, 1, ())
    expected = ServedQuery(
        CARD,
        (Shown("d1"), Shown("d2"), Shown("d3")),
        ("d2", "d3"),
        id="q1",
        source="shop",
        user="c1",
        timestamp=1767225600.0,
    )
    assert store.served() == [expected]


def test_events_of_another_file_are_read_behind_the_queries(store, tmp_path):
    (tmp_path / "a_events.jsonl").write_text(json.dumps(event("click", "d2", 2)) + "\n")
    (tmp_path / "b_queries.jsonl").write_text(json.dumps(QUERY) + "\n")
    found = Intake().read_all(store, {"log": ["*.jsonl"]}, tmp_path, NOW)
    assert found.log.files == 2 and found.log.quarantined == 0
    assert store.served()[0].clicked == ("d2",)


def test_bulk_headers_and_exported_hits_are_ubi_too(store, take):
    header = {"index": {"_index": "ubi_queries", "_id": "x"}}
    hit = {"_index": "ubi_events", "_id": "y", "_source": event("purchase", "d1", 1)}
    found = take(header, QUERY, hit)
    assert found.log.passed_over == 1
    assert store.served()[0].clicked == ("d1",)


def test_impressions_say_what_was_shown_where_the_query_does_not(store, take):
    query = {name: value for name, value in QUERY.items() if "hit_ids" not in name}
    seen = [event("impression", "d2", 2), event("impression", "d1", 1)]
    take(query, *seen, event("click", "d2", 2))
    (line,) = store.served()
    assert [each.id for each in line.shown] == ["d1", "d2"] and line.clicked == ("d2",)


def test_events_without_a_stored_query_and_other_actions_are_named(store, take):
    found = take(QUERY, event("click", "d1", 1, query="q7"), event("product_hover", "d1", 1))
    assert reasons(store)[0].startswith("no served line has the id 'q7'")
    assert "'product_hover' (1)" in found.warnings[0]
    assert (found.log.events, found.log.passed_over) == (1, 1)


def test_requests_without_words_are_passed_over(store, take):
    found = take(QUERY, {**QUERY, "query_id": "q2", "user_query": ""})
    assert (found.log.passed_over, found.log.quarantined, store.count_served()) == (1, 0, 1)


def test_a_row_of_a_table_without_a_query_amends(store, take):
    take("id,query,results,feedback", f"q1,{CARD},d1;d2,", 'q1,,,"{""d2"": -1}"', name="1.csv")
    assert store.served()[0].feedback == (("d2", -1),)


def test_other_actions_can_be_named_as_clicks(store, take):
    take(QUERY, event("open-result", "d1", 1), click_actions=["open_result"])
    assert store.served()[0].clicked == ("d1",)


def test_ubi_events_may_be_a_table_with_flat_columns(store, take):
    take(QUERY, name="1.jsonl")
    take(
        "action_name,query_id,object_id,rank,timestamp",
        "click,q1,d2,1,2026-01-01T00:00:01Z",
        name="2.csv",
    )
    assert store.served()[0].clicked == ("d2",)


def attributes(query=CARD):
    return {
        "openinference.span.kind": "RETRIEVER",
        "input.value": query,
        "retrieval.documents.1.document.id": "d2",
        "retrieval.documents.1.document.content": "the second",
        "retrieval.documents.0.document.id": "d1",
        "retrieval.documents.0.document.score": 0.75,
        "session.id": "s1",
        "user.id": "u1",
    }


EXPECTED = ServedQuery(
    CARD,
    (Shown("d1", "", 0.75), Shown("d2", "the second")),
    id="t1/1",
    session="s1",
    user="u1",
    timestamp=1767225600.0,
)


def nested(flat):
    root = {}
    for name, value in flat.items():
        *path, last = name.split(".")
        place = root
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    documents = root["retrieval"]["documents"]
    root["retrieval"]["documents"] = [documents["0"], documents["1"]]
    return root


def otlp(flat, **span):
    def wrapped(value):
        return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}

    return {
        "traceId": "t1",
        "startTimeUnixNano": "1767225600000000000",
        "attributes": [{"key": name, "value": wrapped(value)} for name, value in flat.items()],
        **span,
    }


@pytest.mark.parametrize("write", [dict, nested])
def test_openinference_spans_may_be_flat_lines(store, take, write):
    context = {"trace_id": "t1", "span_id": "1"}
    span = {"context": context, "start_time": "2026-01-01T00:00:00Z"}
    other = {**span, "attributes": {"openinference.span.kind": "LLM"}}
    found = take({**span, "attributes": write(attributes())}, other)
    assert store.served() == [EXPECTED]
    assert (found.log.passed_over, found.warnings) == (1, ())


@pytest.mark.parametrize(
    ("ended", "seconds"),
    [
        ("2026-01-01T00:00:01.500Z", 1.5),
        ("2026-01-01T00:00:00Z", 0.0),
        ("2025-12-31T23:59:59Z", None),
        ("soon", None),
        (None, None),
    ],
)
def test_how_long_a_span_took_is_kept(store, take, ended, seconds):
    span = {"trace_id": "t1", "span_id": "1", "start_time": "2026-01-01T00:00:00Z"}
    take({**span, "end_time": ended, "attributes": attributes()})
    assert store.served() == [replace(EXPECTED, seconds=seconds)]


def test_openinference_spans_may_be_otlp_requests_with_steps_and_answers(store, take):
    root = otlp({"openinference.span.kind": "CHAIN", "output.value": "found"}, spanId="0")
    ended = {"endTimeUnixNano": "1767225600250000000"}
    whole = otlp(attributes(), spanId="1", parentSpanId="0", **ended)
    step = otlp(attributes(), spanId="2", parentSpanId="1")
    bad = otlp(attributes("  "), spanId="3", parentSpanId="0")
    spans = [root, whole, step, bad]
    found = take({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}, max_bad_share=0.5)
    (line,) = store.served()
    assert (line.id, line.answer, line.shown) == ("t1/1", "found", EXPECTED.shown)
    assert line.seconds == pytest.approx(0.25, abs=1e-6)
    assert (found.log.lines, found.log.stored, found.log.quarantined) == (1, 1, 1)


@pytest.mark.parametrize("indent", [None, 1])
def test_a_log_may_be_one_json_document(store, tmp_path, indent):
    lines = [{"query": CARD, "results": ["d1"]}, {"query": "another"}]
    (tmp_path / "log.json").write_text(json.dumps(lines, indent=indent))
    Intake().read_all(store, {"log": ["log.json"]}, tmp_path, NOW)
    Intake().read_all(store, {"log": ["log.json"]}, tmp_path, NOW)
    assert [line.query for line in store.served()] == [CARD, "another"]


def test_a_query_in_json_is_found_in_the_input_of_a_retriever(store, take):
    span = {"attributes": attributes('{"query": "where is my card", "k": 5}')}
    take(span)
    assert store.served()[0].query == CARD


def test_mixed_formats_are_read_and_told(store, take):
    found = take({"query": CARD}, QUERY)
    assert "mixes formats (plain lines from line 1, UBI from line 2)" in found.warnings[0]
    assert len(store.served()) == 2


def test_a_flood_of_one_user_is_stored_whole_and_told(store, take):
    lines = [{"query": f"question {n}", "user": "bot"} for n in range(1500)]
    found = take(*lines, {"query": CARD, "user": "u1"})
    assert store.count_served() == 1501
    assert "1500 of 1501 lines from one user ('bot')" in found.warnings[0]


@pytest.mark.parametrize(
    "line, reason",
    [
        ('{"query": 7}', "query is a number (7); it must be a text"),
        ("{}", "query is missing; it must be a text"),
        ('{"query": " "}', "query is blank (' '); it must hold something to read"),
        ("[1]", "the line is "),
        ("not json", "not JSON: "),
        ('{"query": "a", "timestamp": "2030-01-01"}', "timestamp '2030-01-01' is in the future"),
        ('{"query": "a", "query": "b"}', "duplicate key 'query'"),
        ('{"query": "a\\u0000"}', "query holds a NUL character"),
    ],
)
def test_bad_lines_are_quarantined_with_their_reason(store, take, line, reason):
    take({"query": CARD}, line, max_bad_share=0.5)
    assert reasons(store)[0].startswith(reason)


def test_counts_of_a_file_are_kept_for_status(store, take):
    take({"query": CARD, "results": ["d1"], "clicked": ["d9"]}, name="1.jsonl")
    take({"query": CARD, "results": ["d1"], "clicked": ["d1"]}, name="2.jsonl")
    kept = {file.file: file.became for file in store.counts().files}
    assert kept["1.jsonl"]["not_shown"] == 1 and kept["2.jsonl"]["with_clicks"] == 1
    assert store.log_counts() == {"with_results": 2, "with_clicks": 1, "with_feedback": 0}


def test_the_examples_of_the_documentation_are_read(store, take):
    page = Path(__file__).parents[3] / "docs" / "how-to" / "use-a-served-log.md"
    blocks = re.findall(r"^```json\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    found = [take(*block.splitlines(), name=f"{n}.jsonl") for n, block in enumerate(blocks)]
    assert [(each.warnings, each.log.quarantined) for each in found] == [((), 0)] * 3
    assert [(each.log.texts, each.log.amended) for each in found] == [(2, 1), (1, 1), (1, 0)]
    lines = {line.id: line for line in store.served()}
    assert lines["q1"].feedback == (("d2", 1), ("d7", -1))
    assert lines["b1"].clicked == ("d2",) and lines["t1/1"].shown[0].id == "d7"
