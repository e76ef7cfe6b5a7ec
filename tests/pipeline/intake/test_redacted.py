"""Redaction at intake: nothing personal is kept or quoted; no record is lost or stored twice."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from made_files import NOW, touch_later

from pipeline.intake import Intake, Redaction
from pipeline.intake.live_lines import Later
from pipeline.store import Store

KEY = b"of this workspace"
MAIL = "zq.ada@example.org"
DATA = {
    "corpus": ["corpus/*"],
    "history": ["history/*.jsonl"],
    "pairs": ["pairs/*.csv"],
    "traffic": ["traffic/*.jsonl"],
    "log": ["log/*.jsonl"],
}


@pytest.fixture
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("store") / "store.db"


@pytest.fixture
def store(file):
    with Store.open(f"sqlite:///{file}") as opened:
        yield opened


@pytest.fixture
def everything(file):
    """Return what gives all rows of all tables as one text."""

    def dumped() -> str:
        with closing(sqlite3.connect(file)) as database:
            return "\n".join(database.iterdump())

    return dumped


def read(store: Store, folder: Path, mode="mask", own=None, patterns=DATA, **settings):
    redaction = Redaction(mode, own, KEY)
    intake = Intake(max_bad_share=1.0, redact=mode, redactor="mine:own" if own else "", **settings)
    return intake.read_all(store, patterns, folder, NOW, redaction=redaction)


def lines(file: Path, *records) -> None:
    file.parent.mkdir(exist_ok=True)
    told = (each if isinstance(each, str) else json.dumps(each) for each in records)
    file.write_text("".join(f"{each}\n" for each in told), encoding="utf-8")


def rewritten(file: Path, content: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(content, encoding="utf-8")
    touch_later(file)


def every_kind(folder: Path) -> None:
    """Write an address into each field of each kind of record, good and bad."""
    page = "\n\n".join(f"## Ask {MAIL} about part {part}\n\n{'words ' * 300}" for part in (1, 2))
    rewritten(folder / "corpus" / "page.md", f"# The desk of {MAIL}\n\n{page}")
    lines(folder / "corpus" / "docs.jsonl", *(
        {"id": "d1", "text": f"mail {MAIL}", "title": MAIL, "url": f"mailto:{MAIL}"},
        {"id": MAIL, "text": "its id is an address", "source": MAIL},
    ))  # fmt: skip
    lines(folder / "history" / "old.jsonl", *(
        {"id": MAIL, "query": f"who is {MAIL}", "positive": f"{MAIL} is", "negative": MAIL},
        {"query": "several", "positive": [f"one {MAIL}", f"two {MAIL}"], "source": MAIL},
        {"query": f"a bad moment of {MAIL}", "positive": "x", "timestamp": f"{MAIL} at noon"},
        {"query": {"nested": [MAIL]}, "positive": "x"},
        {"query": "no such document", "positive_id": f"document {MAIL}"},
        {"id": MAIL, "query": "the same id", "positive": "of another pair"},
        f"no JSON of {MAIL}",
        f'{{"query": "twice", "query": "{MAIL}"}}',
        '{"query": "' + "long " * 1000 + f'{MAIL}", "positive": ""}}',
    ))  # fmt: skip
    rewritten(folder / "pairs" / "new.csv", f"query,positive\nask {MAIL},{MAIL} answers\n")
    lines(folder / "traffic" / "now.jsonl", *(
        {"text": f"{MAIL} waits", "session": MAIL, "user": MAIL, "source": MAIL, "id": MAIL},
        {"text": 7, "user": MAIL},
        {"text": f"\0 {MAIL}"},
    ))  # fmt: skip
    shown = [{"id": "d1"}, {"text": f"the text of {MAIL}"}, {"id": MAIL}]
    lines(folder / "log" / "log.jsonl", *(
        {"id": f"q {MAIL}", "query": MAIL, "results": shown, "clicked": [f"the text of {MAIL}"],
         "feedback": {MAIL: 1}, "answer": f"write to {MAIL}", "user": MAIL, "session": MAIL},
        {"query": "seconds", "seconds": MAIL, "version": MAIL, "clicked": [{"by": MAIL}]},
        {"id": f"q {MAIL}", "clicked": [MAIL, f"never shown {MAIL}"]},
        {"id": f"nothing of {MAIL}", "clicked": ["d1"]},
        {"query": {"of": MAIL}},
    ))  # fmt: skip


@pytest.mark.parametrize("mode", ["mask", "tag"])
def test_nothing_of_any_kind_of_record_keeps_or_quotes_what_is_taken_out(
    store, tmp_path, mode, everything
):
    every_kind(tmp_path)
    result = read(store, tmp_path, mode)
    assert MAIL not in everything()
    assert "zq.ada" not in everything() + repr(result)
    counted = [getattr(result, name).redacted for name in DATA]
    assert all(counted), dict(zip(DATA, counted, strict=True))
    assert result.redacted == sum(each.became.get("redacted", 0) for each in store.counts().files)


def test_the_ways_into_a_record_stay_when_addresses_go(store, tmp_path):
    every_kind(tmp_path)
    read(store, tmp_path)
    (line,) = [each for each in store.served() if each.answer]
    assert line.query == "[e-mail]"
    assert [each.text for each in line.shown if each.text] == ["the text of [e-mail]"]
    address = line.shown[2].id
    assert address in {each.id for each in store.documents()}
    assert set(line.clicked) == {"the text of [e-mail]", address}
    assert line.feedback == ((address, 1),)
    sections = [each for each in store.documents() if each.id.startswith("page.md#")]
    assert sections
    assert all("[e-mail]" in each.title for each in sections)


def test_without_it_records_stay_what_they_were(store, tmp_path, everything):
    lines(tmp_path / "traffic" / "now.jsonl", {"text": f"{MAIL} waits", "user": MAIL})
    result = read(store, tmp_path, "off")
    assert MAIL in everything()
    assert [(each.text, each.user) for each in store.traffic()] == [(f"{MAIL} waits", MAIL)]
    assert result.redacted == 0


CSV = f"id,query,positive\n,ask {MAIL},it answers\nfixed,of {MAIL},and more\n,plain,words\n"


@pytest.mark.parametrize(
    ("first", "then"),
    [("off", "mask"), ("mask", "off"), ("mask", "tag"), ("tag", "mask"), ("off", "tag")],
)
def test_a_changed_setting_stores_no_record_of_a_rewritten_file_again(
    store, tmp_path, first, then, everything
):
    rewritten(tmp_path / "pairs" / "new.csv", CSV)
    served = [{"id": "a", "query": f"ask {MAIL}", "results": [{"id": "d", "text": MAIL}]}]
    texts = [{"text": f"{MAIL} waits"}, {"text": "plain"}]
    documents = [{"text": f"a document of {MAIL}"}]
    kinds = {"log": served, "traffic": texts, "corpus": documents}
    for kind, records in kinds.items():
        lines(tmp_path / kind / "file.jsonl", *records)
    read(store, tmp_path, first)
    before = everything().count("INSERT INTO pairs"), len(store.traffic())
    rewritten(tmp_path / "pairs" / "new.csv", CSV + ",a new one,its answer\n")
    for kind, records in kinds.items():
        lines(tmp_path / kind / "file.jsonl", *records[::-1], *records)
        touch_later(tmp_path / kind / "file.jsonl")
    again = read(store, tmp_path, then)
    assert (again.pairs.stored, again.pairs.known, again.pairs.quarantined) == (1, 3, 0)
    assert (again.log.stored, again.corpus.stored) == (0, 0)
    # Without an id, a text is known by its line: the second copy of each is another text.
    assert len(store.traffic()) <= before[1] + 4
    assert len(store.documents()) == 1


def test_clicks_that_a_log_written_anew_adds_reach_the_line_that_was_stored_before(store, tmp_path):
    line = {"id": "a", "query": f"ask {MAIL}", "results": [{"text": f"one of {MAIL}"}, {"id": "d"}]}
    lines(tmp_path / "log" / "log.jsonl", line)
    read(store, tmp_path, "mask")
    lines(tmp_path / "log" / "log.jsonl", {**line, "clicked": [f"one of {MAIL}"]})
    touch_later(tmp_path / "log" / "log.jsonl")
    read(store, tmp_path, "tag")
    (stored,) = store.served()
    assert stored.clicked == ("one of [e-mail]",)


def test_a_document_with_an_id_gets_a_new_version_without_what_is_taken_out(store, tmp_path):
    source = tmp_path / "corpus" / "docs.jsonl"
    lines(source, {"id": "d1", "text": f"mail {MAIL}"})
    read(store, tmp_path, "off")
    lines(source, {"id": "d1", "text": f"mail {MAIL}"}, {"id": "d2", "text": "another"})
    touch_later(source)
    rewritten(source, "\n" + source.read_text(encoding="utf-8"))
    read(store, tmp_path, "mask")
    assert [each.text for each in store.documents()] == ["mail [e-mail]", "another"]


def test_a_function_of_the_user_has_the_last_word_also_in_quarantine(store, tmp_path, everything):
    lines(
        tmp_path / "traffic" / "now.jsonl",
        {"text": "the card of Zqlovelace"},
        {"text": "Zqlovelace", "timestamp": "the day of Zqlovelace"},
    )
    read(store, tmp_path, "off", own=lambda text: text.replace("Zqlovelace", "[name]"))
    assert [each.text for each in store.traffic()] == ["the card of [name]"]
    assert "Zqlovelace" not in everything()
    (fault,) = store.quarantine()
    assert "the day of [name]" in fault.reason


def test_what_the_function_fails_on_or_leaves_nothing_of_is_refused_and_not_quoted(
    store, tmp_path, everything
):
    def own(text):
        if "zqfails" in text:
            raise ValueError(text)
        return "" if "zqgone" in text else text

    lines(tmp_path / "traffic" / "now.jsonl", {"text": "zqfails here"}, {"text": "zqgone there"})
    read(store, tmp_path, "mask", own=own)
    reasons = {each.line: each.reason for each in store.quarantine()}
    assert "intake.redactor failed on it (ValueError)" in reasons[1]
    assert "nothing is left of text" in reasons[2]
    assert "zq" not in everything()


def test_lines_that_an_application_logs_are_redacted_as_those_of_files(store, everything):
    intake = Intake(redact="mask")
    log = intake.live_log(store, "service", datetime(2024, 5, 31, tzinfo=UTC))
    log.write(
        [{"id": "a", "query": f"ask {MAIL}", "results": [{"id": "d"}], "user": MAIL}],
        [Later("a", ("d",), {"d": 1}, f"write to {MAIL}")],
    )
    assert MAIL not in everything()
    (line,) = store.served()
    assert (line.query, line.answer, line.clicked) == ("ask [e-mail]", "write to [e-mail]", ("d",))


def test_a_function_that_is_named_must_be_given(tmp_path):
    lines(tmp_path / "now.jsonl", {"text": "a text"})
    with pytest.raises(ValueError, match=r"intake\.redactor is set"):
        Intake(redactor="mine:own").parse(tmp_path / "now.jsonl", "traffic", NOW)


def test_erased_records_stay_out_in_every_form(store, tmp_path):
    source = tmp_path / "pairs" / "new.csv"
    rewritten(source, CSV)
    read(store, tmp_path, "off")
    begun = store.begin_erasure(store.find_erasable("text", f"ask {MAIL}"), "asked", "ada", NOW)
    store.erase_rows(begun.number, lambda value: value)
    rewritten(source, CSV + "\n")
    again = read(store, tmp_path, "mask")
    assert (again.pairs.stored, again.pairs.erased, again.pairs.known) == (0, 1, 2)
