"""Messages about moves and alerts: never lost, never of what did not happen, never in the way."""

import dataclasses
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from receiving import receiving

from pipeline.operations import Workspace
from pipeline.operations.messages import send
from pipeline.registry import Registry
from pipeline.store import Store

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def settings_of(space, **tables):
    """Add tables to the settings of a workspace, when its moves so far have been told to nobody."""
    with work_in(space) as work, work._opened("test", writes=True):
        pass
    with (space / "anchorhold.toml").open("a", encoding="utf-8") as file:
        for table, keys in tables.items():
            lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
            file.write(f"\n[{table}]\n{lines}")


def work_in(space, now=NOW):
    return Workspace.open(space, now=now)


def again(space, later):
    """Let a later run send what waits."""
    with work_in(space) as work:
        return send(work.settings, NOW + later)


def test_a_move_is_told_once_with_both_versions_and_a_later_run_tells_nothing(turned):
    with receiving() as (url, received):
        settings_of(turned, promotion={"webhook": url})
        with work_in(turned) as work:
            work.rollback(reason="a complaint")
            assert again(turned, timedelta(days=1)) == ()
            work.promote(2, reason="it was wrong", force=True)
            versions = {each.version for each in work.status().promotions}
            counts = work.status().messages
    # The moves before the receiver was set were told to nobody, and are told no more.
    assert [each["body"]["data"]["action"] for each in received] == ["rollback", "force"]
    first = received[0]["body"]
    assert first["type"] == "promotion"
    assert first["timestamp"] == NOW.isoformat()
    assert (first["data"]["version"], first["data"]["previous"]) == (1, 2)
    assert first["data"]["reason"] == "a complaint"
    assert len({first["data"][name] for name in ("fingerprint", "previous_fingerprint")}) == 2
    assert versions == {1, 2}
    assert (counts.waiting, counts.given_up, counts.error) == (0, 0, "")


def test_a_command_is_told_what_moved(turned):
    code = (
        "import os, sys, json; told = json.load(sys.stdin); "
        "names = ['EVENT', 'VERSION', 'PREVIOUS', 'ACTION', 'MODEL']; "
        "told['names'] = [os.environ['ANCHORHOLD_' + name] for name in names]; "
        "json.dump(told, open('told.json', 'w'))"
    )
    settings_of(turned, promotion={"command": [sys.executable, "-c", code]})
    with work_in(turned) as work:
        work.rollback()
    told = json.loads((turned / "told.json").read_text())
    assert told["names"] == ["promotion", "1", "2", "rollback", "tiny-search"]
    assert told["data"]["version"] == 1


def test_a_receiver_that_fails_first_gets_the_same_message_again_in_order(turned):
    with receiving(lambda number: 503 if number == 0 else 200) as (url, received):
        settings_of(turned, promotion={"webhook": url})
        with work_in(turned) as work:
            moved = work.rollback(reason="first")
            assert moved.champion.version == 1
            work.promote(2, reason="second", force=True)
            waiting = work.status().messages
            assert len(received) == 1  # its pause is not over
            again(turned, timedelta(minutes=5))
            after = work.status().messages
    assert (waiting.waiting, waiting.given_up) == (2, 0)
    assert "503" in waiting.error
    assert "s3cret" not in waiting.error
    assert (after.waiting, after.error) == (0, "")
    assert [each["body"]["data"]["reason"] for each in received] == ["first", "first", "second"]
    ids = [each["headers"]["webhook-id"] for each in received]
    assert ids[0] == ids[1] != ids[2]


def test_pauses_grow_and_an_old_message_is_given_up_and_makes_room(turned):
    with receiving(lambda _: 500) as (url, received):
        settings_of(turned, promotion={"webhook": url, "give_up_hours": 24.0})
        with work_in(turned) as work:
            work.rollback(reason="first")
            pauses = []
            for _ in range(4):
                with Store.open(work.settings.store_url) as store:
                    (message,) = store.waiting_messages()
                pauses.append(message.due)
                send(work.settings, datetime.fromtimestamp(message.due + 1, UTC))
            gaps = [later - earlier for earlier, later in pairwise(pauses)]
            assert all(later > 1.2 * earlier for earlier, later in pairwise(gaps))
            work.promote(2, reason="second", force=True)
            before = len(received)
            send(work.settings, NOW + timedelta(hours=25))
            assert len(received) == before + 2  # the next one's turn came in the same pass
            found = work.status().messages
    assert (found.waiting, found.given_up) == (0, 2)
    assert "500" in found.error


def test_messages_do_not_wait_for_a_clock_that_was_set_back(turned):
    with receiving(lambda number: 503 if number == 0 else 200) as (url, received):
        settings_of(turned, promotion={"webhook": url})
        with work_in(turned) as work:
            work.rollback(reason="a complaint")
            send(work.settings, NOW - timedelta(days=400))
            assert work.status().messages.waiting == 0
    assert len(received) == 2


def test_two_receivers_do_not_wait_for_one_another(turned):
    with receiving(lambda _: 500) as (broken, _), receiving() as (url, received):
        settings_of(turned, promotion={"webhook": broken}, alerts={"webhook": url})
        with work_in(turned) as work:
            work.rollback(reason="a complaint")
            assert work.status().messages.waiting == 1
    (told,) = received
    assert told["body"]["type"] == "alert.rolled_back"
    assert "version 2 was rolled back" in told["body"]["data"]["summary"]


def test_one_address_for_both_tables_gets_two_messages_with_two_identities(turned):
    with receiving() as (url, received):
        settings_of(turned, promotion={"webhook": url}, alerts={"webhook": url})
        with work_in(turned) as work:
            work.rollback()
    assert len({each["headers"]["webhook-id"] for each in received}) == 2


def test_a_hanging_receiver_costs_a_move_its_time_and_no_more(turned):
    with receiving(hang=20) as (url, _):
        settings_of(turned, promotion={"webhook": url, "seconds": 0.5})
        with work_in(turned) as work:
            began = time.monotonic()
            work.rollback(reason="first")
            work.promote(2, reason="second", force=True)
            assert time.monotonic() - began < 10
            assert work.status().champion.version == 2
            assert work.status().messages.waiting == 2


def killed_before_the_history(monkeypatch):
    promote = Registry.promote

    def killed(registry, version, *, expected):
        promote(registry, version, expected=expected)
        raise KeyboardInterrupt

    monkeypatch.setattr(Registry, "promote", killed)
    return KeyboardInterrupt


def killed_before_sending(monkeypatch):
    def killed(*_, **__):
        raise SystemExit("killed")

    monkeypatch.setattr("pipeline.operations.opening.send_quietly", killed)
    return SystemExit


@pytest.mark.parametrize("kill", [killed_before_the_history, killed_before_sending])
def test_a_move_that_was_killed_after_it_happened_is_told_once_by_the_next_verb(
    turned, monkeypatch, kill
):
    with receiving() as (url, received):
        settings_of(turned, promotion={"webhook": url})
        end = kill(monkeypatch)
        with work_in(turned) as work, pytest.raises(end):
            work.rollback(reason="a complaint")
        monkeypatch.undo()
        assert received == []
        with work_in(turned) as work:
            work.promote(2, reason="later", force=True)
    assert [each["body"]["data"]["reason"] for each in received] == ["a complaint", "later"]


def test_what_was_killed_before_the_move_is_never_told(turned, monkeypatch):
    with receiving() as (url, received):
        settings_of(turned, promotion={"webhook": url})

        def killed(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr(Registry, "promote", killed)
        with work_in(turned) as work, pytest.raises(KeyboardInterrupt):
            work.rollback(reason="a complaint")
        monkeypatch.undo()
        with work_in(turned) as work:
            work.run()
            assert work.status().champion.version == 2
    assert received == []


def test_an_interrupted_sending_keeps_the_move_and_the_message(turned, monkeypatch):
    with receiving() as (url, received):
        settings_of(turned, promotion={"webhook": url})

        def interrupted(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr("pipeline.machine.deliver.post", interrupted)
        with work_in(turned) as work:
            assert work.rollback().champion.version == 1
        monkeypatch.undo()
        again(turned, timedelta(minutes=5))
    assert len(received) == 1


def test_a_channel_that_is_no_longer_set_is_given_up(turned):
    with receiving(lambda _: 500) as (url, _):
        settings_of(turned, promotion={"webhook": url})
        with work_in(turned) as work:
            work.rollback()
            tables = work.settings.tables
            without = dataclasses.replace(tables, promotion=type(tables.promotion)())
            changed = dataclasses.replace(work.settings, tables=without)
            send(changed, NOW + timedelta(minutes=5))
            found = work.status().messages
    assert (found.waiting, found.given_up) == (0, 1)
    assert "no longer set" in found.error


def test_a_test_message_goes_to_each_receiver_that_is_set(turned):
    with receiving() as (url, received), receiving(lambda _: 404) as (other, _):
        settings_of(turned, promotion={"webhook": url}, alerts={"webhook": other})
        with work_in(turned) as work:
            found = work.test_receivers()
    assert [each["body"]["type"] for each in received] == ["test"]
    assert [each.channel for each in found.deliveries] == ["promotion.webhook", "alerts.webhook"]
    assert found.deliveries[0].error == ""
    assert "404" in found.deliveries[1].error
    assert found.failed
