"""Serving from the face: what is missing is named in a sentence."""

import importlib.util

import pytest

from pipeline import Workspace
from training.faults import DataFault


def test_without_the_extra_one_sentence_names_the_command(turned, monkeypatch):
    found = importlib.util.find_spec
    missing = {"fastapi", "uvicorn"}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in missing else found(name)
    )
    with (
        Workspace.open(turned) as workspace,
        pytest.raises(DataFault, match=r'fastapi, uvicorn; .* pip install "anchorhold\[serve\]"'),
    ):
        workspace.serve(port=0)


def test_a_port_that_is_none_is_refused(turned):
    with (
        Workspace.open(turned) as workspace,
        pytest.raises(DataFault, match="a port from 0 to 65535"),
    ):
        workspace.serve(port=70_000)
