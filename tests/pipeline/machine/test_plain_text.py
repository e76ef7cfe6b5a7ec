"""Text that somebody else wrote: nothing in it steers a terminal, and nothing else changes."""

import json
import tomllib
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from pipeline.machine.plain_text import escaped, on_one_line, plain

ANY = st.text(st.characters())


def steers(sign):
    return unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp")


@given(ANY)
def test_no_control_is_left_but_line_ends(text):
    told = plain(text)
    assert len(told) == len(text)
    assert not any(steers(sign) for sign in told if sign != "\n")
    assert not any(steers(sign) for sign in on_one_line(text))
    told.encode()


@given(ANY.filter(lambda text: not any(map(steers, text))))
def test_a_text_without_controls_stays(text):
    bidi = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    if not bidi & set(text):
        assert plain(text) == text


@given(st.recursive(ANY, lambda inner: st.lists(inner) | st.dictionaries(ANY, inner)))
def test_escaped_json_says_the_same(value):
    told = escaped(json.dumps(value, ensure_ascii=False))
    assert json.loads(told) == value
    assert not any(map(steers, told))


def test_escaped_toml_says_the_same():
    written = 'key = "a\u009b31m\u202eb"  # comment \u009b\n[table]\n'
    told = escaped(written)
    assert tomllib.loads(told) == {"key": "a\u009b31m\u202eb", "table": {}}
    assert "\u009b" not in told


def test_joiners_and_marks_of_direction_stay():
    for text in ("\N{ZERO WIDTH JOINER}", "\u200f", "\u200c", "é\u0301", "👩\u200d🚀"):
        assert plain(text) == text
