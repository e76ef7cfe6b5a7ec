"""JSON files of what can be made anew: one in which a letter changed is no file at all."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.whole_files import written

_SEAL = "sha256"


def write_sealed(file: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object with the sum of its content: whole, or not at all."""
    with written(file) as partial:
        partial.write_text(json.dumps({**value, _SEAL: _sum(value)}), encoding="utf-8")


def read_sealed(file: Path) -> dict[str, Any] | None:
    """Return what was written; None where the file is missing, damaged or has no sum.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "scores.json")
    ...     write_sealed(file, {"mean": 0.25})
    ...     whole = read_sealed(file)
    ...     _ = file.write_text(file.read_text().replace("0.25", "0.75"))
    ...     whole, read_sealed(file)
    ({'mean': 0.25}, None)
    """
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        seal = value.pop(_SEAL)
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return None
    return dict(value) if seal == _sum(value) else None


def _sum(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
