"""The number format in which a model encodes: float32, or half precision where asked for."""

from typing import TYPE_CHECKING, Any, Literal

from training.distributed import has_bfloat16
from training.encoding.fixed_shapes import pad_to_fixed_length
from training.faults import DataFault

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

NumberFormat = Literal["float32", "bfloat16", "float16"]
"""How a transformer computes; the vectors are pooled, normalised and kept in float32 always."""


def number_formats(device: str) -> tuple[NumberFormat, ...]:
    """Return the number formats that a device computes in, without emulation.

    Parameters
    ----------
    device
        "cpu", "mps" or "cuda:0".

    Examples
    --------
    >>> "float32" in number_formats("cpu"), "float16" in number_formats("cpu")
    (True, False)
    """
    found: list[NumberFormat] = ["float32"]
    if has_bfloat16(device):
        found.append("bfloat16")
    if device != "cpu":
        found.append("float16")
    return tuple(found)


def compute_in(model: "SentenceTransformer", wanted: NumberFormat, name: str) -> None:
    """Let the transformers of a model compute in a number format, in place.

    Only they do: their output returns to float32, so that pooling, further layers and normalising
    add no error of their own. What they are given is padded to fixed lengths
    (`training.encoding.fixed_shapes`). A model that is trained or saved must stay in float32.

    Parameters
    ----------
    model
        A model whose weights are float32, on the device on which it computes.
    wanted
        The number format.
    name
        What messages call the model.

    Raises
    ------
    DataFault
        The device does not compute in it, or the model has no transformer.
    """
    import torch

    if wanted == "float32":
        return
    device = str(model.device)
    there = number_formats(device)
    if wanted not in there:
        raise DataFault(
            f"model.precision or evaluate.precision is {wanted!r}, which {device} of this machine "
            "does not compute in; "
            f"allowed there: {', '.join(there)}"
        )
    found = transformers_of(model)
    if not found:
        raise DataFault(
            f"model.precision or evaluate.precision is {wanted!r}, and {name} has no transformer; "
            "allowed: float32"
        )
    kind = {"bfloat16": torch.bfloat16, "float16": torch.float16}[wanted]
    for part in found:
        part.model.to(kind)
        part.register_forward_pre_hook(pad_to_fixed_length)
        part.register_forward_hook(_to_float32)


def format_of(model: "SentenceTransformer") -> NumberFormat:
    """Return the number format in which `compute_in` lets a model compute."""
    kinds = {str(part.model.dtype).removeprefix("torch.") for part in transformers_of(model)}
    half: tuple[NumberFormat, ...] = ("bfloat16", "float16")
    return next((each for each in half if each in kinds), "float32")


def transformers_of(model: "SentenceTransformer") -> list[Any]:
    """Return the transformers of a model; one with routes has several."""
    from sentence_transformers.sentence_transformer.modules import Transformer

    return [part for part in model.modules() if isinstance(part, Transformer)]


def _to_float32(_module: Any, _given: Any, features: dict[str, Any]) -> dict[str, Any]:
    return {
        name: each.float() if getattr(each, "is_floating_point", bool)() else each
        for name, each in features.items()
    }
