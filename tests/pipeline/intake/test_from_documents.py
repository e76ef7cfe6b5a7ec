"""Documents from tables and folders: each once, as its newest version, and nothing lost."""

import json
from contextlib import nullcontext

import pyarrow as pa
import pyarrow.parquet
import pytest
from made_files import LENIENT, NOW, line, take

from pipeline.intake import Intake, IntakeReport
from pipeline.store import Store
from training.faults import DataFault
from training.unlabelled import Document


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def read(store, folder, *patterns, intake=LENIENT) -> IntakeReport:
    return intake.read(store, "document", "recent", patterns, folder, NOW)


def write(folder, **files) -> None:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def ids(store) -> list[str]:
    return [each.id for each in store.documents()]


ROW = {"id": "7", "text": "Call us.", "title": "Cards", "url": "u", "source": "faq"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", line(**ROW, timestamp="1970-01-01T00:00:05Z")),
        ("a.jsonl", line(**{"_id" if k == "id" else k: v for k, v in ROW.items()}, timestamp=5.0)),
        ("a.csv", b"id,text,title,url,source,timestamp\n7,Call us.,Cards,u,faq,5.0\n"),
        (
            "a.tsv",
            b"doc_id\tcontents\ttitle\turl\tsource\ttimestamp\n7\tCall us.\tCards\tu\tfaq\t5.0\n",
        ),
    ],
)
def test_a_document_is_read_from_every_kind_of_table(store, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert read(store, tmp_path, name) == IntakeReport(files=1, stored=1)
    assert store.documents() == [Document(**ROW, timestamp=5.0)]
    assert read(store, tmp_path, name) == IntakeReport(unchanged=1)


def test_parquet_with_numbers_as_ids_is_read(store, tmp_path):
    table = pa.table({"id": [7, 8], "text": ["Call us.", None], "title": [None, "Cards"]})
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    assert read(store, tmp_path, "*.parquet").stored == 2
    assert store.documents() == [Document("7", "Call us."), Document("8", "", "Cards")]


def test_of_an_evaluation_set_the_corpus_is_read(store, tmp_path):
    write(tmp_path, set__queries_jsonl=line(_id="q", text="where"))
    (tmp_path / "set" / "corpus.jsonl").write_bytes(line(_id="7", title="", text="Call us."))
    assert read(store, tmp_path, "set").stored == 1
    assert ids(store) == ["7"]


def test_a_document_without_id_is_named_by_its_content_and_stored_once(store, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(line(text="same") + line(text="same"))
    assert read(store, tmp_path, "a.jsonl") == IntakeReport(files=1, stored=1, known=1)


def test_two_rows_with_one_id_and_different_texts_name_both_lines(store, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(line(id="7", text="one") + line(id="7", text="two"))
    report = read(store, tmp_path, "a.jsonl")
    assert (report.stored, report.quarantined) == (1, 1)
    assert (
        "a.jsonl line 2: id '7' is the id of another document already (in a.jsonl line 1)"
        in (report.warnings[0])
    )


def test_a_changed_text_in_a_rewritten_file_is_a_new_version(store, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(line(id="7", text="one") + line(id="8", text="same"))
    read(store, tmp_path, "a.jsonl")
    (tmp_path / "a.jsonl").write_bytes(line(id="7", text="two") + line(id="8", text="same"))
    report = read(store, tmp_path, "a.jsonl")
    assert (report.stored, report.known, report.quarantined) == (1, 1, 0)
    assert {each.id: each.text for each in store.documents()} == {"7": "two", "8": "same"}


def test_an_appended_row_cannot_contradict_one_above_it(store, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(line(id="7", text="one"))
    read(store, tmp_path, "a.jsonl")
    with open(tmp_path / "a.jsonl", "ab") as stream:
        stream.write(line(id="7", text="two") + line(id="8", text="new"))
    assert read(store, tmp_path, "a.jsonl").quarantined == 1
    assert [each.text for each in store.documents()] == ["one", "new"]


def test_a_later_file_may_replace_documents_and_says_so(store, tmp_path):
    (tmp_path / "2024-01.jsonl").write_bytes(line(id="7", text="one"))
    (tmp_path / "2024-02.jsonl").write_bytes(line(id="7", text="two"))
    (warning,) = read(store, tmp_path, "*.jsonl").warnings
    assert (
        "2024-02.jsonl holds newer versions of 1 documents that came from 2024-01.jsonl" in warning
    )
    assert [each.text for each in store.documents()] == ["two"]


def test_rows_without_a_text_are_refused_by_name(store, tmp_path):
    bad = [{"id": "1"}, {"id": "2", "text": " "}, {"id": "3", "text": 7}, {"id": "4", "text": None}]
    (tmp_path / "a.jsonl").write_bytes(b"".join(line(**each) for each in bad))
    assert read(store, tmp_path, "a.jsonl").quarantined == 4
    assert [fault.reason for fault in store.quarantine()[::-1]] == [
        "text is missing; it must be a text",
        "text is empty; it must hold something to read",
        "text is a number (7); it must be a text",
        "text is empty; it must hold something to read",
    ]
    with pytest.raises(DataFault, match="4 of 4 new records are bad"):
        read(Store.open("sqlite://"), tmp_path, "a.jsonl", intake=Intake())


def test_a_folder_is_read_with_the_folders_in_it(store, tmp_path):
    write(
        tmp_path,
        docs__cards_md="# Lost cards\n\nCall *us*.",
        docs__more__loans_html="<title>Loans | Bank</title><nav>Home</nav><p>We lend.",
        docs__plain_txt="Just text.\n",
        docs__logo_png=b"\x89PNG",
        docs__more__Readme_MD="no title",
    )
    (tmp_path / "docs" / ".git").mkdir()
    (tmp_path / "docs" / ".git" / "x.md").write_text("not a page")
    report = read(store, tmp_path, "docs", intake=Intake())
    assert (report.files, report.stored, report.quarantined) == (4, 4, 0)
    assert {each.id: (each.title, each.text) for each in store.documents()} == {
        "cards.md": ("Lost cards", "Call us."),
        "more/loans.html": ("Loans | Bank", "We lend."),
        "more/Readme.MD": ("", "no title"),
        "plain.txt": ("", "Just text."),
    }
    told = " ".join(report.warnings)
    assert "docs: 1 files are not read (1 .png)" in told
    assert "1 menus, headers and other parts beside the text were left out of 1 HTML pages" in told
    assert read(store, tmp_path, "docs") == IntakeReport(unchanged=4)


def test_only_the_pages_that_changed_are_read_again(store, tmp_path):
    write(tmp_path, docs__a_md="one", docs__b_md="same")
    read(store, tmp_path, "docs")
    cut = store.last_sequence()
    write(tmp_path, docs__a_md="two", docs__c_md="new")
    report = read(store, tmp_path, "docs")
    assert (report.files, report.unchanged, report.stored) == (2, 1, 2)
    assert {each.id: each.text for each in store.documents()} == {
        "a.md": "two",
        "b.md": "same",
        "c.md": "new",
    }
    assert {each.id: each.text for each in store.documents(until=cut)} == {
        "a.md": "one",
        "b.md": "same",
    }


def test_a_page_that_is_gone_is_withdrawn_and_comes_back_with_its_file(store, tmp_path):
    write(tmp_path, docs__a_md="one", docs__b_md="same")
    read(store, tmp_path, "docs")
    (tmp_path / "docs" / "a.md").unlink()
    (warning,) = read(store, tmp_path, "docs").warnings
    assert "1 pages are gone (the first: docs/a.md)" in warning
    assert ids(store) == ["b.md"]
    assert read(store, tmp_path, "docs") == IntakeReport(unchanged=1)
    write(tmp_path, docs__a_md="one")
    assert read(store, tmp_path, "docs").stored == 1
    assert ids(store) == ["b.md", "a.md"]
    counts = store.counts()
    assert sum(counts.documents.values()) == counts.stored == 3


LONG = "# Cards\n\nAll about cards.\n\n" + "".join(
    f"## {name}\n\n{name} text. " + "Words of it. " * 20 + "\n\n"
    for name in ("Lost", "New", "Lost")
)


def test_a_long_page_is_cut_at_its_headings(store, tmp_path):
    write(tmp_path, docs__a_md=LONG)
    report = read(store, tmp_path, "docs", intake=Intake(section_characters=500))
    assert ids(store) == ["a.md", "a.md#lost", "a.md#new", "a.md#lost-1"]
    assert [each.title for each in store.documents()] == [
        "Cards",
        "Cards: Lost",
        "Cards: New",
        "Cards: Lost",
    ]
    assert "1 long pages were cut into 4 sections" in report.warnings[0]


def test_a_section_that_is_gone_is_withdrawn(store, tmp_path):
    cut = Intake(section_characters=500)
    write(tmp_path, docs__a_md=LONG)
    read(store, tmp_path, "docs", intake=cut)
    write(tmp_path, docs__a_md=LONG.replace("## New", "## Fresh"))
    report = read(store, tmp_path, "docs", intake=cut)
    assert (report.stored, report.known) == (1, 3)
    assert sorted(ids(store)) == ["a.md", "a.md#fresh", "a.md#lost", "a.md#lost-1"]
    assert any("1 sections are no longer in their pages" in each for each in report.warnings)


def test_what_is_no_text_is_named_and_the_other_pages_are_read(store, tmp_path):
    write(
        tmp_path,
        docs__empty_md=b"",
        docs__blank_txt=b" \n",
        docs__binary_txt=b"\x89PNG\x00\x01",
        docs__latin_md="für".encode("latin-1"),
        docs__menu_html="<nav>Home</nav><ul><li><a>A</a><li><a href=y>B</a><li><a>C</a></ul>",
        docs__good_md=b"\xef\xbb\xbf# A title\r\n\r\ntext",
    )
    report = read(store, tmp_path, "docs", intake=Intake())
    assert (report.stored, report.quarantined) == (1, 5)
    assert store.documents() == [Document("good.md", "text", "A title")]
    reasons = {fault.file: str(fault) for fault in store.quarantine()}
    assert reasons["docs/empty.md"].startswith("docs/empty.md: is empty")
    assert "is empty" in reasons["docs/blank.txt"]
    assert "binary data" in reasons["docs/binary.txt"]
    assert "not UTF-8" in reasons["docs/latin.md"]
    assert "no text beside 2 menus" in reasons["docs/menu.html"]
    assert any(
        "5 of 6 pages, or sections of them, went into quarantine" in each
        for each in report.warnings
    )


def test_what_most_pages_of_a_folder_repeat_is_left_out(store, tmp_path):
    for number in range(12):
        page = f"<h1>Page {number}</h1><p>About {number}.</p><div>All rights reserved.</div>"
        write(tmp_path, **{f"docs__{number}_html": page})
    report = read(store, tmp_path, "docs")
    assert {each.text for each in store.documents()} == {f"About {n}." for n in range(12)}
    assert "12 menus" in report.warnings[0]
    write(tmp_path, docs__3_html="<h1>Page 3</h1><p>Anew.</p><div>All rights reserved.</div>")
    read(store, tmp_path, "docs")
    assert store.documents()[-1].text == "Anew."


def test_a_page_that_cannot_be_opened_keeps_its_document_and_is_tried_again(
    store, tmp_path, monkeypatch
):
    write(tmp_path, docs__a_md="one", docs__b_md="two")
    read(store, tmp_path, "docs")
    write(tmp_path, docs__a_md="new")
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.intake.from_documents.page_bytes", _refuse)
        report = read(store, tmp_path, "docs")
    assert (report.quarantined, ids(store)) == (1, ["a.md", "b.md"])
    assert "docs/a.md: cannot be read: Permission denied" in report.warnings[0]
    assert read(store, tmp_path, "docs").stored == 1
    assert ids(store) == ["b.md", "a.md"]


def _refuse(path):
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("für".encode("utf-16"), "für"),
        ("<meta charset='windows-1252'><p>für".encode("cp1252"), "für"),
        ("<meta charset=iso-8859-1><p>für – «x»".encode("cp1252"), "für – «x»"),
        (
            '<meta http-equiv="Content-Type" content="text/html; charset=shift_jis"><p>銀行'.encode(
                "shift_jis"
            ),
            "銀行",
        ),
        ("<meta charset=utf-16><p>für".encode(), "für"),
        ("<meta charset=nonsense><p>für".encode(), "für"),
    ],
)
def test_declared_encodings_are_read(store, tmp_path, raw, text):
    write(tmp_path, docs__a_html=raw)
    assert read(store, tmp_path, "docs").stored == 1
    assert [each.text for each in store.documents()] == [text]


def test_pages_may_be_named_by_a_pattern(store, tmp_path):
    write(tmp_path, docs__a_md="one", docs__deep__b_md="two", docs__c_txt="not named")
    assert read(store, tmp_path, "docs/**/*.md").stored == 2
    assert ids(store) == ["a.md", "deep/b.md"]
    assert read(store, tmp_path, "docs/**/*.md") == IntakeReport(unchanged=2)


def test_a_folder_may_hold_documents_of_every_kind(store, tmp_path):
    assert read(store, tmp_path, "corpus/*") == IntakeReport()
    write(
        tmp_path,
        corpus__a_md="one",
        corpus__sub__b_md="two",
        corpus__c_csv="id,text\n7,three\n",
        corpus__set__corpus_jsonl=line(_id="8", text="four"),
        corpus__d_pdf=b"%PDF",
    )
    report = read(store, tmp_path, "corpus/*")
    assert sorted(ids(store)) == ["7", "8", "a.md", "sub/b.md"]
    (warning,) = report.warnings
    assert warning.startswith("corpus: 1 files are not read (1 .pdf)")
    assert read(store, tmp_path, "corpus/*") == IntakeReport(unchanged=4)


def test_pages_stay_when_all_of_them_are_gone_at_once(store, tmp_path):
    write(tmp_path, corpus__a_md="one", corpus__b_md="two")
    read(store, tmp_path, "corpus/*")
    for path in (tmp_path / "corpus").iterdir():
        path.unlink()
    (warning,) = read(store, tmp_path, "corpus/*").warnings
    assert "none of the 2 pages read before is there" in warning
    assert ids(store) == ["a.md", "b.md"]


def test_two_folders_with_pages_of_one_name_are_told_what_to_do(store, tmp_path):
    write(tmp_path, en__index_md="Hello", de__index_md="Hallo")
    report = read(store, tmp_path, "en", "de")
    assert (report.stored, report.quarantined) == (1, 1)
    (fault,) = store.quarantine()
    assert "id 'index.md' is the id of another document already (in en/index.md)" in str(fault)
    assert "name the folder that holds both in data.corpus" in fault.reason
    with Store.open("sqlite://") as other:
        read(other, tmp_path, ".")
        assert sorted(ids(other)) == ["de/index.md", "en/index.md"]


def test_pages_get_their_new_ids_when_another_folder_is_named(store, tmp_path):
    write(tmp_path, docs__a_md="one", docs__b_md="two")
    read(store, tmp_path, "docs")
    read(store, tmp_path, ".")
    assert sorted(ids(store)) == ["docs/a.md", "docs/b.md"]


@pytest.mark.parametrize(
    ("files", "pattern", "told"),
    [
        ({}, "docs", "docs: No such file or directory"),
        ({"docs__a_png": b"x"}, "docs", "docs: is a folder without pages of text"),
        ({"docs__a_jsonl": line(text="x")}, "docs", "such as docs/\\*.jsonl"),
        ({"docs__a_pdf": b"x"}, "docs/a.pdf", "a.pdf: ends in '.pdf'; a file of documents must"),
        ({"docs__a_csv": b"id,name\n1,x\n"}, "docs/a.csv", "the column 'text' is missing"),
    ],
)
def test_what_holds_no_documents_is_refused_by_name(store, tmp_path, files, pattern, told):
    write(tmp_path, **files)
    with pytest.raises(DataFault, match=told):
        read(store, tmp_path, pattern)


def test_many_pages_are_read_in_transactions_that_an_interruption_leaves_whole(
    store, tmp_path, monkeypatch
):
    monkeypatch.setattr("pipeline.intake.from_documents._FILES_PER_TRANSACTION", 2)
    write(tmp_path, **{f"docs__{name}_md": name for name in "abcde"})

    steps = []

    def step(_: int) -> None:
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt

    def shown(*_):
        return nullcontext(step)

    with pytest.raises(KeyboardInterrupt):
        LENIENT.read(store, "document", "recent", ["docs"], tmp_path, NOW, shown)
    assert ids(store) == ["a.md", "b.md"]
    assert read(store, tmp_path, "docs") == IntakeReport(files=3, unchanged=2, stored=3)
    assert ids(store) == [f"{name}.md" for name in "abcde"]


def test_documents_are_read_before_the_pairs_and_counted(store, tmp_path):
    (tmp_path / "c.jsonl").write_text(json.dumps({"id": "7", "text": "Call us."}) + "\n")
    (tmp_path / "t.jsonl").write_bytes(line(text="where"))
    result = LENIENT.read_all(store, {"corpus": ["c.jsonl"], "traffic": ["t.jsonl"]}, tmp_path, NOW)
    assert (result.corpus.stored, result.traffic.stored) == (1, 1)
    assert take(store, tmp_path, "t.jsonl") == IntakeReport(unchanged=1)
