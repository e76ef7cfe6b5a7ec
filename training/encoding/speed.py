"""The speed of an encoder, measured on some texts."""

import time
from collections.abc import Sequence

import numpy as np

from training.encoding.encoder import Encoder
from training.encoding.prompts import Kind
from training.encoding.sharded import Shard

_BATCH = 32  # texts, as in `Encoder.forward`
_PER_WORKER = 8  # batches that each worker gets


def seconds_per_text(
    encoder: Encoder, texts: Sequence[str], *, kind: Kind = "query", budget: float = 8.0
) -> tuple[float, int]:
    """Return how long a text takes among many, and how many texts were timed.

    Batches have texts of similar length, as in `Encoder.encode`, and are drawn by chance; counting
    the tokens for that counts, too. With an engine, all its workers work, and what is returned is
    the time divided by the texts of all.

    Parameters
    ----------
    encoder
        The encoder; its cache is not used.
    texts
        A sample of the texts to encode; not empty.
    kind
        Whether they are queries or documents.
    budget
        Seconds after which no further batch is begun in this process.
    """
    began = time.perf_counter()
    lengths = np.array(encoder.token_counts(texts, kind=kind))
    counting = (time.perf_counter() - began) / len(texts)
    order = np.argsort(-lengths, kind="stable")
    batches = [
        tuple(texts[row] for row in order[start : start + _BATCH])
        for start in range(0, len(order), _BATCH)
    ]
    drawn = np.random.default_rng(0).permutation(len(batches))
    if encoder.elsewhere is not None:
        engine, work = encoder.elsewhere
        list(engine.map(work, [Shard(batches[0][:1], kind)] * engine.workers))
        chosen = np.resize(drawn, engine.workers * _PER_WORKER)
        shards = [Shard(batches[place], kind) for place in chosen]
        began = time.perf_counter()
        timed = sum(len(vectors) for _, vectors in engine.map(work, shards))
        return counting + (time.perf_counter() - began) / timed, timed
    encoder.forward(batches[0][:1], kind=kind)
    began, timed = time.perf_counter(), 0
    for place in drawn:
        timed += len(encoder.forward(batches[place], kind=kind))
        if time.perf_counter() - began > budget:
            break
    return counting + (time.perf_counter() - began) / timed, timed
