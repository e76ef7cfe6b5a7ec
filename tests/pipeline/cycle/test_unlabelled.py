"""A team with documents and a served log, and no labelled pair, gets the whole loop."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from answering import answering, completion
from conftest import make_workspace
from made_corpus import documents, log_of
from made_streams import TRAVEL, sentences, write_lines

from pipeline.cycle import kinds
from pipeline.cycle.check import check_now, window_of
from pipeline.cycle.journal import Journal
from pipeline.cycle.kinds import Material
from pipeline.cycle.promotion import Champions
from pipeline.cycle.run import run_cycle
from pipeline.operations.discard import Records, discard_records
from pipeline.store import Record
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.workspace import open_workspace
from training.pairs.memory import Memory
from training.pairs.pair import Pair, normalised
from training.unlabelled import Shown
from training.unlabelled.centre import is_centred

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CORPUS = documents(TRAVEL, 400)


@pytest.fixture(scope="module")
def served_once(tmp_path_factory, tiny_model, empty_tracking_store):
    """Return a workspace to copy: after its first version, documents and a log have arrived."""
    place = tmp_path_factory.mktemp("served")
    space = make_workspace(place / "space", tiny_model, empty_tracking_store)
    with opening(space) as opened:
        run_cycle(opened, NOW)
        opened.store.add("document", "recent", [Record(each) for each in CORPUS])
        opened.store.add("served", "recent", [Record(each) for each in log_of(CORPUS)])
    return space


@pytest.fixture
def space(served_once, tmp_path):
    return shutil.copytree(served_once, tmp_path / "space")


@pytest.fixture
def allowed(space):
    settle(space, '[gate]\nproxies = "allow"\n')
    return space


def opening(space):
    return open_workspace(load_settings(space), doing="run", now=NOW)


def settle(space, text):
    file = space / "anchorhold.toml"
    file.write_text(file.read_text() + text)


def turn(space):
    with opening(space) as opened:
        return run_cycle(opened, NOW)


def test_a_promotion_without_labels_is_stamped_wherever_it_is_seen(allowed):
    with opening(allowed) as opened:
        result = run_cycle(opened, NOW)
        assert result.outcome == "promoted", result.verdict
        assert result.to_json()["verdict"]["without_labels"] is True
        tasks = {each.task: each for each in result.verdict.comparisons}
        assert set(tasks) == {"anchor/bank", "proxy/known-items", "proxy/lexical"}
        version = opened.versions.champion()
        run = opened.registry.client.get_run(result.run_id)
        assert version.tags["anchorhold.without_labels"] == "true"
        assert run.data.tags["anchorhold.without_labels"] == "true"
        for text in (
            version.description,
            run.data.tags["mlflow.note.content"],
            opened.store.promotions()[-1].reason,
            (allowed / ".anchorhold/cycles/0002/report.html").read_text(),
        ):
            assert "without labels" in text.lower()
        assert "proxy/lexical/difference" in run.data.metrics
        assert result.training.share == 0.5
        assert "50% of the mean of the log's queries is taken off" in result.training.merge
        assert is_centred(opened.versions.folder(version).model)

        # What was learned is remembered by its kind, held by its known items, and known ground.
        folder = opened.versions.folder(version)
        kinds = {each.kind: each for each in result.lesson.derived.kinds}
        assert set(kinds) == {"feedback", "consensus", "structure", "reformulation", "generated"}
        remembered = [pair for pair in folder.memory() if pair.source in kinds]
        assert len(remembered) == result.lesson.derived.used == result.lesson.recent
        held = {each.name: each for each in folder.learned_anchors()}["anchor/learned-0002"]
        assert len(held.queries) == tasks["proxy/known-items"].queries
        assert any(text.text.startswith("where is") for text in folder.reference())
        known = opened.settings.tables.known_items.protected(CORPUS)
        protected = {normalised(each.whole) for each in CORPUS if each.id in known}
        protected |= {normalised(each.text) for each in CORPUS if each.id in known}
        assert known
        assert not protected & {normalised(pair.positive) for pair in remembered}
        kept_off = opened.settings.tables.holdout.holds
        assert not any(kept_off(pair.query) for pair in remembered if pair.source == "consensus")
        assert run_cycle(opened, NOW).decision.reasons[0].startswith("nothing has arrived")


@pytest.mark.slow
def test_queries_that_a_language_model_writes_are_learned_beside_the_others(allowed):
    def write(body):
        words = body["messages"][-1]["content"].partition("<text>")[2].split()
        return completion(f"please tell me {' '.join(words[:6])}")

    with answering(write) as (url, got):
        settle(allowed, f'[generate]\nurl = "{url}"\nmodel = "local"\ndocuments = 40\n')
        result = turn(allowed)
    kinds = {each.kind: each for each in result.lesson.derived.kinds}
    assert len(got) == kinds["generated"].considered == 40
    assert kinds["generated"].used > 0
    with opening(allowed) as opened:
        held = opened.settings.tables.known_items.protected(CORPUS)
        sent = str(got)
        assert not any(each.whole in sent for each in CORPUS if each.id in held)


@pytest.mark.slow
def test_a_language_model_out_of_reach_is_named_and_the_cycle_goes_on(allowed):
    settle(allowed, '[generate]\nurl = "http://127.0.0.1:1/v1"\nmodel = "local"\n')
    result = turn(allowed)
    kinds = {each.kind: each for each in result.lesson.derived.kinds}
    assert "http://127.0.0.1:1/v1" in kinds["generated"].reason
    assert result.outcome == "promoted"


def test_what_the_champion_finds_in_a_part_of_a_large_corpus_is_named_by_its_rows(
    allowed, monkeypatch
):
    monkeypatch.setattr(kinds, "_SEARCHED", 50)
    with opening(allowed) as opened:
        champion = opened.versions.champion()
        folder = opened.versions.folder(champion)
        material = Material.gather(opened, folder, window_of(opened, champion))
        assert len(material.searched) == 50 < len(material.corpus)
        texts = material.searched.texts[10:20]
        found = material.search(texts, 1)[:, 0]
        assert [material.corpus.texts[row] for row in found] == texts


def test_of_a_large_corpus_a_cycle_holds_what_the_log_shows_and_a_sample(allowed):
    file = allowed / "anchorhold.toml"
    file.write_text(file.read_text().replace("[data]\n", "[data]\ncorpus_sample = 100\n", 1))
    more = documents(TRAVEL, 900)[400:]
    with opening(allowed) as opened:
        opened.store.add("document", "recent", [Record(each) for each in more])
        champion = opened.versions.champion()
        window = window_of(opened, champion)
        material = Material.gather(opened, opened.versions.folder(champion), window)
        shown = {each.id for line in material.served for each in line.shown}
    held = {each.id for each in material.documents}
    assert shown <= held
    assert len(held) == max(len(shown), 100) < 900


def test_by_default_the_evidence_is_told_and_nothing_is_promoted(space):
    result = turn(space)
    assert result.outcome == "inconclusive"
    assert result.champion.version == 1
    assert result.verdict.without_labels
    assert 'gate.proxies = "allow"' in result.verdict.reasons[1]
    assert "anchorhold judge" in result.verdict.reasons[1]

    # Whether tuning can help is told once the documents have vectors, and costs none.
    found = result.decision.headroom
    assert found.reason.count("%") == 3
    assert found.room == pytest.approx(found.recall_at_100 - found.hit_at_1)
    assert 0.5 < found.consensus_gap <= 1
    with opening(space) as opened:
        again = check_now(opened, traffic=space / "reference/bank.jsonl", pairs=None, now=NOW)
        assert "not measured" in again.headroom.reason


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["derive", "train/configured", "evaluate"])
def test_a_cycle_that_was_interrupted_ends_as_if_it_had_not_been(
    allowed, tmp_path, monkeypatch, stage
):
    undisturbed = turn(shutil.copytree(allowed, tmp_path / "undisturbed"))
    once = Journal.once

    def stop(journal, name, work, kind):
        result = once(journal, name, work, kind)
        if name == stage:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "once", stop)
        with pytest.raises(KeyboardInterrupt):
            turn(allowed)
    resumed = turn(allowed)
    assert resumed.verdict == undisturbed.verdict
    assert resumed.lesson == undisturbed.lesson
    assert resumed.champion == undisturbed.champion


def test_too_little_to_learn_from_is_told_by_kind(space):
    for table in ("consensus", "structure"):
        settle(space, f"[{table}]\nenabled = false\n")
    settle(space, "[centre]\nenabled = false\n")
    result = turn(space)
    assert result.outcome == "insufficient_data"
    said = result.decision.reasons[-1]
    assert said.startswith("not enough new pairs: 0 < 64")
    for part in ("feedback 0 (no line", "consensus 0 (consensus.enabled", "reformulation 0 ("):
        assert part in said


@pytest.mark.slow
def test_a_kind_that_is_excluded_gives_no_pairs_until_it_is_included_again(space):
    settle(space, "[centre]\nenabled = false\n")
    with opening(space) as opened:
        names = Records(source="structure")
        about = {"reason": "too literal", "who": "Ann", "now": NOW}
        discard_records(opened.store, opened.versions, names, **about)
        assert run_cycle(opened, NOW).outcome == "insufficient_data"
        discard_records(opened.store, opened.versions, names, undo=True, **about)
        again = run_cycle(opened, NOW)
        assert again.outcome == "inconclusive", again.decision
        kinds = {each.kind: each.used for each in again.lesson.derived.kinds}
        assert kinds["structure"] > 0


@pytest.mark.slow
def test_where_labels_are_enough_only_they_train_and_proxies_are_reported(space):
    write_lines(space / "pairs" / "travel.jsonl", sentences(TRAVEL, 300, 3))
    result = turn(space)
    assert result.outcome == "promoted", result.verdict
    assert not result.verdict.without_labels
    assert not result.lesson.derived.kinds
    assert {each.source for each in result.lesson.sources if each.recent} == {"flight"}
    rules = {each.task: each.rule for each in result.verdict.comparisons}
    assert rules["proxy/lexical"] == "proxy"
    assert result.verdict.reasons[-1].startswith("proxies beside the labels")


def test_pairs_that_nobody_labelled_never_push_out_labelled_ones():
    labelled = [Pair(f"l{n}", f"question {n}", "x", source="desk") for n in range(30)]
    made = [Pair(f"c{n}", f"guess {n}", "x", source="consensus") for n in range(30)]
    kept = Memory(capacity=40).absorb(made, labelled)
    assert sum(pair.source == "desk" for pair in kept) == 30
    assert len(kept) == 40


@pytest.mark.slow
def test_without_any_anchor_set_known_items_are_held_and_stay_held(allowed):
    file = allowed / "anchorhold.toml"
    file.write_text(file.read_text().replace('[anchors.bank]\npath = "anchors/bank"\n', ""))
    settle(allowed, "[known_items]\nshare = 0.15\n")
    with opening(allowed) as opened:
        result = run_cycle(opened, NOW)
        tasks = {each.task: each.queries for each in result.verdict.comparisons}
        assert {"anchor/known-items", "proxy/known-items", "proxy/lexical"} == set(tasks)
        assert any("there is no anchor set" in note for note in result.lesson.derived.notes)
        folder = opened.versions.folder(opened.registry.version(result.candidate.version))
        (held,) = folder.learned_anchors()
        assert held.name == "anchor/known-items"
        # Too few for two sets, so that they are held as one.
        assert len(held.queries) == tasks["anchor/known-items"] + tasks["proxy/known-items"]


def test_a_first_version_of_a_team_without_anchor_sets_holds_known_items(workspace):
    file = workspace / "anchorhold.toml"
    file.write_text(file.read_text().replace('[anchors.bank]\npath = "anchors/bank"\n', ""))
    with opening(workspace) as opened:
        opened.store.add("document", "recent", [Record(each) for each in CORPUS])
        result = run_cycle(opened, NOW)
        assert any("frozen as anchor/known-items" in each for each in result.decision.reasons)
        folder = opened.versions.folder(opened.versions.champion())
        (held,) = opened.anchor_sets.of(folder)
        assert held.name in folder.scorecard().tasks
        known = opened.settings.tables.known_items.protected(CORPUS)
        titles = {each.title for each in CORPUS if each.id in known}
        assert len(held.queries) > 30
        assert set(held.queries.values()) <= titles


@pytest.mark.slow
def test_with_too_few_pairs_the_champion_centred_on_the_log_is_a_candidate(allowed):
    for table in ("consensus", "structure"):
        settle(allowed, f"[{table}]\nenabled = false\n")
    settle(allowed, "[centre]\nenabled = true\n")
    with opening(allowed) as opened:
        result = run_cycle(opened, NOW)
        assert any(each.startswith("not enough new pairs") for each in result.decision.reasons)
        assert result.training.strategy == "centre"
        assert result.training.pairs == result.lesson.recent == 0
        candidate = opened.registry.version(result.candidate.version)
        assert "centred, not trained" in candidate.description
        folder = opened.versions.folder(candidate)
        vectors = opened.encoders.load(folder.model).encode(["where is my flight"])
        assert vectors.shape == (1, 16)
        # A centred champion is trained like any other, and not centred again.
        if result.outcome != "promoted":
            champions = Champions.of(opened)
            champions.promote(candidate.number, reason="to go on", force=True, now=NOW)
        more = documents(TRAVEL[3:], 300, 5)
        opened.store.add("document", "recent", [Record(each) for each in more])
        opened.store.add("served", "recent", [Record(each) for each in log_of(more, 5)])
        again = run_cycle(opened, NOW)
        assert again.training is None
        assert again.outcome in ("insufficient_data", "quiet")


@pytest.mark.slow
def test_a_log_that_shows_texts_is_a_corpus_too(workspace):
    settle(workspace, '[gate]\nproxies = "allow"\n')
    turn(workspace)
    shown = [tuple(Shown(text=each.text) for each in CORPUS[row : row + 3]) for row in range(397)]
    lines = [replace(line, shown=shown[row % 397]) for row, line in enumerate(log_of(CORPUS))]
    with opening(workspace) as opened:
        opened.store.add("served", "recent", [Record(each) for each in lines])
        result = run_cycle(opened, NOW)
    assert result.lesson.derived.documents > 390
    made = {each.kind: each.made for each in result.lesson.derived.kinds}
    assert made["structure"] > 100
    assert "proxy/lexical" in result.lesson.derived.proxies


def test_queries_alone_are_not_trained_on_since_nothing_would_measure_it(workspace):
    turn(workspace)
    with opening(workspace) as opened:
        opened.store.add("served", "recent", [Record(each) for each in log_of(CORPUS)])
        result = run_cycle(opened, NOW)
    assert result.outcome == "insufficient_data"
    assert "not enough new pairs" in result.decision.reasons[-1]
    assert result.candidate is None
