"""Publish the version that serves in another MLflow registry, such as Unity Catalog.

    python publish_version.py support-search main.search.support --experiment /Shared/support-search

It logs the model there as a run, registers it under the given name, and moves the alias "champion".
Each version of the workspace is published once: after a rollback only the alias moves. As
`[promotion] command` it follows every move of the champion.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from pipeline import Workspace

TAG = "anchorhold_version"
"""Unity Catalog allows no dot in the key of a tag."""


def mlflow_model(workspace: Workspace, version: int, place: Path) -> None:
    """Write a version as an MLflow model that knows neither run nor registry; weights checked."""
    settings = workspace.settings
    client = MlflowClient(settings.tracking_uri, settings.tracking_uri)
    run = client.get_model_version(settings.tables.model.name, str(version)).run_id
    model = Path(client.download_artifacts(run, "model", str(place)))
    weights = model / "model.sentence_transformer"
    shutil.rmtree(weights)  # those that anchorhold checks take their place
    workspace.export(version, weights)
    described = Model.load(str(model))
    described.run_id = described.model_id = None
    described.save(str(model / "MLmodel"))


def published(client: MlflowClient, name: str, version: int) -> str | None:
    """Return the number under which a version was published; None where it was not."""
    for found in client.search_model_versions(f"name='{name}'"):
        # A search in Unity Catalog returns no tags.
        if client.get_model_version(name, found.version).tags.get(TAG) == str(version):
            return str(found.version)
    return None


def publish(client: MlflowClient, name: str, experiment: str, version: int, place: Path) -> str:
    """Log a model, register it, and return its number there."""
    known = client.get_experiment_by_name(experiment)
    where = known.experiment_id if known else client.create_experiment(experiment)
    run = client.create_run(where, run_name=f"{name} from version {version}").info.run_id
    client.log_artifacts(run, str(place / "model"), "model")
    client.set_terminated(run)
    tags = {TAG: str(version)}
    made = client.create_model_version(name, f"runs:/{run}/model", run, tags=tags)
    return str(made.version)


def main(arguments: list[str] | None = None) -> None:
    """Publish, and say what was done."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("workspace", help="folder with anchorhold.toml")
    parser.add_argument("name", help="registered model, such as catalog.schema.model")
    parser.add_argument("--tracking", default="databricks", help="MLflow tracking URI")
    parser.add_argument("--registry", default="databricks-uc", help="MLflow registry URI")
    parser.add_argument("--experiment", required=True, help="such as /Shared/support-search")
    given = parser.parse_args(arguments)
    client = MlflowClient(given.tracking, given.registry)
    with Workspace.open(given.workspace) as workspace, tempfile.TemporaryDirectory() as place:
        champion = workspace.status().champion
        if champion is None:
            parser.exit(2, "no version serves yet: run `anchorhold run` first\n")
        version = champion.version
        try:
            client.create_registered_model(given.name)
        except MlflowException as fault:
            if fault.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        number = published(client, given.name, version)
        if number is None:
            mlflow_model(workspace, version, Path(place))
            number = publish(client, given.name, given.experiment, version, Path(place))
        client.set_registered_model_alias(given.name, "champion", number)
    print(f"version {version} is version {number} of {given.name}, with the alias champion")


if __name__ == "__main__":
    main()
