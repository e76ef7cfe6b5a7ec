"""Redaction: what reaches a person goes, whatever else is written stays, nothing ever fails."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.intake.redaction import Redaction

REDACTED = Redaction()
TAGGED = Redaction("tag", key=b"a key")

PERSONAL = [
    ("ada@example.org", "[e-mail]"),
    ("Write to Müller.Ö+x@exämple.co.uk.", "Write to [e-mail]."),
    ("<ada_l-9@mail.example.com>, please", "<[e-mail]>, please"),
    ("4111111111111111", "[card]"),
    ("4111-1111-1111-1111 12/26", "[card] 12/26"),
    ("order 12 4111 1111 1111 1111 and 378282246310005", "order 12 [card] and [card]"),
    ("5555 5555 5555 4444 cvc 123", "[card] cvc 123"),
    ("DE89 3704 0044 0532 0130 00 and more words here", "[iban] and more words here"),
    ("gb82west12345698765432", "[iban]"),
    ("FR14 2004 1010 0505 0001 3M02 606", "[iban]"),
    ("NL91ABNA0417164300 please", "[iban] please"),
    ("ping 192.168.178.255.", "ping [ip]."),
    ("from 10.1.2.3:8080 at 10:20:30", "from [ip]:8080 at 10:20:30"),
    ("2001:db8:85a3::8a2e:370:7334 is down", "[ip] is down"),
    ("::ffff:192.0.2.1", "[ip]"),
    ("+49 171 1234567", "[phone]"),
    ("call +1 (555) 123-4567 or 0049 171 1234567", "call [phone] or [phone]"),
    ("+49 (0)171 1234567.", "[phone]."),
    ("+33 6\u202f12\u202f34\u202f56\u202f78", "[phone]"),
    ("0171/1234567", "[phone]"),
    ("(030) 123456", "[phone]"),
    ("06 12 34 56 78", "[phone]"),
    ("020 7946 0958", "[phone]"),
    ("555-123-4567, (555) 123 4567, 1-800-555-0199", "[phone], [phone], [phone]"),
    ("612 345 678", "[phone]"),
    ("98765 43210", "[phone]"),
]
HARMLESS = [
    *("", " ", "where is my card", "@home user@localhost a@b", "std::vector a::b Dead::Beef"),
    *(
        "4111 1111 1111 1112",
        "1234 5678 9012 3456",
        "EAN 4006381333931",
    ),
    *("version 1.2.3, 1.2.3.4.5", "999.1.1.1", "12:30:45", "mac 00:1a:2b:3c:4d:5e"),
    *("2024-01-02", "01.02.2024", "2024-01-02T10:20:30Z", "in 2023 2024 2025", "1767225600000"),
    *("2147483647", "0x80070005", "numpy 1.26.4", "ISBN 978-3-16-148410-0", "0.123456789"),
    *("port 8080 12345", "1 200 000 rows", "1920 1080", "matrix 100 200 300 400"),
    *("RFC 2616 7231 9110", "CVE-2024-12345", "[0, 10, 20, 30]", "price 19,99 or 1.234,56"),
    *("123e4567-e89b-12d3-a456-426614174000", "3.14159265358979", "00000000"),
]


@pytest.mark.parametrize(("text", "kept"), PERSONAL)
def test_what_reaches_a_person_is_masked(text, kept):
    assert REDACTED(text) == kept


@pytest.mark.parametrize("text", HARMLESS)
def test_other_numbers_dates_and_names_stay(text):
    assert REDACTED(text) == TAGGED(text) == text


def test_off_finds_nothing():
    text = " ".join(text for text, _ in PERSONAL)
    assert Redaction("off")(text) == text
    assert Redaction("off").name("ada@example.org") == "ada@example.org"


def test_tags_tell_values_apart_and_nobody_without_the_key_can_compute_them():
    text = "a@example.org A@example.org b@example.org +49 171 1234567 +491711234567"
    tags = re.findall(r"\[[^\]]+\]", TAGGED(text))
    assert len(tags) == 5 and tags[0] == tags[1] != tags[2] and tags[3] == tags[4]
    assert Redaction("tag", key=b"another")(text) != TAGGED(text)


def test_names_stay_apart_and_only_personal_ones_change():
    names = ["u-7", "ada@example.org", "bob@example.org", "+49 171 1234567", "", "10.1.2.3"]
    kept = [REDACTED.name(name) for name in names]
    assert [kept[0], kept[4]] == ["u-7", ""]
    assert len(set(kept)) == len(names)
    assert all(re.fullmatch("redacted-[a-p]{16}", kept[place]) for place in (1, 2, 3, 5))


TEXTS = st.one_of(
    st.text(),
    st.text("0123456789 .-+()/:@abfxDE", max_size=60),
    st.lists(
        st.one_of(
            st.sampled_from([text for text, _ in PERSONAL] + HARMLESS),
            st.text("0123456789 +-.", max_size=6),
        ),
        max_size=5,
    ).map("".join),
)


@settings(max_examples=60)
@given(TEXTS)
def test_it_never_fails_and_a_second_time_changes_nothing(text):
    for redacted in (REDACTED, TAGGED):
        once = redacted(text)
        assert redacted(once) == once
    assert REDACTED.name(text) == REDACTED.name(text)


@given(st.text(st.characters(exclude_categories=("Nd", "Cs"), exclude_characters="@:")))
def test_a_text_without_digits_colons_and_at_signs_stays_as_it_is(text):
    assert REDACTED(text) == text


@given(st.text("abc xyz", max_size=20), st.text("abc xyz", max_size=20))
def test_what_stands_around_a_match_stays(before, behind):
    text = f"{before} +49 171 1234567, {behind}"
    assert REDACTED(text) == f"{before} [phone], {behind}"


@pytest.mark.parametrize(
    "part",
    ["a", "1", "1 ", "a@", "a.", ":", "DE12", "+1", "12 ", "(0", "0", "1.1.", "ab12 ", "+", "111 "],
)
def test_a_long_text_of_any_kind_takes_no_long_time(part):
    text = part * (30_000 // len(part))
    began = time.process_time()
    REDACTED(text)
    assert time.process_time() - began < 1.0
