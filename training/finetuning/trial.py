"""The trial: whether a base can be encoded with, trained, saved and loaded, before it is used."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.acceleration.precision import fastest_precision
from training.distributed import AUTO, kind_of
from training.encoding import Encoder, fingerprint, load_model
from training.faults import DataFault, first_line
from training.finetuning.finetune import FineTune
from training.finetuning.job import Job
from training.finetuning.trained import not_finite
from training.pairs import Mixture, Pair, memory_digest
from training.progress import no_progress

_PAIRS = 8
_CLOSE = 1e-4  # difference in any number of a unit vector that saving and loading may make
# Contrast needs two pairs at least, of different texts.
_OWN = (
    Pair("trial-1", "where is the station", "the station is behind the park"),
    Pair("trial-2", "how much is it", "ten coins"),
)
# What torch and the libraries raise where a model does not fit together.
_MISFITS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def try_base(
    folder: Path,
    pairs: Sequence[Pair],
    finetune: FineTune,
    *,
    max_length: int,
    name: str,
    device: str = AUTO,
) -> tuple[str, ...]:
    """Take one training step on a copy of a base and return what a person should know of the base.

    What a model cannot do would otherwise be found out at the first drift, weeks later.

    Parameters
    ----------
    folder
        The base as it was fetched; it is only read. The trial's own files are beside it for the
        time of the trial.
    pairs
        Pairs of the kind that it will be trained on; a few are used.
    finetune
        How it will be trained.
    max_length
        Tokens after which a text is cut.
    name
        What messages call the base.
    device
        Where to try it, as `device_for` takes it.

    Raises
    ------
    DataFault
        The base cannot be encoded with or trained, or changes when it is saved.
    NoEmbedding
        It gives NaN or infinity for a text.
    """
    place = folder.with_name(f"{folder.name}-trial.partial")
    shutil.rmtree(place, ignore_errors=True)
    try:
        job = Job(
            folder, _few_of(pairs), place / "model", place / "checkpoints", max_length, None, device
        )
        return _tried(job, finetune, name)
    except DataFault:
        raise
    except _MISFITS as fault:
        raise DataFault(f"{name} cannot be used as a base: {first_line(fault)}") from fault
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _tried(job: Job, finetune: FineTune, name: str) -> tuple[str, ...]:
    pairs, max_length = job.mixture.pairs, job.max_length
    queries = [pair.query for pair in pairs]
    # A text of full length shows whether there are positions for it.
    documents = [*(pair.positive for pair in pairs), " ".join(["a"] * max_length)]
    before = load_model(job.base, max_length, device=job.device)
    champion = fingerprint(job.base, max_length)
    encoder = Encoder(before, champion, None, name)
    encoded = encoder.encode(queries, kind="query"), encoder.encode(documents, kind="document")
    if not all(vectors.any() for vectors in encoded):
        raise DataFault(f"{name} gives only zeros, whatever the text; it has nothing to search by")
    once = replace(
        finetune,
        epochs=1,
        minimum_steps=0,
        maximum_steps=1,
        warmup=0.0,
        batch_size=len(pairs),
        processes=1,
    )
    precision = once.precision
    if precision == "auto":
        precision = fastest_precision(kind_of(job.device))
    model, done = once.trained(job, champion, precision, no_progress, None)
    weights, start = model.state_dict(), before.state_dict()
    if all(weights[each].equal(start[each]) for each in start if each not in not_finite(before)):
        raise DataFault(f"{name} cannot be trained: a training step leaves each weight as it was")
    notes = tuple(
        f"weight {weight} holds numbers that are not finite: some texts have no embedding"
        for weight in not_finite(before)
    )
    # The trained model itself still computes in the number format of training.
    before.load_state_dict(weights)
    trained = Encoder(before, "", None, name).unit_vectors(queries)
    done.save(model, "trial")
    again = Encoder.load(done.folder, max_length=max_length, name=name, device=job.device)
    loaded = again.unit_vectors(queries)
    if loaded.shape != trained.shape or float(np.abs(loaded - trained).max()) > _CLOSE:
        raise DataFault(
            f"{name} gives other embeddings after it is saved and loaded; a trained version of it "
            "would not be what was measured"
        )
    return notes


def _few_of(pairs: Sequence[Pair]) -> Mixture:
    """Return a mix of some pairs whose texts all differ, so that there is something to contrast."""
    chosen: list[Pair] = []
    seen: set[str] = set()
    for pair in (*pairs, *_OWN):
        texts = {pair.query.strip(), pair.positive.strip()}
        if "" not in texts and texts.isdisjoint(seen):
            seen |= texts
            chosen.append(replace(pair, negative=""))
        if len(chosen) == _PAIRS:
            break
    old = tuple(number % 2 == 1 for number in range(len(chosen)))
    return Mixture(tuple(chosen), old, memory_digest(chosen))
