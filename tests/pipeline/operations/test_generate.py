"""Asking for generated queries ahead of a run, and what they would cost."""

from datetime import UTC, datetime

import pytest
from answering import answering, completion
from conftest import name_corpus
from made_corpus import documents
from made_streams import TRAVEL, write_lines

from pipeline import Workspace
from training.faults import DataFault

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def settle(space, text):
    name_corpus(space, text)
    corpus = [{"id": each.id, "text": each.whole} for each in documents(TRAVEL, 60)]
    write_lines(space / "corpus" / "pages.jsonl", corpus)


def generating(space, **how):
    with Workspace.open(space, now=NOW) as work:
        return work.generate(**how)


def test_the_cost_is_told_without_asking_and_answers_are_kept(workspace):
    with answering(lambda _: completion("where is it\nhow is it gone")) as (url, got):
        settle(workspace, f'[generate]\nurl = "{url}"\nmodel = "local"\nprice_in = 1000.0\n')
        told = generating(workspace, dry_run=True)
        assert got == []
        assert told.documents > 30
        assert told.price > 0
        assert told.answered == 0
        done = generating(workspace)
        assert done.answered == done.documents == len(got) == told.documents
        again = generating(workspace)
        assert (again.cached, again.answered) == (told.documents, told.documents)
        assert len(got) == told.documents


def test_without_an_endpoint_or_documents_it_says_what_to_set(workspace):
    with pytest.raises(DataFault, match=r"generate\.url is not set; .*\[generate\]"):
        generating(workspace)
    file = workspace / "anchorhold.toml"
    file.write_text(file.read_text() + '[generate]\nurl = "http://127.0.0.1:1/v1"\nmodel = "m"\n')
    with pytest.raises(DataFault, match=r"no documents; name them in data\.corpus"):
        generating(workspace, dry_run=True)


def test_an_endpoint_out_of_reach_is_named(workspace):
    settle(workspace, '[generate]\nurl = "http://127.0.0.1:1/v1"\nmodel = "local"\n')
    done = generating(workspace)
    assert done.answered == 0
    assert "http://127.0.0.1:1/v1" in done.reason
