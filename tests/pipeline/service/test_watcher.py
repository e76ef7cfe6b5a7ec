"""The watcher: what serves is replaced wholly or not at all, and what was replaced is freed."""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import NOW
from pydantic import ValidationError

from pipeline import Workspace
from pipeline.registry import CHAMPION, RegistryFault, version_with
from pipeline.search.tables import READERS_HAVE_MOVED
from pipeline.service import watcher as watching
from pipeline.service.hooks import ChampionOnly
from pipeline.service.loading import Loader, ProbeFailed
from pipeline.service.metrics import Metrics
from pipeline.service.pair import Pairs
from pipeline.service.watcher import Watcher
from pipeline.workspace import open_workspace
from pipeline.workspace.serve_settings import Serve


@pytest.fixture
def watched(indexed):
    """Return an open workspace, what serves, its metrics and its watcher, which polls by hand."""
    with (
        Workspace.open(indexed) as workspace,
        open_workspace(workspace.settings, doing="test", now=NOW, exclusive=False) as opened,
    ):
        pairs, metrics = Pairs(), Metrics()
        watcher = Watcher(
            pairs,
            Loader(opened),
            lambda: version_with(opened.registry, CHAMPION),
            ChampionOnly(),
            metrics,
            poll_seconds=1,
            retry_seconds=60,
        )
        yield workspace, opened, pairs, metrics, watcher


def test_a_pair_that_was_replaced_is_freed_when_its_last_request_ends(watched):
    workspace, _, pairs, _, watcher = watched
    watcher.poll()
    request = pairs.loaded.champion
    old, encoder = weakref.ref(request), weakref.ref(request.encoder)
    workspace.rollback(reason="a test")
    watcher.poll()
    assert pairs.loaded.champion.version == 1
    # A request that began before goes on with its own model and index.
    vectors = request.encoder.encode_pass(["my card"])
    assert request.index.search(vectors, 1)[0][0].id
    del request, vectors
    watcher.poll()
    gc.collect()
    assert old() is None
    assert encoder() is None


def test_a_poll_without_news_changes_nothing(watched):
    _, _, pairs, metrics, watcher = watched
    watcher.poll()
    before = pairs.loaded
    watcher.poll()
    assert pairs.loaded is before
    assert metrics.total(metrics.swaps) == 1


def test_while_mlflow_does_not_answer_what_serves_goes_on(watched, monkeypatch):
    _, opened, pairs, metrics, watcher = watched
    watcher.poll()
    before = pairs.loaded

    def silent(name):
        raise OSError("no route to the host")

    monkeypatch.setattr(opened.registry.client, "get_registered_model", silent)
    with pytest.raises(RegistryFault):
        version_with(opened.registry, CHAMPION)
    watcher.poll()
    assert pairs.loaded is before
    assert metrics.total(metrics.registry_failures) == 1


def test_a_model_that_gives_other_vectors_than_registered_is_not_served(watched, monkeypatch):
    from pipeline.registry import VersionFolder

    _, _, pairs, metrics, watcher = watched
    probes = VersionFolder.probes

    def turned(self):
        texts, vectors = probes(self)
        return texts, np.roll(vectors, 1, axis=1)

    monkeypatch.setattr(VersionFolder, "probes", turned)
    watcher.poll()
    assert pairs.loaded.champion is None
    assert metrics.total(metrics.load_failures) == 1
    with pytest.raises(ProbeFailed, match="gives other vectors"):
        watcher._loader.load(2)


def test_readers_have_moved_before_an_earlier_state_of_the_index_is_deleted(watched, monkeypatch):
    _, _, pairs, _, watcher = watched
    polls = Serve(poll_seconds=300).poll_seconds * (1 + watching._JITTER)
    with pytest.raises(ValidationError):
        Serve(poll_seconds=301)
    watcher.poll()
    serving = pairs.loaded.champion
    looks, clock = [], [0.0]

    def failing(loader, served):
        looks.append(clock[0])
        raise OSError("no route to the bucket")

    monkeypatch.setattr(Loader, "with_index_of_today", failing)
    monkeypatch.setattr(watching, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    for _ in range(40):
        watcher.poll()
        clock[0] += 50
    assert pairs.loaded.champion is serving
    assert max(np.diff(looks)) + polls < READERS_HAVE_MOVED.total_seconds()
