"""Cached scorecards and rankings: each model is scored only once on each evaluation set."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from training.encoding import Encoder
from training.evaluation.evaluate import Evaluate, Ranking, scores_of_ranking
from training.evaluation.evaluation_set import EvaluationSet
from training.evaluation.scorecard import Scorecard
from training.progress import Progress, no_progress
from training.whole_files import written


def scorecard(
    fingerprint: str,
    load: Callable[[], Encoder],
    sets: Sequence[EvaluationSet],
    *,
    evaluate: Evaluate,
    cache: str | os.PathLike[str],
    progress: Progress = no_progress,
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
    """
    cache = Path(cache)
    known: dict[str, Scorecard] = {}
    missing: list[EvaluationSet] = []
    for each in sets:
        file = _file(cache, fingerprint, each)
        try:
            known[each.name] = Scorecard.from_json(json.loads(file.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):
            missing.append(each)
    found = rankings(fingerprint, load, missing, evaluate=evaluate, cache=cache, progress=progress)
    for each in missing:
        card = Scorecard(fingerprint, scores_of_ranking(each, found[each.name]))
        file = _file(cache, fingerprint, each)
        with written(file) as partial:
            partial.write_text(json.dumps(card.to_json()), encoding="utf-8")
        known[each.name] = card
    tasks = {name: scores for each in sets for name, scores in known[each.name].tasks.items()}
    return Scorecard(fingerprint=fingerprint, tasks=tasks)


def rankings(
    fingerprint: str,
    load: Callable[[], Encoder],
    sets: Sequence[EvaluationSet],
    *,
    evaluate: Evaluate,
    cache: str | os.PathLike[str],
    progress: Progress = no_progress,
) -> dict[str, Ranking]:
    """Return what one model finds for the queries of each set, by the name of the set.

    The parameters are those of `scorecard`.
    """
    cache = Path(cache)
    files = {
        each.name: cache / f"{fingerprint[:32]}-{each.digest[:32]}.ranking.npz" for each in sets
    }
    known = {each.name: _kept_ranking(files[each.name], each) for each in sets}
    missing = [each for each in sets if known[each.name] is None]
    if missing:
        encoder = load()
        for each in missing:
            ranking = known[each.name] = evaluate.rank(encoder, each, progress=progress)
            with written(files[each.name]) as partial, partial.open("wb") as file:
                np.savez(file, places=ranking.places, cosines=ranking.cosines)
    return {name: ranking for name, ranking in known.items() if ranking is not None}


def _kept_ranking(file: Path, given: EvaluationSet) -> Ranking | None:
    """Return a ranking from the cache; None if it is missing or damaged."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as kept:
            places, cosines = kept["places"], kept["cosines"]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return None
    if not (len(places) == len(given.queries) and places.shape == cosines.shape):
        return None
    return Ranking(tuple(sorted(given.queries)), tuple(sorted(given.corpus)), places, cosines)


def _file(cache: Path, fingerprint: str, each: EvaluationSet) -> Path:
    # A scorecard has a task of the set's name and one per slice; the digest covers neither.
    tasks = json.dumps([each.name, sorted(each.slices.items())])
    name = hashlib.sha256(tasks.encode()).hexdigest()[:8]
    return cache / f"{fingerprint[:32]}-{each.digest[:32]}-{name}.json"
