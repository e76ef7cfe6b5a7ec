"""The simulation without a workspace, on the real model: what the page of measurements shows."""

from dataclasses import replace

import pytest

from pipeline.demo.simulated import demo_trial
from pipeline.operations.simulate import simulated
from pipeline.simulation import FAST
from training.progress import no_progress


@pytest.mark.slow
def test_six_causes_are_named_on_the_corpus_of_the_demonstration(minilm, tmp_path):
    plan = replace(FAST, weeks=16, patience=8, strengths=(1.0,))
    page = tmp_path / "simulation.html"
    found = simulated(
        demo_trial("documentation", plan), minilm, page, progress=no_progress, dry_run=False
    )
    assert [each.cause for each in found.drifts if not each.right] == []
    assert len(found.drifts) == 6
    assert found.quiet.trainings == 0
    assert "6 of 6 kinds" in page.read_text()


@pytest.mark.slow
def test_a_catalogue_of_2022_notices_the_listings_of_2024(minilm):
    plan = replace(FAST, weeks=12, patience=2, strengths=(0.3, 1.0))
    found = simulated(
        demo_trial("catalogue", plan), minilm, None, progress=no_progress, dry_run=False
    )
    listings = found.of("concept", 1.0)[0]
    assert listings.checks == 1
    assert listings.named in ("concept", "vocabulary")
    assert listings.acts == "train"
