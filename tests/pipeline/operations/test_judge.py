"""Judging in a workspace: searched with both versions, answered blind, resumed, kept as a set."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import NOW
from made_streams import write_lines

from pipeline import Workspace
from pipeline.operations import Asking
from pipeline.operations.judge_search import texts_of_log
from pipeline.registry import VersionFolder
from pipeline.store import Store
from pipeline.workspace import load_settings, open_workspace
from training.evaluation import EvaluationSet
from training.faults import DataFault
from training.pairs import Pair, write_memory


class Reader:
    """Prefers, of two results, the one that is first in the alphabet; stops after some answers."""

    def __init__(self, answers: int) -> None:
        self.answers = answers
        self.seen = []
        self.told = []

    def __call__(self, shown, certainty):
        self.seen.append(shown)
        self.told.append(certainty)
        if len(self.seen) > self.answers:
            return None
        return "left" if shown.left[0] < shown.right[0] else "right"


def test_a_person_judges_stops_and_continues(turned):
    first, second = Reader(3), Reader(4)
    with Workspace.open(turned, now=NOW) as workspace:
        begun = workspace.judge(1, 2, asking=Asking(ask=first), who="ada")
        result = workspace.judge(2, 1, asking=Asking(ask=second), who="bob")
        assert workspace.judge(1, 2) == result
    assert (begun.answers, result.answers) == (3, 7)
    assert (begun.judging, result.judging) == (1, 1)
    assert [each.turn for each in second.seen] == [3, 4, 5, 6, 7]
    assert (result.first.version, result.second.version) == (1, 2)
    assert result.questions >= 8
    assert result.differing <= result.lines <= 150
    assert result.low <= result.preference <= result.high
    assert result.summary.endswith("7 blind answers")
    assert all("version" not in told.replace("one version is better", "") for told in first.told)
    with Store.open(f"sqlite:///{turned}/.anchorhold/store.db") as store:
        assert [each.who for each in store.judgements()] == ["ada"] * 3 + ["bob"] * 4
        assert store.judgings()[0].summary == result.summary


def test_what_people_said_is_a_tag_of_the_version_in_mlflow(turned):
    with Workspace.open(turned, now=NOW) as workspace:
        result = workspace.judge("origin", "champion", asking=Asking(ask=Reader(2)))
    with open_workspace(load_settings(turned), doing="test", now=NOW) as opened:
        tag = opened.versions.named(2).tags["anchorhold.judged"]
    assert tag == f"judging 1: {result.summary}"


def test_answers_become_an_anchor_set_that_the_settings_can_name(turned, tmp_path):
    folder = tmp_path / "judged"
    with Workspace.open(turned, now=NOW) as workspace:
        workspace.judge(1, 2, asking=Asking(ask=Reader(5)))
        result = workspace.judge(1, 2, anchors=folder)
        with pytest.raises(DataFault, match="judged exists already"):
            workspace.judge(1, 2, anchors=folder)
    assert result.anchors == str(folder)
    made = EvaluationSet.from_folder("anchor/judged", folder)
    assert len(made.queries) == 5
    assert len(made.corpus) > 50, "the documents that were not shown are there to be found too"


def test_new_questions_are_drawn_when_asked_for_and_old_answers_stay(turned):
    with Workspace.open(turned, now=NOW) as workspace:
        workspace.judge(1, 2, asking=Asking(ask=Reader(2)))
        result = workspace.judge(1, 2, asking=Asking(ask=Reader(0)), new=True)
    assert (result.judging, result.answers) == (2, 0)
    with Store.open(f"sqlite:///{turned}/.anchorhold/store.db") as store:
        assert len(store.judgements()) == 2


def test_a_sheet_is_written_and_read_back_by_the_same_command(turned, tmp_path):
    sheet = tmp_path / "questions.csv"
    with Workspace.open(turned, now=NOW) as workspace:
        written = workspace.judge(1, 2, asking=Asking(sheet=sheet))
        assert "fill in the column answer" in written.next[0]
        text = sheet.read_text(encoding="utf-8-sig")
        sheet.write_text(text.replace("1,1,,", "1,1,=,").replace("1,2,,", "1,2,0,"))
        read = workspace.judge(1, 2, asking=Asking(sheet=sheet))
    assert (read.same, read.none, read.answers) == (1, 1, 2)


def test_without_two_versions_or_with_a_wrong_answer_it_is_said_what_is_needed(turned):
    with Workspace.open(turned, now=NOW) as workspace:
        for versions, fault in (
            (("2", "champion"), "version 2 cannot be compared with itself"),
            (("1", "2", "3"), "judge compares two versions, got 3"),
            ((), "no version but version 2 was made that did not serve yet"),
        ):
            with pytest.raises(DataFault, match=fault):
                workspace.judge(*versions)
        with pytest.raises(DataFault, match="an answer is 'better'; it must be 'left'"):
            workspace.judge(1, 2, asking=Asking(ask=lambda *_: "better"))


def test_queries_that_a_version_was_trained_on_are_not_asked(turned):
    reader = Reader(10_000)
    with Workspace.open(turned, now=NOW) as workspace:
        workspace.judge(1, 2, asking=Asking(ask=reader))
    with open_workspace(load_settings(turned), doing="test", now=NOW) as opened:
        trained = {pair.query for pair in opened.store.pairs()}
    assert reader.seen
    assert not trained & {each.query for each in reader.seen}


def test_of_a_log_that_gave_pairs_only_held_out_and_later_queries_are_asked(turned, tmp_path):
    with open_workspace(load_settings(turned), doing="test", now=NOW) as opened:
        folder = opened.versions.folder(opened.versions.named(2))
        copy = VersionFolder(tmp_path / "version")
        shutil.copytree(folder.path, copy.path)
        write_memory(copy.path / "memory", [Pair("1", "lost card", "Call us.", source="consensus")])
        write_lines(turned / "traffic" / "later.jsonl", [{"text": f"a new {n}"} for n in range(20)])
        opened.take_in(NOW)
        every = opened.store.traffic(role="recent")
        holds = opened.settings.tables.holdout.holds
        assert texts_of_log(opened, [folder]) == every
        asked = texts_of_log(opened, [folder, copy])
    assert asked == [text for text in every if text.text.startswith("a new") or holds(text.text)]
    assert 20 < len(asked) < len(every) / 2


@pytest.mark.slow
def test_answers_survive_a_kill_and_the_command_line_continues(turned):
    command = [sys.executable, "-m", "pipeline", "judge", "1", "2", "-w", str(turned)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    killed = subprocess.Popen(
        [*command, "--terminal"], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    killed.stdin.write("1\n2\n")
    killed.stdin.flush()
    deadline = time.monotonic() + 60
    while True:
        with Store.open(f"sqlite:///{turned}/.anchorhold/store.db") as store:
            if len(store.judgements()) == 2:
                break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    done = subprocess.run(
        [*command, "--terminal", "--json"], env=environment, text=True, input="x\n=\nu\n0\nq\n",
        capture_output=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["answers"] == 3
    assert json.loads(done.stdout)["none"] == 1
    assert "question 3:" in done.stderr
    assert "'x' is no answer" in done.stderr
