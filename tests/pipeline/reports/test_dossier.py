"""Signed reports: changed, moved, unsigned and forged ones are told apart."""

import json

import pytest

from pipeline.reports import SIGNATURE_FILE, check_signature, sign

KEY = b"a key"


@pytest.fixture
def page(tmp_path):
    page = tmp_path / "0003" / "report.html"
    page.parent.mkdir()
    page.write_text("<p>promoted</p>")
    page.with_suffix(".json").write_text('{"outcome": "promoted"}')
    return page


def checked(page, signature, cycle="0003", key=KEY) -> tuple[str, str]:
    found = check_signature(page, cycle, key, signature)
    return found.state, found.reason


def test_a_signed_report_is_told_as_signed_and_the_key_is_not_in_it(page):
    signature = sign(page, "0003", KEY)
    assert checked(page, signature)[0] == "signed"
    assert KEY.decode() not in page.with_name(SIGNATURE_FILE).read_text()


def test_a_report_without_a_key_is_not_signed(page):
    assert sign(page, "0003", None) == ""
    assert checked(page, "")[0] == "not signed"


@pytest.mark.parametrize("name", ["report.html", "report.json"])
def test_a_changed_file_is_named(page, name):
    signature = sign(page, "0003", KEY)
    page.with_name(name).write_text("rejected")
    state, reason = checked(page, signature)
    assert state == "does not match"
    assert reason.startswith(f"{name} changed")


def test_a_lost_file_a_lost_signature_and_another_cycle_do_not_match(page):
    signature = sign(page, "0003", KEY)
    assert checked(page, signature, cycle="0004")[0] == "does not match"
    page.with_suffix(".json").unlink()
    assert checked(page, signature)[0] == "does not match"
    page.with_name(SIGNATURE_FILE).unlink()
    assert checked(page, signature)[0] == "does not match"


def test_a_forged_signature_does_not_match_whatever_mlflow_says(page):
    page.write_text("<p>forged</p>")
    forged = sign(page, "0003", b"another key")
    state, reason = checked(page, forged)
    assert (state, reason) == ("does not match", "the signature was not made with this key")


def test_mlflow_must_have_the_same_signature(page):
    sign(page, "0003", KEY)
    assert "no signature" in checked(page, "")[1]
    assert "another signature" in checked(page, "ab" * 32)[1]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"signature": 1, "files": 2}', "\udcff"])
def test_what_is_no_signature_does_not_match(page, content):
    sign(page, "0003", KEY)
    page.with_name(SIGNATURE_FILE).write_bytes(content.encode("utf-8", "surrogateescape"))
    assert checked(page, "x")[0] == "does not match"


def test_an_edited_file_list_does_not_help(page):
    signature = sign(page, "0003", KEY)
    page.write_text("<p>rejected</p>")
    file = page.with_name(SIGNATURE_FILE)
    edited = json.loads(file.read_text())
    edited["files"] = json.loads(sign_again(page))["files"]
    file.write_text(json.dumps(edited))
    assert checked(page, signature) == (
        "does not match",
        "the signature was not made with this key",
    )


def sign_again(page) -> str:
    sign(page, "0003", b"no key")
    return page.with_name(SIGNATURE_FILE).read_text()
