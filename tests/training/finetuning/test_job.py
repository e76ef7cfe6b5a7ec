"""The job: refused if it cannot be trained on, the same in every process, told by its recipe."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from training.faults import DataFault
from training.finetuning.job import Job
from training.pairs.mix import Mix, Mixture
from training.pairs.pair import Pair

PAIRS = [Pair(str(n), f"question {n}", f"answer {n}", "no" if n else "") for n in range(4)]
MIX = Mix().draw(PAIRS[:2], PAIRS[2:])


def job(**more):
    given = {
        "base": Path("base"), "mixture": MIX, "output": Path("out"), "checkpoints": Path("steps"),
        "max_length": 32, "cache": None,
    }  # fmt: skip
    return Job(**{**given, **more})


def test_another_process_reads_the_same_job(tmp_path):
    whole = job(base=tmp_path, output=tmp_path, checkpoints=tmp_path, cache=tmp_path / "cache")
    assert Job.from_json(json.loads(json.dumps(whole.to_json()))) == whole
    # Other processes have other current folders.
    assert Job.from_json(job().to_json()).base.is_absolute()


def test_all_texts_of_a_mix_are_told_and_empty_ones_are_none():
    texts = job().texts()
    assert len(texts) == 11 and texts.count("no") == 3


def test_too_small_a_mix_and_empty_texts_are_refused():
    with pytest.raises(DataFault, match="has 1 pairs"):
        job(mixture=Mixture((PAIRS[0],), (False,), ""))
    with pytest.raises(DataFault, match="pair '2' has an empty"):
        job(mixture=Mixture((PAIRS[0], Pair("2", " ", "b")), (False, False), ""))


def test_whatever_has_an_effect_on_the_weights_is_part_of_the_recipe():
    recipe = job().recipe("champion", {"seed": 0}, "fp32")
    assert job(output=Path("other")).recipe("champion", {"seed": 0}, "fp32") == recipe
    others = [
        job().recipe("other", {"seed": 0}, "fp32"),
        job().recipe("champion", {"seed": 1}, "fp32"),
        job().recipe("champion", {"seed": 0}, "bf16"),
        job(max_length=16).recipe("champion", {"seed": 0}, "fp32"),
        job(mixture=replace(MIX, digest="other")).recipe("champion", {"seed": 0}, "fp32"),
        job(mixture=replace(MIX, from_memory=(True,) * 4)).recipe("champion", {"seed": 0}, "fp32"),
    ]
    assert len({recipe, *others}) == 7
