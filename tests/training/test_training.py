"""The face: what a notebook imports from `training`, and what that leaves alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import training

ROOT = Path(__file__).parents[2]


def in_another_process(script):
    """Return what a script prints, as JSON."""
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(ran.stdout)


def test_the_public_names_are_exactly_these():
    assert training.__all__ == sorted(training.__all__)
    assert set(training.__all__) == set(training._ROOMS) == {
        "AnchorholdError", "DataFault", "Encoder", "Evaluate", "EvaluationSet", "FineTune",
        "HoldOut", "Memory", "Merge", "Mix", "Pair", "Scorecard",
    }  # fmt: skip
    assert set(training.__all__) <= set(dir(training))


@pytest.mark.parametrize("name", training.__all__)
def test_each_public_name_is_the_object_of_its_room(name):
    assert getattr(training, name).__module__.startswith(training._ROOMS[name])
    assert getattr(training, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing"):
        training.nothing  # noqa: B018
    with pytest.raises(ImportError):
        exec("from training import nothing")


def test_importing_it_loads_none_of_the_libraries():
    script = (
        "import json, sys\n"
        "import training\n"
        "first = sorted({'numpy', 'pydantic', 'torch'} & set(sys.modules))\n"
        "from training import *\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'datasets', 'sklearn', 'scipy',"
        " 'pyarrow', 'accelerate'}\n"
        "print(json.dumps([first, sorted(heavy & set(sys.modules))]))\n"
    )
    assert in_another_process(script) == [[], []]


@pytest.mark.slow
def test_using_it_changes_nothing_of_the_process(tiny_model, tmp_path):
    # What the libraries change when they are imported is theirs: they are imported first.
    script = f"""
import gc, json, os, signal, sys, tempfile
import datasets, sentence_transformers, torch, transformers, accelerate, ir_measures
import sentence_transformers.sentence_transformer.losses, peft, pytrec_eval
def state():
    return [dict(os.environ), list(sys.path), tempfile.gettempdir(), gc.isenabled(),
            gc.get_threshold(), os.getcwd(), torch.get_num_threads(),
            str([signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)])]
before = state()
from training import *
pairs = [Pair(str(n), f"where is my card {{n}}", f"the card {{n}} is gone") for n in range(16)]
learned, held = HoldOut(minimum=4).split(pairs)
mix = Mix().draw(learned[:6], Memory().absorb([], learned[6:]))
place = {str(tmp_path)!r}
done = FineTune(batch_size=4, epochs=1).fit({str(tiny_model)!r}, mix, output=place + "/model",
    checkpoints=place + "/checkpoints", max_length=32)
given = EvaluationSet.from_pairs("new", held, learned)
card = Evaluate().score(Encoder.load(done.folder, cache=place + "/cache"), [given])
changed = [number for number, both in enumerate(zip(before, state())) if both[0] != both[1]]
print(json.dumps([changed, isinstance(card, Scorecard)]))
"""
    assert in_another_process(script) == [[], True]
