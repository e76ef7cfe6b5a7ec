"""The index in cycles: whole before a version serves, up to date while it does."""

import shutil
import time
from datetime import UTC, datetime

import psycopg
import pytest
from conftest import let_travel_arrive, make_workspace, name_corpus
from made_streams import TRAVEL, sentences, write_lines
from postgres_server import postgres_server, with_vectors

from pipeline.cycle.journal import Journal
from pipeline.cycle.promotion import Champions
from pipeline.operations import Workspace
from training.encoding import encoder
from training.faults import AnchorholdError, DataFault

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ABROAD = [{"id": f"d{row['id']}", "text": row["positive"]} for row in sentences(TRAVEL, 30, 5)]


def change_settings(space, **index):
    """Write the table [index] anew."""
    settings = space / "anchorhold.toml"
    rest = settings.read_text().partition("\n[index]\n")[0]
    lines = "".join(f"{key} = {value!r}\n" for key, value in index.items())
    settings.write_text(f"{rest}\n[index]\n{lines}")


def run(space):
    with Workspace.open(space, now=NOW) as workspace:
        return workspace.run()


def indexes(space):
    """Return version -> its index, and the champion."""
    with Workspace.open(space, now=NOW) as workspace:
        found = workspace.index_status()
    return {each.version: each for each in found.indexes}, found.champion


@pytest.fixture(scope="module")
def history(tmp_path_factory, tiny_model, empty_tracking_store):
    """Return moment -> a workspace of that moment in its first two cycles."""
    place = tmp_path_factory.mktemp("indexed")
    space = make_workspace(place / "space", tiny_model, empty_tracking_store)
    name_corpus(space)
    change_settings(space, mode="rebuild")
    write_lines(space / "corpus" / "abroad.jsonl", ABROAD)
    found = {}
    result = run(space)
    found["bootstrapped"] = shutil.copytree(space, place / "bootstrapped")
    found["first"] = result
    let_travel_arrive(space)
    write_lines(space / "corpus" / "more.jsonl", [{"id": "new", "text": "book the train"}])
    once = Journal.once
    with pytest.MonkeyPatch.context() as patch:
        for stage in ("regressions", "index/v2"):

            def stop(journal, name, work, kind, last=stage):
                done = once(journal, name, work, kind)
                if name == last:
                    raise KeyboardInterrupt
                return done

            patch.setattr(Journal, "once", stop)
            with pytest.raises(KeyboardInterrupt):
                run(space)
            found[stage] = shutil.copytree(space, place / stage.replace("/", " "))
    found["second"] = run(space)
    found["promoted"] = space
    return found


def test_the_first_run_builds_the_index_of_the_base(history):
    (built,) = history["first"].index.built
    assert (built.version, built.documents, built.encoded) == (1, 30, 30)
    found, champion = indexes(history["bootstrapped"])
    assert champion == 1
    assert (found[1].behind, found[1].stale) == (0, "")


def test_the_index_of_the_champion_follows_documents_that_arrive(history):
    assert indexes(history["index/v2"])[0][1].documents == 31


def test_a_candidate_has_its_index_before_it_serves_and_a_killed_cycle_resumes(history):
    found, champion = indexes(history["index/v2"])
    assert champion == 1
    assert (found[2].documents, found[2].behind, found[2].aliases) == (31, 0, ("candidate",))
    result = history["second"]
    assert result.outcome == "promoted"
    assert [(each.version, each.encoded) for each in result.index.built] == [(1, 1), (2, 31)]
    assert indexes(history["promoted"])[1] == 2


def test_without_an_index_a_version_waits_and_the_next_run_tries_again(history, tmp_path):
    space = shutil.copytree(history["regressions"], tmp_path / "space")
    change_settings(space, mode="rebuild", uri="anchorhold.toml/index")
    result = run(space)
    assert (result.outcome, result.awaiting_index, result.champion.version) == (
        "inconclusive", True, 1,
    )  # fmt: skip
    assert "the next `anchorhold run` tries again" in result.verdict.reasons[-1]
    with Workspace.open(space, now=NOW) as workspace:
        with pytest.raises(AnchorholdError, match="does not serve yet"):
            workspace.promote(2, reason="test")
        status = workspace.status()
        assert (status.champion.version, status.awaiting_approval) == (1, ())
    change_settings(space, mode="rebuild")

    def killed(*_, **__):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Champions, "install", killed)
        with pytest.raises(KeyboardInterrupt):
            run(space)
    assert indexes(space)[1] == 1
    result = run(space)
    assert result.index.promoted == 2
    found, champion = indexes(space)
    assert champion == 2
    assert (found[2].documents, found[2].behind) == (31, 0)


def test_a_rollback_moves_model_and_index_and_a_promotion_adds_what_is_missing(history, tmp_path):
    space = shutil.copytree(history["promoted"], tmp_path / "space")
    with Workspace.open(space, now=NOW) as workspace:
        workspace.rollback()
        found = workspace.search("where is my train", k=3)
    assert (found.version, found.searched, len(found.found)) == (1, 1, 3)
    write_lines(space / "corpus" / "last.jsonl", [{"id": "last", "text": "cook the salt"}])
    with Workspace.open(space, now=NOW) as workspace:
        with workspace._opened("test") as opened:
            opened.take_in(NOW)
        assert workspace.status().index.behind == 1
        workspace.promote(2, reason="again", force=True)
        assert workspace.status().index.behind == 0
        assert [each.version for each in workspace.index_status().indexes] == [1, 2]


def test_in_postgresql_a_view_of_the_champion_moves_with_promotion_and_rollback(history, tmp_path):
    def shown(uri):
        with psycopg.connect(uri) as connection:
            query = (
                'SELECT version, count(*) FROM "anchorhold_tiny-search".champion GROUP BY version'
            )
            return connection.execute(query).fetchall()

    space = shutil.copytree(history["regressions"], tmp_path / "space")
    with postgres_server() as uri:
        with_vectors(uri)
        change_settings(space, mode="rebuild", uri=uri)
        assert run(space).outcome == "promoted"
        assert shown(uri) == [(2, 31)]
        with Workspace.open(space, now=NOW) as workspace:
            workspace.rollback()
            assert shown(uri) == [(1, 31)]
            found = workspace.search("where is my train", k=3)
            assert (found.version, found.searched, len(found.found)) == (1, 1, 3)
            assert "tester" not in workspace.index_status().uri


def test_an_index_may_be_built_after_the_promotion(history, tmp_path):
    space = shutil.copytree(history["regressions"], tmp_path / "space")
    change_settings(space, mode="rebuild", build="after", keep=1)
    result = run(space)
    assert result.outcome == "promoted"
    assert result.index.built[-1].version == 2
    assert result.index.built[-1].encoded == 31
    assert set(indexes(space)[0]) == {1, 2}


def test_workers_build_the_same_index_as_the_command_itself(history, tmp_path, monkeypatch):
    monkeypatch.setattr(encoder, "_CHUNK", 8)
    space = shutil.copytree(history["bootstrapped"], tmp_path / "space")
    with Workspace.open(space, now=NOW) as workspace:
        before = workspace.search("the museum by the harbour", k=10)
    (first,) = indexes(space)[0].values()
    shutil.rmtree(space / ".anchorhold" / "index")
    shutil.rmtree(space / ".anchorhold" / "cache")
    settings = space / "anchorhold.toml"
    settings.write_text(f"{settings.read_text()}\n[compute]\nworkers = 2\n")
    with Workspace.open(space, now=NOW) as workspace:
        built = workspace.index_build("champion")
        after = workspace.search("the museum by the harbour", k=10)
    assert built.encoded == built.documents == first.documents > 16
    assert [each.id for each in after.found] == [each.id for each in before.found]
    assert [each.score for each in after.found] == pytest.approx([e.score for e in before.found])


def test_an_estimate_says_what_a_build_costs_and_keeps_nothing(history, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.operations.index._WORTH_AN_ESTIMATE", 1)
    space = shutil.copytree(history["bootstrapped"], tmp_path / "space")
    settings = space / "anchorhold.toml"
    settings.write_text(f"{settings.read_text()}\n[compute]\nprice_per_hour = 3600.0\n")
    write_lines(space / "corpus" / "more.jsonl", [{"id": f"n{n}", "text": f"n {n}"} for n in "abc"])
    run(space)
    (index,) = indexes(space)[0].values()
    with Workspace.open(space, now=NOW) as workspace:
        whole = workspace.index_estimate("champion")
    assert (whole.documents, whole.missing, whole.to_encode) == (index.documents, 0, 0)
    shutil.rmtree(space / ".anchorhold" / "cache")
    shutil.rmtree(space / ".anchorhold" / "index")
    with Workspace.open(space, now=NOW) as workspace:
        estimate = workspace.index_estimate()
        assert not (space / ".anchorhold" / "index").exists()
        built = workspace.index_build()
    assert estimate.missing == estimate.to_encode == estimate.documents == built.documents
    assert estimate.timed == built.encoded and estimate.price == pytest.approx(
        estimate.seconds, abs=0.01
    )
    assert built.estimated_seconds is not None and built.seconds > 0
    stored = sum(file.stat().st_size for file in (space / ".anchorhold" / "index").rglob("*.lance"))
    # A small table is mostly what each file has.
    assert 4 * built.dimensions * built.documents < estimate.bytes < stored


def test_indexes_of_versions_that_serve_are_not_deleted_by_hand(history, tmp_path):
    space = shutil.copytree(history["promoted"], tmp_path / "space")
    with Workspace.open(space, now=NOW) as workspace:
        for version in ("champion", 2, "previous"):
            with pytest.raises(DataFault, match="not deleted"):
                workspace.index_drop(version)
        with pytest.raises(DataFault, match="no index"):
            workspace.index_drop(7)


@pytest.mark.slow
def test_model_and_index_are_rolled_back_within_two_seconds(history, tmp_path):
    space = shutil.copytree(history["promoted"], tmp_path / "space")
    with Workspace.open(space, now=NOW) as workspace:
        workspace.status()
        began = time.perf_counter()
        workspace.rollback()
        assert time.perf_counter() - began < 2
        assert workspace.status().index.version == 1
