"""The lease on a model's champion, in a registry that several workspaces share."""

import shutil
import threading
import time

import pytest

from pipeline.registry import IDENTITY, ChampionMoved, lease, open_registry
from pipeline.registry.lease import ChampionBusy, lease_on_champion


@pytest.fixture
def make_client(tmp_path, empty_tracking_store):
    from mlflow.tracking import MlflowClient

    file = tmp_path / "shared.db"
    shutil.copy(empty_tracking_store, file)
    uri = f"sqlite:///{file}"
    return lambda: MlflowClient(tracking_uri=uri, registry_uri=uri)


@pytest.fixture
def space(tmp_path):
    return tmp_path / "space"


def leave_one(client, model: str = "search") -> None:
    """Leave the lease of a process that died."""
    lease._taken(client, model)


def names(client) -> list[str]:
    return [each.name for each in client.search_registered_models()]


def test_it_is_there_only_while_it_is_held(make_client, space):
    client = make_client()
    with lease_on_champion(client, "search", space) as confirm:
        confirm()
        assert names(client) == ["search.lease"]
    assert names(client) == []


def test_a_registry_of_the_workspaces_own_needs_none(make_client, space, tmp_path):
    client = make_client()
    with lease_on_champion(client, "search", tmp_path) as confirm:
        confirm()
        assert names(client) == []


def test_the_lease_of_a_dead_process_is_over_after_a_while(make_client, space, monkeypatch):
    monkeypatch.setattr(lease, "LEASE_SECONDS", 1.0)
    client = make_client()
    leave_one(client)
    with lease_on_champion(client, "search", space):
        left = names(client)
        assert len(left) == 2 and "search.lease" in left  # The other cannot be set aside again.


def test_a_lease_that_is_over_moves_nothing_and_leaves_another_alone(
    make_client, space, monkeypatch
):
    client = make_client()
    with lease_on_champion(client, "search", space) as confirm:
        with monkeypatch.context() as patch:
            patch.setattr(lease, "LEASE_SECONDS", 0.2)
            other = lease._taken(make_client(), "search")
        with pytest.raises(ChampionBusy, match="nothing was moved"):
            confirm()
    assert client.get_registered_model("search.lease").tags["anchorhold.lease"] == other.token


def test_who_waits_too_long_is_told_who_has_it(make_client, space, monkeypatch):
    monkeypatch.setattr(lease, "_PATIENCE", 0.0)
    client = make_client()
    leave_one(client)
    with (
        pytest.raises(ChampionBusy, match=r"champion of search is being moved by process \d+ on"),
        lease_on_champion(client, "search", space),
    ):
        pass


@pytest.mark.slow
def test_of_many_who_find_a_dead_lease_one_at_a_time_goes_on(make_client, space, monkeypatch):
    monkeypatch.setattr(lease, "LEASE_SECONDS", 3.0)
    monkeypatch.setattr(lease, "_PATIENCE", 300.0)
    monkeypatch.setattr(lease, "_PAUSE", 0.05)
    leave_one(make_client())
    inside, most, done = [], [], []

    def move() -> None:
        with lease_on_champion(make_client(), "search", space):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()
        done.append(1)

    movers = [threading.Thread(target=move) for _ in range(6)]
    for each in movers:
        each.start()
    for each in movers:
        each.join(300)
    assert (len(done), max(most)) == (6, 1)


def test_of_two_who_promote_at_once_in_one_registry_exactly_one_does(
    tmp_path, empty_tracking_store
):
    shutil.copy(empty_tracking_store, tmp_path / "shared.db")
    folder = tmp_path / "made"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "model.safetensors").write_bytes(b"weights")
    registries = []
    for name in ("one", "other"):
        state = tmp_path / name / "state"
        state.mkdir(parents=True)
        (state / IDENTITY).write_text("0" * 32)
        registries.append(
            open_registry(
                f"sqlite:///{tmp_path}/shared.db",
                artifacts=tmp_path / "files",
                name="search",
                workspace_state=state,
            )
        )
    first, *rivals = [
        registries[0].register(registries[0].open_run(cycle, name=cycle), cycle, folder)
        for cycle in ("0001", "0002", "0003")
    ]
    registries[0].promote(first, expected=None)
    ready, ends = threading.Barrier(2), []

    def move(registry, version) -> None:
        ready.wait()
        try:
            ends.append(registry.promote(version, expected=first.number).number)
        except ChampionMoved:
            ends.append(None)

    movers = [
        threading.Thread(target=move, args=each) for each in zip(registries, rivals, strict=True)
    ]
    for each in movers:
        each.start()
    for each in movers:
        each.join(120)
    assert sorted(ends, key=bool) == [None, registries[1].serving().number]
    assert registries[1].serving().number != first.number
