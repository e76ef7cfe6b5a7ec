"""Scorecards of versions: each model is scored once on each evaluation set, ever."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from training.encoder import Encoder, Progress, no_progress
from training.evaluate import Evaluate, EvaluationSet, Scorecard


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
    if missing:
        encoder = load()
        cache.mkdir(parents=True, exist_ok=True)
        for each in missing:
            card = evaluate.score(encoder, [each], progress=progress)
            file = _file(cache, fingerprint, each)
            beside = file.with_suffix(f".{os.getpid()}.partial")
            beside.write_text(json.dumps(card.to_json()), encoding="utf-8")
            beside.replace(file)
            known[each.name] = card
    tasks = {name: scores for each in sets for name, scores in known[each.name].tasks.items()}
    return Scorecard(fingerprint=fingerprint, tasks=tasks)


def _file(cache: Path, fingerprint: str, each: EvaluationSet) -> Path:
    # The name is part of the key because the tasks inside a scorecard carry it.
    name = hashlib.sha256(each.name.encode()).hexdigest()[:8]
    return cache / f"{fingerprint[:32]}-{each.digest[:32]}-{name}.json"
