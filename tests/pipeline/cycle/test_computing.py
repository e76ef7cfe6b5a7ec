"""What models compute on: told with each cycle, refused before one begins, and a space apart."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import torch

from pipeline.operations import Workspace
from training.faults import DataFault

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def plain_machine(monkeypatch):
    """A machine without accelerators, whose processor has bfloat16 instructions."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})


def write(workspace, old, new):
    settings = workspace / "anchorhold.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


@pytest.mark.usefixtures("plain_machine")
def test_a_device_that_is_not_there_is_refused_before_a_cycle_begins(workspace):
    write(workspace, "[finetune]", '[compute]\ndevice = "cuda"\n\n[finetune]')
    with Workspace.open(workspace, now=NOW) as opened:
        with pytest.raises(DataFault, match=r"no device cuda:0 .*; this machine has cpu$"):
            opened.run()
        with opened._opened("look", writes=True) as inside:
            assert inside.store.cycles() == []


@pytest.mark.usefixtures("plain_machine")
def test_a_workspace_in_half_precision_stays_in_it_and_tells_what_it_computes_on(workspace):
    write(workspace, "max_length = 32", 'max_length = 32\nprecision = "bfloat16"')
    with Workspace.open(workspace, now=NOW) as opened:
        first = opened.run()
        assert (first.computing.device, first.computing.precision) == ("cpu", "bfloat16")
        assert opened.status().computing == first.computing
        assert opened.status().warnings == ()
        with opened._opened("look") as inside:
            folder = inside.versions.folder(inside.versions.champion())
            assert folder.facts().precision == "bfloat16"
            assert inside.encoders.identity(folder) == folder.facts().fingerprint
            tags = inside.registry.client.get_run(first.run_id).data.tags
            assert tags["anchorhold.device"] == "cpu"
            model = replace(inside.settings.tables.model, precision="float32")
            tables = replace(inside.settings.tables, model=model)
            exact = inside.following(replace(inside.settings, tables=tables))
            assert exact.encoders.identity(folder) != folder.facts().fingerprint
            (warning,) = exact.warnings(inside.versions.champion())
            assert "model.precision is 'float32', but version 1 was made with 'bfloat16'" in warning
