"""The log of an application that answers by itself: what it writes, a run reads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import AnchorholdError, Workspace
from pipeline.store import Store
from training.unlabelled import Shown

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = """\
[model]
name = "search"
base = "models/base"

[data]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "anchorhold.toml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path


def lines(folder):
    with Store.open(f"sqlite:///{folder / '.anchorhold' / 'store.db'}") as store:
        return store.served()


def test_an_application_logs_what_it_answers_and_what_users_did(folder):
    with Workspace.open(folder) as workspace, workspace.query_log() as log:
        first = log.record(
            "where is my card", [("d7", 0.81), "d2"], version=3, seconds=0.02, session="s1"
        )
        second = log.record("opening hours", [{"id": 5, "score": 1}, Shown(text="At nine.")])
        assert log.feedback(first, clicked=["d2"], feedback={"d7": -1}) == "taken"
        assert log.feedback(second, clicked=["At nine."], answer="At nine.") == "taken"
        with pytest.raises(AnchorholdError, match="was not shown 'd9'"):
            log.feedback(first, clicked=["d9"])
    one, other = lines(folder)
    assert (one.query, one.shown) == ("where is my card", (Shown("d7", score=0.81), Shown("d2")))
    assert (one.version, one.seconds, one.session) == (3, 0.02, "s1")
    assert (one.clicked, one.feedback) == (("d2",), (("d7", -1),))
    assert other.shown == (Shown("5", score=1.0), Shown(text="At nine."))
    assert (other.clicked, other.answer, other.source) == (("At nine.",), "At nine.", "application")


def test_settings_say_what_is_redacted_and_by_whom(folder):
    (folder / "mine.py").write_text(
        'def redact(text):\n    return text.replace("Ada", "[name]")\n', encoding="utf-8"
    )
    with (folder / "anchorhold.toml").open("a", encoding="utf-8") as file:
        file.write('[log]\nredact = "tag"\nredactor = "mine:redact"\n')
    for query in ("call Ada at +49 171 1234567", "+491711234567 again"):
        with Workspace.open(folder) as workspace, workspace.query_log("shop") as log:
            log.record(query)
    one, other = lines(folder)
    assert one.query.startswith("call [name] at [phone:")
    # The key of the workspace makes the same letters after a restart.
    assert other.query == f"{one.query.split(' at ')[1]} again"
    assert (folder / ".anchorhold" / "log.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("mine:redacted", r"log\.redactor .*has no redacted \(did you mean redact\?\)"),
        ("theirs:redact", r"log\.redactor .*cannot be imported"),
        ("mine:WORDS", r"log\.redactor .*is no function"),
        ("mine", r"log\.redactor"),
    ],
)
def test_a_redactor_that_cannot_be_used_is_refused_before_anything_is_logged(folder, named, said):
    source = "WORDS = 1\ndef redact(text):\n    return text\n"
    (folder / "mine.py").write_text(source, encoding="utf-8")
    with (folder / "anchorhold.toml").open("a", encoding="utf-8") as file:
        file.write(f'[log]\nredactor = "{named}"\n')
    with pytest.raises(AnchorholdError, match=said), Workspace.open(folder) as workspace:
        workspace.query_log()


@pytest.mark.parametrize("result", [7, None, ("d1", "high"), {"score": 1.0}, {"id": None}, b"d1"])
def test_a_result_that_is_none_is_refused(folder, result):
    with (
        Workspace.open(folder) as workspace,
        workspace.query_log() as log,
        pytest.raises(AnchorholdError, match="a result is"),
    ):
        log.record("where is my card", [result])


def test_a_closed_workspace_gives_no_log(folder):
    workspace = Workspace.open(folder)
    workspace.close()
    with pytest.raises(AnchorholdError, match="is closed"):
        workspace.query_log()


@pytest.mark.slow
def test_a_program_that_ends_without_closing_loses_nothing_and_loads_no_server(folder):
    code = """
import sys
from pipeline import Workspace
log = Workspace.open(sys.argv[1]).query_log()
log.record("where is my card", ["d1"])
heavy = {"torch", "mlflow", "fastapi", "uvicorn", "lancedb", "prometheus_client"}
print(sorted(heavy & set(sys.modules)))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert [line.query for line in lines(folder)] == ["where is my card"]
