"""Erasing: nowhere after it, said so without what it was, and what is left goes on working."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from canary_search import places_of
from made_canaries import CANARIES, TOLD, with_canaries
from made_streams import write_lines

import pipeline.erasure.erase as steps
from pipeline.commands.erase import erase as command
from pipeline.cycle import verify_history
from pipeline.operations import Workspace
from pipeline.operations.history import history_of
from pipeline.registry import Registry
from pipeline.results import InputPlace
from pipeline.store import Record, Store
from pipeline.workspace import load_settings, open_workspace
from training.faults import DataFault
from training.pairs import Pair
from training.whole_files import written

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def erase(space: Path, *, dry_run: bool = False, reason: str = "asked for by letter", **meant):
    with Workspace.open(space, now=NOW) as workspace:
        return workspace.erase(**meant, reason=reason, who="ada", dry_run=dry_run)


def opened_again(space: Path):
    return open_workspace(load_settings(space), doing="test", now=NOW)


def files_of(space: Path) -> dict[str, str]:
    files = (each for each in sorted(space.rglob("*")) if each.is_file())
    return {
        str(each): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in files
        if each.suffix not in (".lock", ".db-wal", ".db-shm") and each.name != "lock.owner"
    }


def kept(space: Path, text: str) -> list[str]:
    """Return where a text is besides the user's own files."""
    return [each for each in places_of(text, space) if each.startswith(".anchorhold")]


def in_memory(space: Path) -> Pair:
    with opened_again(space) as opened:
        memory = opened.versions.folder(opened.versions.champion()).memory()
        return next(pair for pair in memory if pair.source == "flight")


def in_anchors(space: Path) -> str:
    with opened_again(space) as opened:
        (learned,) = opened.versions.folder(opened.versions.champion()).learned_anchors()
        return next(iter(learned.queries.values()))


def in_report(space: Path) -> str:
    with opened_again(space) as opened:
        signals = opened.store.cycles(limit=1)[0].result["decision"]["signals"]
        return next(each["examples"][0] for each in signals if each["examples"])


def test_what_was_learned_is_nowhere_after_it_was_erased(turned):
    pair = in_memory(turned)
    before = kept(turned, pair.query)
    assert any("memory" in each for each in before)
    done = erase(turned, id=pair.id)
    assert kept(turned, pair.query) == kept(turned, pair.id) == []
    assert (done.records, done.removed["pairs"], done.removed["memory of version 2"]) == (1, 1, 1)
    assert (done.versions, done.trained) == ((2,), (2,))
    assert "weights cannot be edited" in done.remembers
    assert [(each.kind, each.file) for each in done.inputs] == [("pair", "pairs/travel.jsonl")]


@pytest.mark.slow
def test_what_is_measured_is_nowhere_and_versions_compare_on_what_is_left(turned):
    text = in_anchors(turned)
    done = erase(turned, text_like=text)
    assert kept(turned, text) == []
    assert done.removed["learned anchors of version 2"] >= 1
    with Workspace.open(turned, now=NOW) as workspace:
        compared = workspace.compare(2, 1)
        again = workspace.evaluate()
    assert not any("changed" in note for note in compared.notes)
    assert {task.task for task in compared.tasks} == {"anchor/bank", "anchor/learned-0002"}
    assert not again.fell


def test_what_a_report_quotes_is_nowhere_and_the_report_says_that_something_was_erased(turned):
    text = in_report(turned)
    before = kept(turned, text)
    assert {each.rpartition("/")[2] for each in before} >= {"report.html", "decision.json"}
    erase(turned, text_like=text.upper())
    assert kept(turned, text) == []
    page = (turned / ".anchorhold/cycles/0002/report.html").read_text(encoding="utf-8")
    assert "erased on 2026-03-09" in page


def test_the_log_status_history_and_mlflow_say_that_something_was_erased_and_not_what(turned):
    pair = in_memory(turned)
    erase(turned, id=pair.id)
    with Workspace.open(turned, now=NOW) as workspace:
        assert workspace.status().erased == ("1 record erased on 2026-03-09",)
    with opened_again(turned) as opened:
        history = history_of(opened.settings, opened.store)
        tags = opened.registry.version(2).tags
        (entry,) = opened.store.erasures()
    assert tags["anchorhold.erased"] == "1 record erased on 2026-03-09"
    assert (entry.who, entry.reason, entry.kind) == ("ada", "asked for by letter", "id")
    assert [each.what for each in history.decisions if each.action == "erase"] == ["1 record"]


@pytest.mark.slow
def test_the_champion_still_loads_the_history_is_whole_and_the_next_cycle_works(turned):
    pair = in_memory(turned)
    erase(turned, id=pair.id)
    shutil.rmtree(turned / ".anchorhold" / "versions")
    with Workspace.open(turned, now=NOW) as workspace:
        assert len(workspace.encoder().encode(["where is my flight"])) == 1
        assert workspace.run().outcome == "quiet"
    assert kept(turned, pair.query) == []
    with opened_again(turned) as opened:
        assert verify_history(opened.store, opened.registry).verified


def test_an_erased_record_stays_out_when_its_file_is_read_again(turned):
    pair = in_memory(turned)
    erase(turned, id=pair.id)
    file = turned / "pairs" / "travel.jsonl"
    file.rename(file.with_name("again.jsonl"))
    with opened_again(turned) as opened:
        found = opened.take_in(NOW)
        assert pair.id not in {each.id for each in opened.store.pairs()}
    assert (found.pairs.stored, found.pairs.erased) == (0, 1)
    assert found.pairs.seen == found.pairs.known + 1
    assert any("they were erased" in warning for warning in found.warnings)
    assert kept(turned, pair.query) == []


def test_a_dry_run_changes_nothing_and_counts_what_goes(turned):
    pair = in_memory(turned)
    with opened_again(turned):
        pass
    before = files_of(turned)
    told = erase(turned, id=pair.id, dry_run=True)
    assert files_of(turned) == before
    done = erase(turned, id=pair.id)
    assert told.removed.items() <= done.removed.items()
    assert (told.records, told.versions, told.trained, told.inputs) == (
        done.records,
        done.versions,
        done.trained,
        done.inputs,
    )
    assert (told.number, done.number) == (None, 1)


@pytest.mark.slow
def test_a_source_goes_with_its_name(turned):
    done = erase(turned, source="flight")
    assert done.removed["pairs"] == 300
    with opened_again(turned) as opened:
        assert opened.store.names("source") == ["", "lost"]
        champion = opened.versions.folder(opened.versions.champion())
        assert {each.source for each in champion.memory()} == {"lost"}
        assert champion.learned_anchors() == []


def test_a_person_is_found_by_an_address_that_was_taken_out_of_the_texts(turned):
    settings = turned / "anchorhold.toml"
    written_before = settings.read_text(encoding="utf-8")
    for mode, name in (("tag", "tag.ada@example.org"), ("mask", "mask.ada@example.org")):
        settings.write_text(f'{written_before}\n[intake]\nredact = "{mode}"\n', encoding="utf-8")
        rows = [
            {"id": mode, "text": f"write to {name} about {mode}"},
            {"id": name, "text": "a b c"},
        ]
        write_lines(turned / "traffic" / f"{mode}.jsonl", rows)
        with opened_again(turned) as opened:
            assert opened.take_in(NOW).traffic.redacted == 2
        assert kept(turned, name) == []
        if mode == "tag":
            done = erase(turned, text_like=name)
            assert (done.records, len(done.inputs)) == (2, 2)
    # The mark stands for every address: it must not be taken for this one.
    assert erase(turned, text_like=f"to {name} about mask").removed["traffic"] == 1
    assert erase(turned, id=name).removed["traffic"] == 1
    with pytest.raises(DataFault, match=r"what intake\.redact takes out of texts is not stored"):
        erase(turned, text_like="someone.else@example.org")


def test_anchor_sets_of_the_user_are_named_and_not_changed(turned):
    file = turned / "anchors" / "bank" / "queries.jsonl"
    text = re.search('"text": "([^"]+)"', file.read_text(encoding="utf-8"))[1]
    write_lines(turned / "traffic" / "more.jsonl", [{"id": "t", "text": text}])
    with opened_again(turned) as opened:
        opened.take_in(NOW)
    before = file.read_bytes()
    done = erase(turned, text_like=text)
    assert InputPlace(kind="anchor", file="anchors/bank/queries.jsonl", line=1) in done.inputs
    assert InputPlace(kind="traffic", file="traffic/more.jsonl", line=1) in done.inputs
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("meant", "says"),
    [
        ({}, "exactly one of id, source and text must be named, got none"),
        ({"id": "a", "source": "b"}, "got id and source"),
        ({"id": "nobody"}, "nothing that is kept has this id"),
        ({"text_like": "a-b."}, "fewer than 4 letters"),
        ({"source": "flight", "reason": " "}, "the reason is empty"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_erased(turned, meant, says):
    with pytest.raises(DataFault, match=says):
        erase(turned, **meant)
    with opened_again(turned) as opened:
        assert not opened.store.erasures()


def test_a_reason_that_repeats_it_is_refused(turned):
    pair = in_memory(turned)
    with pytest.raises(DataFault, match="the reason repeats what is to be erased"):
        erase(turned, id=pair.id, reason=f"ticket of {pair.id}")


def test_an_unfinished_cycle_must_end_first(turned):
    with opened_again(turned) as opened:
        opened.store.begin_cycle(NOW)
    with pytest.raises(DataFault, match="cycle 0003 is unfinished and uses these records"):
        erase(turned, source="flight")


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def _killing(*_, **__):
    raise Killed


MOMENTS = {
    "before the rows": (Store, "erase_rows"),
    "before the first version": (steps, "rewrite_version"),
    "before the tag of a version": (Registry, "tag"),
    "before the reports": (steps, "rewrite_cycle"),
    "before the caches": (steps, "erase_from_caches"),
    "before it is forgotten": (Store, "settle_erasure"),
    "before the databases are written anew": (steps, "rewrite"),
}
QUICK = ("before the tag of a version",)


@pytest.mark.parametrize(
    "moment",
    [pytest.param(moment, marks=() if moment in QUICK else pytest.mark.slow) for moment in MOMENTS],
)
def test_an_erasure_that_was_killed_is_finished_by_the_next_one(turned, moment, monkeypatch):
    pair, text = in_memory(turned), in_report(turned)
    with monkeypatch.context() as patched:
        patched.setattr(*MOMENTS[moment], _killing)
        with pytest.raises(Killed):
            erase(turned, text_like=text)
    with Workspace.open(turned, now=NOW) as workspace:
        assert workspace.status().unfinished_erasure
    erase(turned, id=pair.id)
    assert kept(turned, pair.query) == kept(turned, text) == []
    with opened_again(turned) as opened:
        first, _ = opened.store.erasures()
        assert (first.state, first.records) == ("done", 1)
        assert opened.versions.folder(opened.versions.champion()).memory()


def test_an_erasure_that_was_cut_off_and_is_asked_for_again_says_what_it_erased(
    turned, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr(steps, "erase_from_caches", _killing)
        with pytest.raises(Killed):
            erase(turned, source="flight")
    again = erase(turned, source="flight")
    assert (again.number, again.kind) == (1, "source")
    assert again.removed["pairs"] == 300
    with pytest.raises(DataFault, match="nothing that is kept has this source"):
        erase(turned, source="flight")


KILLS = """
import os, shutil, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from sqlalchemy import Engine, event
from pipeline.operations import Workspace

FILES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link")
ROWS = ("INSERT", "UPDATE", "DELETE", "COMMIT")
NOW = datetime(2026, 3, 9, tzinfo=UTC)

def erase(space, name, most):
    made = 0
    def change(happens):
        nonlocal made
        made += happens
        if made > most:
            os.kill(os.getpid(), signal.SIGKILL)
    with Workspace.open(space, now=NOW) as workspace:
        workspace.status()
        sys.addaudithook(lambda what, of: change(what in FILES and ".anchorhold" in str(of[0])))
        def executed(connection, cursor, statement, *_):
            change(statement.startswith(ROWS))
        event.listen(Engine, "before_cursor_execute", executed)
        workspace.erase(id=name, reason="asked", who="ada")

space, place, name, step = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
at = 0
while True:
    copy = shutil.copytree(space, place / f"{at:04d}")
    if os.fork() == 0:
        erase(copy, name, at)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.wait()[1]) == 0:
        break
    at += step
"""
"""Ends an erasure by a kill at each change of a file or a row, in turn, until it ends by itself."""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_an_erasure_that_is_killed_at_any_change_is_finished_by_the_next_run(turned, tmp_path):
    pair, place = in_memory(turned), tmp_path / "killed"
    place.mkdir()
    tests = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(turned), str(place), pair.id, "13"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)])},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    *killed, _ = sorted(place.iterdir())
    assert len(killed) > 5
    begun = 0
    for each in killed:
        with Workspace.open(each, now=NOW) as workspace:
            assert workspace.run().outcome == "quiet"
        with opened_again(each) as opened:
            known = bool(opened.store.erasures())
            assert opened.store.unfinished_erasure() is None
        begun += known
        if not known:
            erase(each, id=pair.id)
        assert kept(each, pair.query) == [], each.name
    assert begun


@pytest.mark.slow
def test_canaries_are_only_where_the_security_page_says_and_nowhere_after_erasing(workspace):
    pytest.importorskip("lancedb")
    space = with_canaries(workspace)
    page = (Path(__file__).parents[3] / "docs" / "security.md").read_text(encoding="utf-8")
    for pattern, said in TOLD:
        assert said in page, pattern
    for canary in CANARIES.values():
        found = places_of(canary, space)
        assert any(each.startswith(".anchorhold/store.db") for each in found)
        for each in found:
            assert any(re.match(pattern, each) for pattern, _ in TOLD), each
    for canary in CANARIES.values():
        done = erase(space, text_like=canary)
        assert done.inputs, canary
        assert kept(space, canary) == [], canary
    with opened_again(space) as opened:
        for number in opened.indexes.numbers():
            index = opened.indexes.open(number, opened.indexes.stamp(number).fingerprint)
            assert {"doc0", "doc1"}.isdisjoint(index.vectors()[0])
    with Workspace.open(space, now=NOW) as workspace:
        assert workspace.run().outcome in ("quiet", "blocked")
        assert len(workspace.status().erased) == len(CANARIES)
    for canary in CANARIES.values():
        assert kept(space, canary) == [], canary


EVERYWHERE = {**CANARIES, "anchor": "zqanchorcanary"}
ADDRESSES = {name: f"{canary}@example.org" for name, canary in EVERYWHERE.items()}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["mask", "tag"])
def test_addresses_that_are_taken_out_are_in_the_files_of_the_user_only(workspace, mode):
    pytest.importorskip("lancedb")
    space = with_canaries(workspace, f'[intake]\nredact = "{mode}"\n', ADDRESSES)
    with Workspace.open(space, now=NOW) as opened:
        assert opened.status().redacted > len(ADDRESSES)
        opened.report_all()
    for name, address in ADDRESSES.items():
        found = places_of(address, space) + places_of(address.partition("@")[0], space)
        assert found, name
        for each in found:
            assert re.match(TOLD[-1][0], each), f"{name}: {each}"


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["hashed", "none"])
def test_texts_are_in_no_report_no_file_of_mlflow_and_no_message_that_must_not_show_them(
    workspace, policy
):
    pytest.importorskip("lancedb")
    command = 'command = ["sh", "-c", "cat >> told.json"]'
    tell = "".join(f"[{table}]\n{command}\n" for table in ("promotion", "alerts"))
    space = with_canaries(workspace, f'[report]\ntexts = "{policy}"\n\n{tell}', EVERYWHERE)
    with Workspace.open(space, now=NOW) as opened:
        opened.report_all()
    assert (space / ".anchorhold" / "history.html").exists()
    allowed = [pattern for pattern, said in TOLD if said in ("`store.db`", "versions", TOLD[-1][1])]
    allowed.append(r"\.anchorhold/cycles/\d+/derived/")
    assert (space / "told.json").exists()
    for name, canary in EVERYWHERE.items():
        found = places_of(canary, space)
        assert found, name
        for each in found:
            assert any(re.match(pattern, each) for pattern in allowed), f"{name}: {each}"


def test_a_file_that_a_killed_process_left_beside_another_is_no_place_to_hide(tmp_path):
    """What the search for canaries looks into: a file that is not whole, too."""
    with pytest.raises(Killed), written(tmp_path / "whole.txt") as partial:
        partial.write_text("zqcanary", encoding="utf-8")
        assert places_of("zqcanary", tmp_path)
        raise Killed
    assert not places_of("zqcanary", tmp_path)


@pytest.mark.usefixtures("restored_process")
def test_without_a_terminal_it_must_be_confirmed(turned):
    with pytest.raises(typer.BadParameter, match="--dry-run"):
        command(reason="asked", source="flight", workspace=turned)
    with opened_again(turned) as opened:
        assert not opened.store.erasures()


@pytest.mark.slow
def test_a_report_that_only_mlflow_has_is_written_anew_too(turned):
    text = in_report(turned)
    shutil.rmtree(turned / ".anchorhold" / "cycles")
    assert any(each.endswith("report.html") for each in kept(turned, text))
    erase(turned, text_like=text)
    assert kept(turned, text) == []


@pytest.mark.slow
def test_a_version_that_was_copied_to_another_model_stays_whole(turned):
    pair = in_memory(turned)
    with opened_again(turned) as opened:
        registry = opened.registry
        registry.client.create_registered_model("other")
        registry.client.copy_model_version("models:/tiny-search/2", "other")
    erase(turned, id=pair.id)
    with opened_again(turned) as opened:
        tags = opened.registry.client.get_model_version("other", "1").tags
        assert tags["anchorhold.manifest"] == opened.registry.version(2).tags["anchorhold.manifest"]


def test_the_records_of_a_file_that_is_gone_are_not_named(turned):
    pair = in_memory(turned)
    (turned / "pairs" / "travel.jsonl").unlink()
    assert erase(turned, id=pair.id).inputs == ()


def test_several_positives_of_one_record_go_together(turned):
    more = [Pair("many", "a query", "first"), Pair("many#2", "a query", "second")]
    with opened_again(turned) as opened:
        opened.store.add("pair", "recent", [Record(more[0], more=(more[1],))])
    assert erase(turned, id="many").removed["pairs"] == 2
