"""The promotion history: whatever is changed afterwards is found."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.store import HistoryBroken, HistoryHead, Store

NOON = datetime(2024, 5, 31, 12, tzinfo=UTC)


@pytest.fixture
def url(tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Store.open(url) as store:
        store.append_promotion(1, None, "bootstrap", "first champion", "0001", NOON)
        store.append_promotion(2, 1, "promote", "new +0.05, anchors hold", "0002", NOON)
        store.append_promotion(3, 2, "promote", "new +0.03, anchors hold", "0004", NOON)
        store.append_promotion(2, 3, "rollback", "complaints: où est ma carte", None, NOON)
    return url


def tamper(url: str, *statements: str) -> None:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    with connection:
        for statement in statements:
            assert connection.execute(statement).rowcount >= 1
    connection.close()


def test_the_history_is_kept_in_order_and_verifies(url):
    with Store.open(url) as store:
        assert store.verify_promotions() == 4
        rows = store.promotions()
    assert [(row.number, row.version, row.previous) for row in rows] == [
        (1, 1, None),
        (2, 2, 1),
        (3, 3, 2),
        (4, 2, 3),
    ]
    assert rows[3].reason == "complaints: où est ma carte"
    assert rows[0].at == NOON
    assert len({row.hash for row in rows}) == 4


def test_an_empty_history_verifies():
    with Store.open("sqlite://") as store:
        assert store.verify_promotions() == 0
        assert store.promotion_head() == HistoryHead(0, "")


def test_the_head_is_the_number_and_the_hash_of_the_last_row(url):
    with Store.open(url) as store:
        assert store.promotion_head() == HistoryHead(4, store.promotions()[-1].hash)


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize(
    "change",
    [
        "version = 9",
        "previous = 9",
        "action = 'force'",
        "reason = 'new +0.50, anchors hold'",
        "cycle = '0009'",
        "at = '2024-05-31T12:00:01+00:00'",
        "hash = 'ff'",
    ],
)
def test_an_edited_row_is_named(url, number, change):
    tamper(url, f"UPDATE promotions SET {change} WHERE number = {number}")
    with (
        Store.open(url) as store,
        pytest.raises(HistoryBroken, match=f"row {number} of the promotion history"),
    ):
        store.verify_promotions()


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (["DELETE FROM promotions WHERE number = 1"], "row 1 .* is missing"),
        (["DELETE FROM promotions WHERE number = 3"], "row 3 .* is missing"),
        (
            [
                "DELETE FROM promotions WHERE number = 3",
                "UPDATE promotions SET number = 3 WHERE number = 4",
            ],
            "row 3 of the promotion history",
        ),
        (
            [
                "UPDATE promotions SET number = 0 WHERE number = 2",
                "UPDATE promotions SET number = 2 WHERE number = 3",
                "UPDATE promotions SET number = 3 WHERE number = 0",
            ],
            "row 2 of the promotion history",
        ),
        (["DELETE FROM promotions WHERE number = 4"], "ends with row 3, but its head names row 4"),
        (["DELETE FROM promotions"], "ends with row 0, but its head names row 4"),
        (
            [
                "INSERT INTO promotions SELECT 5, version, previous, action, reason, cycle, at, "
                "hash, who FROM promotions WHERE number = 4"
            ],
            "row 5 of the promotion history",
        ),
        (["UPDATE promotion_head SET rows = 3"], "its head names row 3"),
        (["UPDATE promotion_head SET hash = ''"], "its head names row 4 with hash none"),
        (["DELETE FROM promotion_head"], "the head of the promotion history is missing"),
        (["UPDATE promotions SET at = 'soon' WHERE number = 2"], "a row that cannot be read"),
    ],
)
def test_rows_that_are_gone_moved_or_added_are_found(url, statements, named):
    tamper(url, *statements)
    with Store.open(url) as store, pytest.raises(HistoryBroken, match=named):
        store.verify_promotions()


def test_a_continued_cycle_adds_its_promotion_once(url):
    later = NOON + timedelta(hours=1)
    with Store.open(url) as store:
        first = store.append_promotion(4, 2, "promote", "new task gained", "0007", NOON)
        again = store.append_promotion(4, 2, "promote", "said otherwise", "0007", later)
        assert again == first
        assert store.verify_promotions() == 5


def test_the_same_rollback_by_hand_may_happen_twice(url):
    with Store.open(url) as store:
        store.append_promotion(2, 3, "rollback", "again", None, NOON)
        store.append_promotion(2, 3, "rollback", "again", None, NOON)
        assert store.verify_promotions() == 6


def test_who_decided_is_kept_and_sealed(url):
    with Store.open(url) as store:
        made = store.append_promotion(5, 2, "force", "asked for", None, NOON, "ana\n")
        assert store.promotions()[-1] == made
        assert made.who == "ana\n"
        assert store.verify_promotions() == 5
    tamper(url, "UPDATE promotions SET who = 'bob' WHERE number = 5")
    with Store.open(url) as store, pytest.raises(HistoryBroken, match="row 5"):
        store.verify_promotions()


def test_an_unknown_action_is_refused(url):
    with Store.open(url) as store, pytest.raises(ValueError, match="bootstrap, adopt, promote"):
        store.append_promotion(2, 3, "promotion", "", None, NOON)


def test_any_reason_can_be_kept(url):
    with Store.open(url) as store:
        store.append_promotion(5, 2, "force", "a\0b \ud83d 😀\n", None, NOON)
        assert store.promotions()[-1].reason == "a b \\ud83d 😀\n"
        assert store.verify_promotions() == 5
