"""What the service answered, from its log: cosines, documents and own answers for the triggers."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drift_triggers.feedback_loop import SHINGLE
from drift_triggers.signal import Served
from drift_triggers.statistics.view import folded
from pipeline.store import Store
from training.encoding import Encoder
from training.pairs import normalised
from training.pairs.near_duplicates import NearDuplicates
from training.progress import Progress, no_progress
from training.unlabelled import ServedQuery, Shown, shown_ids

_TRIED = 64
"""Scores of the log that are compared with the champion's cosines before they are taken."""
_ROUNDING = 0.011
"""How far a score may lie from the cosine that it is: logs round to two decimals."""
_ALIKE = 0.95
"""Share of the tried scores that must be cosines."""
_TOP = 10
"""Results of a line that are compared with those of a near-identical query."""
_ANSWER_WORDS = 4
"""Words that an answer needs to be told from what anybody may write."""


@dataclass(frozen=True)
class Answered:
    """What the service answered before and recently, as its log tells."""

    before: Sequence[ServedQuery] = ()
    """Lines of the reference period, oldest first."""
    recent: Sequence[ServedQuery] = ()
    """Lines of the recent window, oldest first."""
    documents: Mapping[str, str] = field(default_factory=dict)
    """Id -> text of the documents that were shown."""
    answers: tuple[str, ...] = ()
    """What the system itself wrote, as `own_answers` returns it."""
    new_documents: tuple[str, ...] = ()
    """Texts of documents that arrived since the reference period."""

    @property
    def any(self) -> bool:
        """Whether there is a log at all."""
        return bool(self.before or self.recent)


def answered(
    store: Store,
    *,
    known: int,
    until: int,
    window: Callable[[Sequence[ServedQuery]], Sequence[ServedQuery]],
    newest: int,
    lines: Sequence[ServedQuery] | None = None,
) -> Answered:
    """Read what the service answered, from the log in the store.

    Parameters
    ----------
    known
        Sequence number up to which the log belongs to the reference period.
    until
        Sequence number of the last line to read.
    window
        Chooses the recent window from the lines after `known`.
    newest
        Number of the newest lines that are read, of the reference period and of the time since.
    lines
        Stand for the lines after `known`.
    """
    # As many as are read of the time before: a log grows without end between two trainings.
    since = store.served(after=known, until=until, latest=newest) if lines is None else lines
    if not since:
        return Answered()
    before = store.served(until=known, latest=newest)
    recent = window(since)
    every = [*before, *since]
    compared = {id(line) for line in (*before, *recent)}
    shown = shown_ids(line for line in every if line.answer or id(line) in compared)
    documents = {key: each.whole for key, each in store.documents_named(shown).items()}
    answers = own_answers(every, documents)
    return Answered(
        before=before,
        recent=recent,
        documents=documents,
        answers=answers,
        new_documents=(
            tuple(each.whole for each in store.documents_new(known, until)) if answers else ()
        ),
    )


def own_answers(lines: Sequence[ServedQuery], documents: Mapping[str, str]) -> tuple[str, ...]:
    """Return what the system wrote itself: its answers without what they quote.

    An answer may quote the question, and the documents that it was made from. A question that is
    asked again, or a document that is loaded later, is no copy of such an answer.

    Parameters
    ----------
    lines
        Lines of the log.
    documents
        Id -> text of the documents that were shown.

    Examples
    --------
    >>> line = ServedQuery("I lost my card", answer="I lost my card? Call us, we block it")
    >>> own_answers([line, line, ServedQuery("thanks", answer="Welcome!")], {})
    ('call us we block it',)
    """
    found: dict[str, None] = {}
    for line in lines:
        if not line.answer:
            continue
        words, asked = folded(line.answer).split(), folded(line.query).split()
        quoted = np.zeros(len(words), dtype=bool)
        _mark(words, quoted, asked, max(1, len(asked)))
        for each in line.shown:
            text = documents.get(each.id) or each.text
            _mark(words, quoted, folded(text).split(), SHINGLE)
        for own, part in itertools.groupby(zip(words, quoted, strict=True), lambda one: one[1]):
            if not own:
                kept = [word for word, _ in part]
                if len(kept) >= _ANSWER_WORDS:
                    found.setdefault(" ".join(kept))
    return tuple(found)


def _mark(
    words: Sequence[str], quoted: NDArray[np.bool_], source: Sequence[str], length: int
) -> None:
    """Mark the runs of so many words that a source has too."""
    runs = {tuple(source[at : at + length]) for at in range(len(source) - length + 1)}
    for at in range(len(words) - length + 1):
        if tuple(words[at : at + length]) in runs:
            quoted[at : at + length] = True


def served(
    encoder: Encoder,
    lines: Sequence[ServedQuery],
    documents: Mapping[str, str],
    progress: Progress = no_progress,
) -> Served:
    """Return what the service answered in some lines of its log, as triggers read it.

    The cosines are the champion's. Scores of the log are taken for them only where a sample of them
    agrees with what the champion computes; otherwise the first two results of each line are
    encoded. A line whose first result has no known text has no cosine.

    Parameters
    ----------
    encoder
        The champion's encoder.
    lines
        Lines of the log, oldest first.
    documents
        Id -> text of the documents that were shown.
    progress
        Shows how many texts are encoded.
    """
    compute = _Cosines(encoder, documents, progress)
    first, second = (_scores(lines, place) for place in (0, 1))
    if not compute.agree(lines, first):
        first, second = (compute.of(lines, place) for place in (0, 1))
    margins = first - second
    return Served(
        cosines=first[~np.isnan(first)],
        documents=tuple(_name(each) for line in lines for each in line.shown),
        margins=margins[~np.isnan(margins)],
        repeats=_repeats(encoder, lines, progress),
    )


class _Cosines:
    """The champion's cosines of queries and what was shown for them."""

    def __init__(self, encoder: Encoder, documents: Mapping[str, str], progress: Progress) -> None:
        self._encoder = encoder
        self._documents = documents
        self._progress = progress

    def of(self, lines: Sequence[ServedQuery], place: int) -> NDArray[np.float64]:
        """Return (lines,): the cosine of each query with its result at a place, nan if unknown."""
        found = np.full(len(lines), np.nan)
        texts = [self._text(line.shown[place]) if len(line.shown) > place else "" for line in lines]
        rows = [row for row, text in enumerate(texts) if text]
        if not rows:
            return found
        encode = self._encoder.unit_vectors
        asked = encode([lines[row].query for row in rows], kind="query", progress=self._progress)
        shown = encode([texts[row] for row in rows], kind="document", progress=self._progress)
        found[rows] = np.clip(np.einsum("ld,ld->l", asked, shown, dtype=np.float64), -1.0, 1.0)
        return found

    def agree(self, lines: Sequence[ServedQuery], scores: NDArray[np.float64]) -> bool:
        """Say whether the scores of a log are the champion's cosines, as far as a sample tells."""
        told = np.flatnonzero(~np.isnan(scores))
        if not len(told):
            return False
        rows = told[np.unique(np.linspace(0, len(told) - 1, _TRIED).astype(int))]
        cosines = self.of([lines[row] for row in rows], 0)
        known = ~np.isnan(cosines)
        near = np.abs(scores[rows][known] - cosines[known]) <= _ROUNDING
        return bool(known.any() and near.mean() >= _ALIKE)

    def _text(self, result: Shown) -> str:
        return self._documents.get(result.id) or result.text


def _scores(lines: Sequence[ServedQuery], place: int) -> NDArray[np.float64]:
    """Return (lines,): the log's score of the result at a place, nan if unknown."""
    found = [line.shown[place].score if len(line.shown) > place else None for line in lines]
    return np.array([np.nan if each is None else each for each in found], dtype=np.float64)


def _repeats(
    encoder: Encoder, lines: Sequence[ServedQuery], progress: Progress
) -> NDArray[np.float64]:
    """Return (pairs, 2): cosine, and share of results in common, of near-identical queries."""
    shown = [line for line in lines if line.shown]
    keys = [normalised(line.query) for line in shown]
    distinct = list(dict.fromkeys(keys))
    rows = [(key,) for key in distinct]
    like = NearDuplicates().matches(rows, rows)
    first: dict[str, ServedQuery] = {}
    pairs: list[tuple[ServedQuery, ServedQuery]] = []
    place = {key: row for row, key in enumerate(distinct)}
    for line, key in zip(shown, keys, strict=True):
        original = distinct[like.get(place[key], place[key])]
        if original in first:
            pairs.append((first[original], line))
        else:
            first[original] = line
    if not pairs:
        return np.empty((0, 2))
    left, right = (
        encoder.unit_vectors([pair[side].query for pair in pairs], progress=progress)
        for side in (0, 1)
    )
    cosines = np.einsum("pd,pd->p", left, right, dtype=np.float64)
    return np.column_stack([cosines, [_in_common(*pair) for pair in pairs]])


def _in_common(one: ServedQuery, other: ServedQuery) -> float:
    left, right = ({_name(each) for each in line.shown[:_TOP]} for line in (one, other))
    return len(left & right) / max(1, min(len(left), len(right)))


def _name(result: Shown) -> str:
    return result.id or normalised(result.text)
