"""The arguments of the library's trainer, on the device that was chosen and on no other."""

from typing import TYPE_CHECKING, Any

from training.distributed import is_cuda, ranks

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformerTrainingArguments


def arguments_on(device: str, **given: Any) -> "SentenceTransformerTrainingArguments":
    """Return arguments for a training on one device per process.

    The library takes the first CUDA device wherever there is one, and all of them at once in a
    process that trains alone, which would multiply the batch.

    Parameters
    ----------
    device
        "cpu", "mps" or "cuda:0"; processes that train together take the CUDA device of their rank.
    given
        The other arguments.
    """
    import torch
    from sentence_transformers import SentenceTransformerTrainingArguments

    on_cpu = device == "cpu"
    arguments = SentenceTransformerTrainingArguments(
        use_cpu=on_cpu, ddp_backend="gloo" if ranks() > 1 and on_cpu else None, **given
    )
    if is_cuda(device) and ranks() == 1:
        chosen = torch.device(device)
        torch.cuda.set_device(chosen)
        arguments.distributed_state.device = chosen  # what accelerate prepares a model for
        arguments.__dict__["_setup_devices"] = chosen
        arguments._n_gpu = 1
    return arguments
