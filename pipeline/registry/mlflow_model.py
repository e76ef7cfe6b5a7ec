"""MLflow's description of a model: the files that MLflow's loaders and servers need beside it."""

import importlib.metadata
import json
import platform
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.models.signature import ModelSignature

WEIGHTS = "model.sentence_transformer"
"""Folder of the plain model; MLflow's sentence_transformers loader insists on this name."""

DESCRIPTION = "MLmodel"
"""File that makes a folder an MLflow model."""

_REQUIRED = ("mlflow", "sentence-transformers", "transformers", "torch")
_REQUIREMENTS, _ENVIRONMENT, _CONDA = "requirements.txt", "python_env.yaml", "conda.yaml"


def write_description(
    place: Path, model: Path, *, dimension: int | None, run: str, logged_model: str
) -> None:
    """Write MLmodel, requirements.txt, python_env.yaml and conda.yaml; the model is not loaded.

    Parameters
    ----------
    place
        The folder to write to.
    model
        The plain sentence-transformers folder that is described.
    dimension
        Length of its embeddings; None where it is not known.
    run, logged_model
        Ids of the run that made it and of its entry among MLflow's logged models.
    """
    with warnings.catch_warnings():
        # MLflow warns of its own type hints when it is imported.
        warnings.simplefilter("ignore", UserWarning)
        import mlflow.pyfunc
        from mlflow.models import Model

    described = Model(
        artifact_path=f"models:/{logged_model}",
        run_id=run,
        model_id=logged_model,
        signature=_signature(dimension, with_prompts=_has_prompts(model)),
    )
    mlflow.pyfunc.add_to_model(
        described,
        loader_module="mlflow.sentence_transformers",
        data=WEIGHTS,
        conda_env=_CONDA,
        python_env=_ENVIRONMENT,
    )
    described.add_flavor(
        "sentence_transformers", sentence_transformers_version=_release(_REQUIRED[1])
    )
    described.model_size_bytes = sum(
        file.stat().st_size for file in model.rglob("*") if file.is_file()
    )
    described.save(str(place / DESCRIPTION))
    _write_environment(place)


def _signature(dimension: int | None, *, with_prompts: bool) -> "ModelSignature":
    """Describe texts in, float32 embeddings out; a prompt may be named where the model has one."""
    import numpy as np
    from mlflow.models.signature import ModelSignature
    from mlflow.types.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

    shape = (-1, -1 if dimension is None else dimension)
    prompt = ParamSpec("prompt_name", "string", default=None)
    return ModelSignature(
        inputs=Schema([ColSpec("string")]),
        outputs=Schema([TensorSpec(np.dtype("float32"), shape)]),
        params=ParamSchema([prompt] if with_prompts else []),
    )


def _has_prompts(model: Path) -> bool:
    settings = model / "config_sentence_transformers.json"
    if not settings.is_file():
        return False
    prompts = json.loads(settings.read_text(encoding="utf-8")).get("prompts") or {}
    return any(prompts.values())


def _write_environment(place: Path) -> None:
    """Pin what this installation loads the model with; MLflow's own way would run the model."""
    from mlflow.utils.yaml_utils import write_yaml

    pinned = [f"{name}=={_release(name)}" for name in _REQUIRED]
    (place / _REQUIREMENTS).write_text("\n".join(pinned) + "\n", encoding="utf-8")
    python = platform.python_version()
    environment = {
        "python": python,
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": [f"-r {_REQUIREMENTS}"],
    }
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": pinned}],
    }
    for name, content in ((_ENVIRONMENT, environment), (_CONDA, conda)):
        write_yaml(  # type: ignore[no-untyped-call]
            str(place), name, content, overwrite=True, ensure_yaml_extension=False
        )


def _release(package: str) -> str:
    """Return the installed release without its local part: "2.13.0+cpu" is not on PyPI."""
    return importlib.metadata.version(package).partition("+")[0]
