"""Cycles that were interrupted, and versions that passed or failed without a training."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import let_travel_arrive, make_workspace

from pipeline.cycle.journal import Journal
from pipeline.operations import Workspace

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="session")
def interrupted(tmp_path_factory, tiny_model, empty_tracking_store) -> dict[str, Path]:
    """Return stage -> a workspace whose second cycle ended right after that stage."""
    place = tmp_path_factory.mktemp("interrupted")
    space = make_workspace(place / "space", tiny_model, empty_tracking_store)
    with Workspace.open(space, now=NOW) as workspace:
        workspace.run()
    let_travel_arrive(space)
    once, found = Journal.once, {}
    with pytest.MonkeyPatch.context() as patch:
        for stage in ("train/configured", "evaluate"):

            def stop(journal, name, work, kind, last=stage):
                result = once(journal, name, work, kind)
                if name == last:
                    raise KeyboardInterrupt
                return result

            patch.setattr(Journal, "once", stop)
            with pytest.raises(KeyboardInterrupt), Workspace.open(space, now=NOW) as workspace:
                workspace.run()
            found[stage] = shutil.copytree(space, place / stage.replace("/", " "))
    return found


@pytest.fixture
def registered(opened):
    """Register one more version with the files of the champion."""

    def register(cycle, *, verdict, parent="2"):
        run = opened.registry.open_run(cycle, name=cycle)
        champion = opened.versions.champion()
        tags = {
            "anchorhold.fingerprint": champion.tags["anchorhold.fingerprint"],
            "anchorhold.parent": parent,
            "anchorhold.verdict": verdict,
        }
        folder = opened.versions.folder(champion).path
        version = opened.registry.register(run, cycle, folder, tags)
        opened.registry.set_candidate(version)
        return version

    return register
