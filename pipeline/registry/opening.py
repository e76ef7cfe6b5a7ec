"""Opening MLflow: its store is made safely, the experiment and the model where they are missing.

MLflow's SQLite store is damaged for good when two processes create it at once or one is killed
while it does: it is created beside its place, under a lock, and renamed. Its client waits for
minutes for a server that is down: a server must answer a short request first.
"""

import hashlib
import os
import shutil
import tempfile
import uuid
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import FileLock

from pipeline.machine import private_folder, why_unreachable
from pipeline.registry.environment import private_import
from pipeline.registry.places import IDENTITY, NOT_MOVED, Move, follow, forget_places, sqlite_file
from pipeline.registry.runs import NOTE, RegistryFault, Tracking, clear_faults
from pipeline.registry.said import without_password
from pipeline.registry.schema import told_of_another_schema
from pipeline.registry.versions import Registry
from pipeline.store import missing_driver, opening_alone, why_unreadable
from training.whole_files import written

if TYPE_CHECKING:
    from mlflow.entities import Experiment
    from mlflow.tracking import MlflowClient

_DATABRICKS = ("databricks", "uc:")
_PUBLISH = "; to have the champion in Unity Catalog, publish it there (examples/publish_version.py)"
_ABOUT_EXPERIMENT = """\
One run per cycle, also where nothing was trained: what was seen, decided, measured and promoted.
The name of a run is its outcome. Trainings are nested in their cycle; charts are grouped by task.
"""
_ABOUT_MODEL = """\
Versions of a text-embedding model, kept by anchorhold.

- `champion` serves, `previous` is the champion before, and `candidate` is being judged or waits \
for approval.
- The description of a version is its verdict: for every task the difference to the champion, with \
its bound.
- Load one with `mlflow.sentence_transformers.load_model("models:/{name}@champion")`, or serve it \
with `mlflow models serve -m models:/{name}@champion`.
- With `gate.approval`, the tag `anchorhold.approval` = `approved` on a version that waits lets \
the next `anchorhold run` promote it. `anchorhold.approved_by` says who decided.
- Memory, reference and anchor sets of a version are in the folder `version/` of its source run.
"""


def open_registry(
    uri: str,
    *,
    artifacts: Path,
    name: str,
    workspace_state: Path,
    resuming: str | None = None,
    served: int | None = None,
    moved: Move = NOT_MOVED,
    alone: bool = False,
) -> Registry:
    """Open the registry of a model; store, experiment and registered model are made where missing.

    Runs that dead processes left running are ended, except those of the cycle `resuming`.

    Parameters
    ----------
    uri
        An MLflow tracking URI.
    artifacts
        Folder for the files of runs, unless a server keeps them.
    name
        Name of the registered model and of the experiment.
    workspace_state
        The workspace's state folder.
    resuming
        Id of the cycle that is about to be resumed.
    served
        The version that the workspace promoted last: then nothing may be missing, and nothing is
        made. None for a workspace without a champion.
    moved
        Where the workspace was before.
    alone
        Whether no other machine is at work in the workspace: then its runs on other machines are
        of dead processes, too.

    Raises
    ------
    RegistryFault
        The store cannot be opened, or what the workspace registered in it is gone; the message
        says why.
    """
    if served is not None:
        _must_exist(uri, served)
    tracking = open_tracking(
        uri, artifacts=artifacts, name=name, workspace_state=workspace_state, moved=moved
    )
    registry = Registry(
        tracking.client, tracking.experiment, tracking.workspace, name, workspace_state
    )
    with clear_faults(f"open the registered model {name}"):
        from mlflow.exceptions import MlflowException

        try:
            tracking.client.get_registered_model(name)
        except MlflowException as fault:
            if fault.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            if served is not None:
                raise RegistryFault(_model_is_gone(registry, served)) from None
            with FileLock(workspace_state / "registry.lock"):
                _create_model(tracking, name)
    return replace(registry, ended=tuple(registry.reap(resuming, alone=alone)))


def _create_model(tracking: Tracking, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        tracking.client.create_registered_model(name, description=_ABOUT_MODEL.format(name=name))
    except MlflowException as fault:
        # Another process or workspace was faster.
        if fault.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _must_exist(uri: str, served: int) -> None:
    """Refuse to make a store anew where one was lost, or its disk is not there."""
    file = sqlite_file(uri)
    if file is not None and not (file.exists() and file.stat().st_size):
        raise RegistryFault(
            f"{file} is missing or empty, but this workspace registered version {served} in it; "
            "restore it from a backup, or move .anchorhold away to begin again from the base model"
        )


def _model_is_gone(registry: Registry, served: int) -> str:
    elsewhere = registry.name_elsewhere()
    way_out = (
        f"its versions are registered as {elsewhere!r}: set model.name to that, or rename it back"
        if elsewhere
        else "restore MLflow from a backup, or move .anchorhold away to begin again from the base "
        "model"
    )
    return (
        f"MLflow has no registered model {registry.name!r}, but version {served} of it serves in "
        f"this workspace; {way_out}"
    )


def open_tracking(
    uri: str,
    *,
    artifacts: Path,
    name: str,
    workspace_state: Path,
    moved: Move = NOT_MOVED,
) -> Tracking:
    """Open the tracking store and the experiment of a model; both are made where missing.

    Parameters
    ----------
    uri
        An MLflow tracking URI: ``sqlite:///…``, ``postgresql://…``, ``http(s)://…``.
    artifacts
        Folder for the files of runs; a server keeps them itself.
    name
        Name of the experiment.
    workspace_state
        The workspace's state folder.
    moved
        Where the workspace was before.

    Raises
    ------
    RegistryFault
        The store cannot be reached, is of a kind that MLflow no longer supports, or is damaged.
    """
    private_folder(workspace_state)
    with private_import():
        import mlflow.tracking  # noqa: F401
    shown, scheme = without_password(uri), urlsplit(uri).scheme
    is_server = scheme in ("http", "https")
    if is_server:
        _must_answer(uri, "the MLflow server")
    elif scheme.split("+")[0] == "sqlite":
        _create_sqlite(uri, artifacts)
    elif scheme.split("+")[0] in ("postgresql", "mysql", "mssql"):
        _must_answer(uri, "the database")
    else:
        raise RegistryFault(
            f"tracking.uri is {shown!r}; allowed are sqlite:///FILE, a database such as "
            "postgresql://HOST/NAME, or an MLflow server, http(s)://HOST"
            f"{_PUBLISH if uri.startswith(_DATABRICKS) else ''}"
        )
    # Through links: two ways to one folder are one place.
    artifacts = artifacts.resolve()
    location = None if is_server else artifacts.as_uri()
    with (
        told_of_another_schema(shown),
        clear_faults(f"open {shown}"),
        FileLock(workspace_state / "tracking.lock"),
        nullcontext() if is_server else opening_alone(uri),
    ):
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        experiment = _experiment(client, name, location)
        workspace = _identity(workspace_state)
        forget_places()
        if location is not None and experiment.artifact_location != location:
            follow(uri, str(experiment.artifact_location), artifacts, workspace_state, moved)
        return Tracking(client, str(experiment.experiment_id), workspace)


def _experiment(client: "MlflowClient", name: str, location: str | None) -> "Experiment":
    from mlflow.exceptions import MlflowException

    found: Experiment | None = client.get_experiment_by_name(name)
    if found is None:
        try:
            tags = {NOTE: _ABOUT_EXPERIMENT}
            made = client.create_experiment(name, artifact_location=location, tags=tags)
            return client.get_experiment(made)
        except MlflowException as fault:
            # Another workspace on the same server was faster.
            found = client.get_experiment_by_name(name)
            if found is None:
                raise fault
    if found.lifecycle_stage != "active":
        raise RegistryFault(
            f"the experiment {name!r} was deleted in MLflow; restore it there (mlflow experiments "
            f"restore --experiment-id {found.experiment_id}) or choose another model.name"
        )
    return found


def _create_sqlite(uri: str, artifacts: Path) -> None:
    """Create a SQLite store so that no other process ever sees it half created."""
    file = sqlite_file(uri)
    if file is None:
        raise RegistryFault(f"tracking.uri is {uri!r}; SQLite needs a file: sqlite:///FILE")
    if file.exists() and file.stat().st_size:
        # MLflow would try for two minutes to open what it cannot read.
        if silence := why_unreadable(file):
            raise RegistryFault(
                f"MLflow could not open {uri}: {silence}; let this user read it, or restore it "
                "from a backup"
            )
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        if file.exists() and file.stat().st_size:
            return
        with clear_faults(f"create {file}"), written(file) as beside:
            from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

            # Creating takes hundreds of small transactions: a third of the time in memory.
            memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()
            prefix = f"anchorhold-{hashlib.sha256(str(file.absolute()).encode()).hexdigest()[:16]}-"
            for left in Path(memory).glob(f"{prefix}*"):
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=prefix, dir=memory) as folder:
                made = Path(folder) / file.name
                store = SqlAlchemyStore(  # type: ignore[no-untyped-call]
                    f"sqlite:///{made}", artifacts.resolve().as_uri()
                )
                store.engine.dispose()
                shutil.copyfile(made, beside)


def _must_answer(uri: str, kind: str) -> None:
    shown = without_password(uri)
    if kind == "the database" and (missing := missing_driver(uri)):
        raise RegistryFault(f"{kind} {shown} (tracking.uri) cannot be opened: {missing}")
    if silence := why_unreachable(uri):
        raise RegistryFault(
            f"{kind} {shown} does not answer ({silence}); start it, or name another store with "
            "tracking.uri (anchorhold.toml)"
        )


def _identity(workspace_state: Path) -> str:
    """Return the identity of a workspace, made under the caller's lock."""
    file = workspace_state / IDENTITY
    if not file.exists():
        with written(file) as partial:
            partial.write_text(uuid.uuid4().hex, encoding="ascii")
    return file.read_text(encoding="ascii").strip()
