"""Versions that passed or failed, without a training."""

import pytest


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
