"""Cached scorecards and rankings: each model is scored only once on each evaluation set."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache as once
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from training.encoding import Encoder
from training.evaluation.dimensions import task_at
from training.evaluation.evaluate import Evaluate, Ranking, scores_of_ranking
from training.evaluation.evaluation_set import EvaluationSet
from training.evaluation.scorecard import Scorecard, TaskScores
from training.evaluation.soft import SOFT
from training.progress import Progress, no_progress
from training.sealed_json import read_sealed, write_sealed
from training.whole_files import written


def scorecard(
    fingerprint: str,
    load: Callable[[], Encoder],
    sets: Sequence[EvaluationSet],
    *,
    evaluate: Evaluate,
    cache: str | os.PathLike[str],
    progress: Progress = no_progress,
    dimensions: Sequence[int] = (),
    precision: str = "float32",
) -> Scorecard:
    """Return the scores of one model on the sets given, from the cache if it has them.

    Parameters
    ----------
    fingerprint
        Identity of the model's embedding space; with the digest of a set it is the cache's key.
    load
        Loads the encoder; called only if something must be scored.
    sets
        What to score on; their names become task names.
    evaluate
        How to score.
    cache
        Folder of the score cache.
    progress
        Shows how many texts are encoded.
    dimensions
        Lengths below that of the whole vectors at which each set is scored too.
    precision
        Number format in which the encoder computes.
    """
    cache, load, space = Path(cache), once(load), _space(fingerprint, precision)
    known = {each.name: _kept_scores(_file(cache, space, each)) for each in sets}
    missing = [each for each in sets if known[each.name] is None]
    found = rankings(
        fingerprint,
        load,
        missing,
        evaluate=evaluate,
        cache=cache,
        progress=progress,
        precision=precision,
    )
    tasks: dict[str, TaskScores] = {}
    for each in sets:
        scores = known[each.name]
        if scores is None:
            scores = scores_of_ranking(each, found[each.name])
            _keep_scores(_file(cache, space, each), fingerprint, scores)
        tasks |= scores
        files = {length: _file(cache, space, each, length) for length in dimensions}
        shorter = {length: _kept_scores(file) for length, file in files.items()}
        lacking = [length for length, kept in shorter.items() if kept is None]
        ranked = evaluate.rank_at(load(), each, lacking, progress) if lacking else {}
        for length, kept in shorter.items():
            if kept is None:
                kept = scores_of_ranking(each, ranked[length], length)
                _keep_scores(files[length], fingerprint, kept)
            tasks |= kept
    return Scorecard(fingerprint=fingerprint, tasks=tasks)


def rankings(
    fingerprint: str,
    load: Callable[[], Encoder],
    sets: Sequence[EvaluationSet],
    *,
    evaluate: Evaluate,
    cache: str | os.PathLike[str],
    progress: Progress = no_progress,
    precision: str = "float32",
) -> dict[str, Ranking]:
    """Return what one model finds for the queries of each set, by the name of the set.

    The parameters are those of `scorecard`.
    """
    cache, space = Path(cache), _space(fingerprint, precision)
    files = {each.name: cache / f"{space}-{each.digest[:32]}.ranking.npz" for each in sets}
    known = {each.name: _kept_ranking(files[each.name], each, precision) for each in sets}
    missing = [each for each in sets if known[each.name] is None]
    if missing:
        encoder = load()
        for each in missing:
            ranking = known[each.name] = evaluate.rank(encoder, each, progress=progress)
            with written(files[each.name]) as partial, partial.open("wb") as file:
                np.savez(
                    file,
                    places=ranking.places,
                    similarities=ranking.similarities,
                    soft=np.empty(0) if ranking.soft is None else ranking.soft,
                )
    return {name: ranking for name, ranking in known.items() if ranking is not None}


def damaged_scores(folder: Path) -> list[Path]:
    """Return the files of a score cache that are not as they were written.

    So are files of earlier versions of this package, which have no sum.
    """
    return [
        each
        for each in sorted(folder.glob("*"))
        if (each.suffix == ".json" and read_sealed(each) is None)
        or (each.suffix == ".npz" and _arrays(each) is None)
    ]


def _arrays(file: Path) -> dict[str, NDArray[Any]] | None:
    """Return the arrays of a file, each checked against its sum; None if one is not whole."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}
    except (OSError, EOFError, ValueError, KeyError, BadZipFile, NotImplementedError):
        return None


def _kept_ranking(file: Path, given: EvaluationSet, precision: str) -> Ranking | None:
    """Return a ranking from the cache; None if it is missing, damaged or without a metric."""
    kept = _arrays(file)
    if kept is None or not kept.keys() >= {"places", "similarities", "soft"}:
        return None
    places, similarities, soft = kept["places"], kept["similarities"], kept["soft"]
    whole = len(places) == len(soft) == len(given.queries)
    if not (whole and places.shape == similarities.shape):
        return None
    _asked_for(file)
    queries, documents = tuple(sorted(given.queries)), tuple(sorted(given.corpus))
    return Ranking(queries, documents, places, similarities, soft, precision)


def _kept_scores(file: Path) -> dict[str, TaskScores] | None:
    """Return the scores of one set from the cache; None if they are missing or damaged.

    What an earlier version of this package kept without a sum or the soft metric is scored again.
    """
    kept = read_sealed(file)
    if kept is None:
        return None
    tasks = dict(Scorecard.from_json(kept).tasks)
    if any(SOFT not in scores.metrics for scores in tasks.values()):
        return None
    _asked_for(file)
    return tasks


def _asked_for(file: Path) -> None:
    """Note that a file was asked for: what was not for long is deleted first."""
    with suppress(OSError):  # of another user, or on a disk that is read-only
        os.utime(file)


def _keep_scores(file: Path, fingerprint: str, scores: dict[str, TaskScores]) -> None:
    write_sealed(file, Scorecard(fingerprint, scores).to_json())


def _space(fingerprint: str, precision: str) -> str:
    """Return how names of files begin; those in half precision say so, as their content does."""
    return fingerprint[:32] + ("" if precision == "float32" else f"-{precision}")


def _file(cache: Path, space: str, each: EvaluationSet, length: int | None = None) -> Path:
    # A scorecard has a task of the set's name and one per slice; the digest covers neither.
    slices = sorted(each.slices.items()) if length is None else []
    tasks = json.dumps([task_at(each.name, length), slices])
    name = hashlib.sha256(tasks.encode()).hexdigest()[:8]
    return cache / f"{space}-{each.digest[:32]}-{name}.json"
