"""What a check looked at, kept for the report: vectors are cached, nothing is encoded again."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from pipeline.cycle.window import Gathered, gather
from pipeline.observation import Accepted, Arrived, lacking, text_map
from pipeline.results import CheckedTexts, MemorySource, MissingField, Window
from pipeline.store import Traffic
from pipeline.workspace import OpenWorkspace
from training.pairs import Pair

_OF_TEXTS = ("source", "timestamp", "session", "user")
_OF_PAIRS = ("negative", "source", "timestamp")
_SOURCES = 20

Records = Sequence[Traffic] | Sequence[Pair]


def checked_texts(opened: OpenWorkspace, window: Window) -> CheckedTexts:
    """Lay the texts of a window, which was just checked, on a map beside the known ones."""
    observing = opened.settings.tables.observe
    gathered = gather(opened.store, window, observing)
    if gathered.idle:
        return CheckedTexts(reason=gathered.idle)
    folder = opened.versions.folder(opened.registry.version(window.champion))
    known = observing.extend(folder.reference(), gathered.later_reference)
    memory = folder.memory()
    observation = replace(observing, perturbed=0).observation(
        opened.encoders.load(folder.model),
        Arrived(recent=gathered.recent),
        Accepted(reference=known),
        progress=opened.progress,
    )
    made = text_map(observation)
    return CheckedTexts(
        map=made,
        reason="" if made else "too few distinct texts for a map",
        missing=tuple(_missing(known, gathered, memory)),
        memory=tuple(
            MemorySource(source=source, pairs=pairs)
            for source, pairs in Counter(pair.source for pair in memory).most_common(_SOURCES)
        ),
    )


def _missing(
    known: Sequence[Traffic], gathered: Gathered, memory: Sequence[Pair]
) -> Iterator[MissingField]:
    """Yield the fields that some records lack and others have."""
    kinds: tuple[tuple[Literal["texts", "pairs"], tuple[str, ...], Records, Records], ...] = (
        ("texts", _OF_TEXTS, known, gathered.recent),
        ("pairs", _OF_PAIRS, memory, gathered.pairs),
    )
    for records, fields, before, now in kinds:
        facts = lacking(fields, before, now)
        for field, counts in facts.missing.items():
            if any(counts):
                shares = [
                    count / size if size else None
                    for count, size in zip(counts, (facts.known, facts.recent), strict=True)
                ]
                yield MissingField(records=records, field=field, known=shares[0], recent=shares[1])
