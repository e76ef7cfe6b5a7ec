"""The screen: everything fits its width, no word is cut, and no text steers the terminal."""

import contextlib
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.table import Table

from pipeline.reports.screen import show_parts

STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""What the screen itself writes: bold, colour, and their end."""
ESCAPES = "\x1b[2J\x1b]0;title\x07\x9b31m\u202etxet\r\x08"


@pytest.fixture
def terminal_of(monkeypatch, capsys):
    """Return what a terminal of a width gets."""

    def shown(width, *parts):
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(width))
        show_parts(parts)
        return capsys.readouterr().out

    return shown


def table_of(*rows):
    table = Table(*rows[0])
    for row in rows[1:]:
        table.add_row(*row)
    return table


WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\n"), min_size=0, max_size=30
) | st.just(ESCAPES)


@given(st.lists(WORDS, min_size=3, max_size=3), st.integers(20, 200))
def test_no_text_steers_a_terminal_and_every_cell_is_there(texts, width):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FORCE_COLOR", "1")
        patched.setenv("COLUMNS", str(width))
        with contextlib.redirect_stdout(io.StringIO()) as written:
            show_parts([texts[0], table_of(["one", "two"], texts[1:])])
    told = STYLE.sub("", written.getvalue())
    assert not STEERING.search(told)
    for text in texts:
        for word in STEERING.sub(" ", text).split():
            if word.isascii() and word.isalnum():
                assert word in told.replace("\n", " ")


@pytest.mark.parametrize("width", [60, 200])
def test_a_long_line_is_wrapped_between_words_and_indented_further(terminal_of, width):
    words = " ".join(f"word{number}" for number in range(80))
    rows = terminal_of(width, f"  {words}").splitlines()
    assert len(rows) > 1
    assert all(cell_len(row) <= width for row in rows)
    assert " ".join(" ".join(rows).split()) == words
    assert rows[0].startswith("  word0")
    assert all(row.startswith("    word") for row in rows[1:])


def test_a_path_that_is_longer_than_the_screen_is_not_broken(terminal_of):
    path = "/" + "folder/" * 20
    assert f"report: {path}\n" in terminal_of(60, f"report: {path}")


@pytest.mark.parametrize("width", [60, 200])
def test_a_table_cuts_no_word_and_no_row_is_wider_than_the_screen(terminal_of, width):
    headers = ["anchor set", "queries needed", "detectable drop", "judged so far", "why"]
    cells = ["learned-0002", "1696", "0.037 (assumed)", "10 of 20", "a reason " * 9]
    told = STYLE.sub("", terminal_of(width, table_of(headers, cells)))
    assert "…" not in told
    assert all(cell_len(row) <= width for row in told.splitlines())
    for word in " ".join([*headers, *cells]).split():
        assert word in told


def test_a_table_that_no_width_can_hold_becomes_a_line_per_row(terminal_of):
    headers = ["set", "queries", "found before"]
    rows = [["learned-on-the-first-of-march-2026", "1", "one\ntwo"], ["b", "2", ""]]
    told = terminal_of(44, table_of(headers, *rows))
    assert told.splitlines() == [
        "set learned-on-the-first-of-march-2026:",
        "  queries 1",
        "  found before:",
        "    one",
        "    two",
        "set b: queries 2",
    ]


def test_a_file_gets_lines_as_they_are(capsys):
    line = "word " * 60
    show_parts([line])
    assert capsys.readouterr().out == f"{line}\n"


def test_no_colour_is_written_where_none_is_wanted(terminal_of, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    told = terminal_of(60, table_of(["a"], ["b"]))
    assert not re.search(r"\x1b\[[0-9;]*[34][0-9]", told)


def test_codes_for_emoji_in_a_text_stay_as_they_are(terminal_of):
    assert ":smile: [bold]x[/bold]" in terminal_of(60, ":smile: [bold]x[/bold]")
