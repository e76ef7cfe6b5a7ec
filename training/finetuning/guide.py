"""The guide: the champion as it encodes what a training holds to, in the training's own format."""

from typing import TYPE_CHECKING

from training.acceleration import Precision
from training.encoding import Encoder, has_transformer, number_formats
from training.finetuning.job import Job

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def guide_of(
    job: Job, champion: str, model: "SentenceTransformer", precision: Precision
) -> Encoder:
    """Return an encoder of the champion.

    A model that is trained in bfloat16 computes its own embeddings in it, too: targets in float32
    would take two to three times as long for digits that the training does not have.

    Parameters
    ----------
    job
        What is trained.
    champion
        Fingerprint of the base.
    model
        The base as it was loaded to be trained, in float32.
    precision
        Number format of the training.
    """
    native = "bfloat16" in number_formats(str(model.device)) and has_transformer(job.base)
    if precision == "fp32" or not native:
        return Encoder(model, champion, job.cache, str(job.base))
    return Encoder.load(
        job.base,
        max_length=job.max_length,
        cache=job.cache,
        device=job.device,
        precision="bfloat16",
    )
