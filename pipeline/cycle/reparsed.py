"""The documents of anchor sets as another parser gives them: what moves, and what it costs."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pipeline.registry import VersionFolder
from pipeline.results import QUANTILES, ReparsedMeasure
from pipeline.search import Both, Spaces, alike, neighbours
from pipeline.workspace import OpenWorkspace
from training.encoding import Similarity
from training.evaluation import EvaluationSet

_DOCUMENTS = 2000
"""Documents whose neighbours are compared: the share is then known to 0.01."""


def reparsed_now(opened: OpenWorkspace, champion: VersionFolder) -> Iterator[ReparsedMeasure]:
    """Measure each anchor set that another parse was given for; the champion encodes a text once.

    Documents that the other parse lacks keep their text, so that the scores differ by what was
    parsed again and by nothing else.

    Raises
    ------
    DataFault
        A file cannot be read, or has no document of its set.
    """
    for given, texts in opened.anchor_sets.reparsed():
        yield _measured(opened, champion, given, texts)


def _measured(
    opened: OpenWorkspace, champion: VersionFolder, given: EvaluationSet, texts: dict[str, str]
) -> ReparsedMeasure:
    gate = opened.settings.tables.gate
    again = replace(given, name=f"reparsed/{given.name}", corpus={**given.corpus, **texts})
    scores = opened.scores.of(champion, [given, again]).tasks
    before, after = scores[given.name], scores[again.name]
    low, high = gate.bounds(gate.differences(before, after))
    means = before.mean(gate.metric), after.mean(gate.metric)
    encoder = opened.encoders.load(champion.model)
    ids = list(texts)
    old = encoder.encode([given.corpus[each] for each in ids], kind="document")
    new = encoder.encode([texts[each] for each in ids], kind="document")
    directions = encoder.similarity.directions
    cosines = alike(Similarity(), directions(new), directions(old))
    rows = np.unique(np.linspace(0, len(ids) - 1, min(len(ids), _DOCUMENTS)).astype(int))
    kept = None
    if len(rows) > 1:
        both = Both(new[rows], old[rows])
        kept = float(neighbours(both, Spaces.of(encoder, encoder), range(len(rows))).mean())
    told = "" if kept is None else f", {100 * kept:.0f} % of their nearest documents stay"
    return ReparsedMeasure(
        task=given.name,
        documents=len(ids),
        missing=len(given.corpus) - len(ids),
        identical=sum(given.corpus[each] == texts[each] for each in ids) / len(ids),
        cosine=float(cosines.mean()),
        quantiles=tuple(np.quantile(cosines, QUANTILES).tolist()),
        neighbours=kept,
        queries=len(given.queries),
        metric=gate.metric,
        before=means[0],
        after=means[1],
        low=low,
        high=high,
        reason=(
            f"{given.name} parsed again: {len(ids)} documents have a cosine of "
            f"{cosines.mean():.2f} with their old text{told}; {gate.metric} {means[0]:.3f} -> "
            f"{means[1]:.3f} ({low:+.3f} to {high:+.3f}, {len(given.queries)} queries)"
        ),
    )
