"""The number format in which scores are computed: one for all models of a workspace."""

from contextlib import suppress
from pathlib import Path
from typing import Literal

from training.acceleration import fastest_precision, settled_precision
from training.distributed import device_for
from training.encoding import NumberFormat, has_transformer, number_formats

ScoreFormat = Literal["model", "auto", "float32", "bfloat16", "float16"]
"""What can be asked for; "model" is the format in which the model serves."""


def settled_format(
    wanted: ScoreFormat, served: NumberFormat, model: Path | None, *, device: str, note: Path
) -> NumberFormat:
    """Return the number format in which a model is scored.

    Parameters
    ----------
    wanted
        What the settings ask for.
    served
        The format in which the model serves.
    model
        Its folder; None: it is one with a transformer.
    device
        Where it computes, as `device_for` takes it.
    note
        File that keeps which format was measured to be faster, so that a busy machine does not
        change it later.

    Returns
    -------
    str
        "auto" is bfloat16 where the model serves in float32, has a transformer, and computes
        faster in bfloat16 on this processor; otherwise it is the format in which the model serves.
        On accelerators nothing was measured, so there it is that, too.
    """
    if wanted == "model":
        return served
    if wanted != "auto":
        return wanted
    if (
        served != "float32"
        or device_for(device) != "cpu"
        or "bfloat16" not in number_formats("cpu")
    ):
        return served
    if model is not None and not has_transformer(model):
        return served
    with suppress(OSError):  # a workspace on a disk that is read-only
        return "bfloat16" if settled_precision(note) == "bf16" else served
    return "bfloat16" if fastest_precision() == "bf16" else served
