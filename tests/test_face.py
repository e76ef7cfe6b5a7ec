"""The face of the package: what `pipeline` hands on, at what cost, and what it leaves alone."""

import json
import subprocess
import sys

import pytest

import pipeline
from training.faults import AnchorholdError

LIBRARIES_SET = {"KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK", "TORCHINDUCTOR_CACHE_DIR"}
"""Variables that scikit-learn and torch set when they are imported."""

CHECK_AND_RUN = """
import gc, json, os, signal, sys, tempfile, threading

def state():
    return {
        "environment": dict(os.environ),
        "path": list(sys.path),
        "temporary": tempfile.gettempdir(),
        "gc": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "streams": (sys.stdout, sys.stderr),
        "hooks": (sys.excepthook, threading.excepthook),
        "folder": os.getcwd(),
    }

before = state()
from pipeline import Workspace
with Workspace.open(sys.argv[1]) as workspace:
    assert workspace.check().train
    outcome = workspace.run().outcome
after = state()
added = {name for name in after["environment"] if name not in before["environment"]}
for name in added:
    del after["environment"][name]
changed = [name for name in before if before[name] != after[name]]
print(json.dumps({"outcome": outcome, "changed": changed, "added": sorted(added)}))
"""


def python(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def test_a_bare_import_imports_nothing_heavy():
    python(
        "import sys, pipeline\n"
        "heavy = {'torch', 'mlflow', 'sklearn', 'pydantic', 'sqlalchemy', 'numpy', 'rich'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )


def test_workspace_is_imported_without_models_mlflow_or_a_terminal():
    python(
        "import sys\n"
        "from pipeline import Workspace\n"
        "heavy = {'torch', 'transformers', 'mlflow', 'sklearn', 'typer', 'rich', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )


def test_the_public_names_are_these_and_exist():
    assert pipeline.__all__ == ["AnchorholdError", "Workspace", "__version__"]
    assert set(pipeline.__all__) <= set(dir(pipeline))
    assert pipeline.AnchorholdError is AnchorholdError
    assert pipeline.__version__[0].isdigit()
    assert not hasattr(pipeline, "Wheel")


@pytest.mark.slow
def test_check_and_run_leave_the_process_as_it_was(workspace, travel_arrives):
    with pipeline.Workspace.open(workspace) as first:
        first.run()
    travel_arrives()
    told = json.loads(python(CHECK_AND_RUN, workspace).stdout.splitlines()[-1])
    assert told["outcome"] == "promoted"
    assert told["changed"] == []
    assert set(told["added"]) <= LIBRARIES_SET
