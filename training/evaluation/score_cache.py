"""Scorecards and rankings of versions: each model meets each evaluation set once, ever."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from training.encoding import Encoder
from training.evaluation.evaluate import Evaluate, scores_of_ranking
from training.evaluation.evaluation_set import EvaluationSet
from training.evaluation.rankings import Ranking
from training.evaluation.scorecard import Scorecard
from training.progress import Progress, no_progress


def scorecard(
    fingerprint: str,
    load: Callable[[], Encoder],
    sets: Sequence[EvaluationSet],
    *,
    evaluate: Evaluate,
    cache: Path,
    progress: Progress = no_progress,
) -> Scorecard:
    """Return the scores of one model on the sets given, from the cache where they are there.

    Parameters
    ----------
    fingerprint
        Identity of the model's space: the key of the cache, beside the digest of the set.
    load
        Loads the encoder; called only when something must be scored.
    sets
        What to score on; the names become the task names.
    cache
        Folder of the cache; files are written beside and renamed.
    """
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
        beside = file.with_suffix(f".{os.getpid()}.partial")
        beside.write_text(json.dumps(card.to_json()), encoding="utf-8")
        beside.replace(file)
        known[each.name] = card
    tasks = {name: scores for each in sets for name, scores in known[each.name].tasks.items()}
    return Scorecard(fingerprint=fingerprint, tasks=tasks)


def rankings(
    fingerprint: str,
    load: Callable[[], Encoder],
    sets: Sequence[EvaluationSet],
    *,
    evaluate: Evaluate,
    cache: Path,
    progress: Progress = no_progress,
) -> dict[str, Ranking]:
    """Return what one model finds for the queries of each set, by the set's name.

    The parameters are those of `scorecard`.
    """
    files = {
        each.name: cache / f"{fingerprint[:32]}-{each.digest[:32]}.ranking.npz" for each in sets
    }
    known = {each.name: _kept_ranking(files[each.name], each) for each in sets}
    missing = [each for each in sets if known[each.name] is None]
    if missing:
        encoder = load()
        cache.mkdir(parents=True, exist_ok=True)
        for each in missing:
            ranking = known[each.name] = evaluate.rank(encoder, each, progress=progress)
            beside = files[each.name].with_suffix(f".{os.getpid()}.partial")
            with beside.open("wb") as file:
                np.savez(file, places=ranking.places, cosines=ranking.cosines)
            beside.replace(files[each.name])
    return {name: ranking for name, ranking in known.items() if ranking is not None}


def _kept_ranking(file: Path, given: EvaluationSet) -> Ranking | None:
    """Return a ranking from the cache; None where it is missing or damaged."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as kept:
            places, cosines = kept["places"], kept["cosines"]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return None
    if not (len(places) == len(given.queries) and places.shape == cosines.shape):
        return None
    return Ranking(tuple(sorted(given.queries)), tuple(sorted(given.corpus)), places, cosines)


def _file(cache: Path, fingerprint: str, each: EvaluationSet) -> Path:
    # The name is part of the key because the tasks inside a scorecard carry it.
    name = hashlib.sha256(each.name.encode()).hexdigest()[:8]
    return cache / f"{fingerprint[:32]}-{each.digest[:32]}-{name}.json"
