"""The lease on a model's champion: on all machines and workspaces, one moves it at a time.

MLflow sets an alias without comparing, but lets only one of two registered models of one name be
made: who makes NAME.lease has the lease, and removes it after the move. A lease whose owner died is
renamed after what it says, which succeeds once; whoever does that takes part anew. When a lease
is over is measured by one's own clock, since the clocks of machines differ.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.registry.places import lies_in
from pipeline.registry.runs import PREFIX, RegistryFault, clear_faults, owned

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

LEASE_SECONDS = 60.0
"""How long a lease lasts; a move takes a few requests."""
_PATIENCE = 3 * LEASE_SECONDS
_PAUSE = 0.5
_ABOUT = (
    "While this exists, the champion of the model {name} is being moved by the process that the "
    "tags name. anchorhold removes it after the move, or a minute after its owner died."
)
_TOKEN = f"{PREFIX}lease"


class ChampionBusy(RegistryFault):
    """Somebody else is moving the champion; the message names the process."""


@dataclass(frozen=True)
class Lease:
    """A lease that this process has.

    Attributes
    ----------
    client
        The registry.
    name
        Name of the registered model that stands for it.
    token
        What no other lease says.
    until
        End of the lease on this process's monotonic clock.
    """

    client: "MlflowClient"
    name: str
    token: str
    until: float

    def confirm(self) -> None:
        """Make sure that there is time for one more request, and that nobody took the lease.

        Raises
        ------
        ChampionBusy
            It is over.
        """
        late = time.monotonic() > self.until - LEASE_SECONDS / 2
        if late or _token(_found(self.client, self.name)) != self.token:
            raise ChampionBusy(
                "MLflow answered so slowly that another process may be moving the champion by now; "
                "nothing was moved: run the same command again"
            )

    def release(self) -> None:
        """Give the lease back, unless it may be somebody else's by now."""
        # What it was held for is done; a lease that is left is over in a minute.
        with suppress(Exception):
            self.confirm()
            self.client.delete_registered_model(self.name)


@contextmanager
def lease_on_champion(
    client: "MlflowClient", model: str, workspace: Path
) -> Iterator[Callable[[], None]]:
    """Hold the lease on the champion of a model while the block runs; wait for others.

    A registry inside of the workspace needs none: its lock is enough.

    Parameters
    ----------
    client
        The registry.
    model
        Name of the registered model.
    workspace
        Folder of the workspace.

    Yields
    ------
    Callable
        To be called before the move: it raises `ChampionBusy` where the lease is over.

    Raises
    ------
    ChampionBusy
        Others had it for minutes.
    """
    if lies_in(client.tracking_uri, workspace):
        yield lambda: None
        return
    lease = _taken(client, model)
    try:
        yield lease.confirm
    finally:
        lease.release()


def _taken(client: "MlflowClient", model: str) -> Lease:
    name, token = f"{model}.lease", uuid.uuid4().hex
    deadline = time.monotonic() + _PATIENCE
    seen, since = "", 0.0
    while True:
        began = time.monotonic()
        until = datetime.now(UTC) + timedelta(seconds=LEASE_SECONDS)
        tags = {_TOKEN: token, f"{PREFIX}lease_until": until.isoformat(timespec="seconds")}
        with clear_faults("lease the champion's move"):
            if _made(client, name, {**tags, **owned()}, _ABOUT.format(name=model)):
                return Lease(client, name, token, began + LEASE_SECONDS)
            other = _found(client, name)
            if other is None:
                continue
            if _token(other) != seen:
                seen, since = _token(other), time.monotonic()
            elif time.monotonic() - since > LEASE_SECONDS:
                _set_aside(client, name, seen)
        if time.monotonic() > deadline:
            raise ChampionBusy(_told(model, other.tags))
        time.sleep(_PAUSE * random.uniform(0.5, 1.5))


def _made(client: "MlflowClient", name: str, tags: dict[str, str], about: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, tags, about)
    except MlflowException as fault:
        if fault.error_code == "RESOURCE_ALREADY_EXISTS":
            # Also where a request was sent twice, because its first answer was lost.
            return _token(_found(client, name)) == tags[_TOKEN]
        raise
    return True


def _found(client: "MlflowClient", name: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(name)
    except MlflowException as fault:
        if fault.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def _set_aside(client: "MlflowClient", name: str, token: str) -> None:
    """Rename a lease that is over; what it is named then is removed when nobody can race for it."""
    from mlflow.exceptions import MlflowException

    with suppress(MlflowException):  # somebody else was faster
        client.rename_registered_model(name, f"{name}.{token}")
    for left in client.search_registered_models(f"name LIKE '{name}.%'"):
        until = left.tags.get(f"{PREFIX}lease_until", "")
        if until and datetime.fromisoformat(until) < datetime.now(UTC) - timedelta(days=1):
            with suppress(MlflowException):
                client.delete_registered_model(left.name)


def _token(lease: Any) -> str:
    return "" if lease is None else str(lease.tags.get(_TOKEN, ""))


def _told(model: str, tags: dict[str, str]) -> str:
    return (
        f"the champion of {model} is being moved by process {tags.get(f'{PREFIX}process', '?')} on "
        f"{tags.get(f'{PREFIX}host', '?')}, or that process died just now; try again in a minute"
    )
