"""The distinct texts of a sample that triggers use, in order of time, and which belong together.

Which texts only repeat others (:func:`distinct_rows`)? A client that retries is not a new topic.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from drift_triggers.signal import Sample
from drift_triggers.statistics.known_ground import KnownGround

DAY = 86400.0
"""Seconds."""
FEWEST_DAYS = 5
"""Days of the reference that show how much days differ."""
EVIDENCE = 3.0
"""Standard errors above chance from which texts count as dependent."""


def folded(text: str) -> str:
    """Return the text without case, punctuation and spacing; repetitions share it."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def distinct_rows(texts: Sequence[str], rows: Sequence[int]) -> NDArray[np.int64]:
    """Return the rows at which a text appears for the first time, in the given order."""
    seen: dict[str, int] = {}
    for row in rows:
        seen.setdefault(folded(texts[row]) or texts[row], row)
    return np.fromiter(seen.values(), dtype=np.int64, count=len(seen))


def most_repeated(texts: Sequence[str]) -> tuple[str, float]:
    """Return the most frequent text, as first written, and its share of all texts."""
    counts = Counter(folded(text) or text for text in texts)
    key, count = counts.most_common(1)[0]
    first = next(text for text in texts if (folded(text) or text) == key)
    return first, count / len(texts)


@dataclass(frozen=True, eq=False)
class View:
    """The distinct texts of a sample that a trigger uses: limited in number, in order of time.

    Equal only to itself.
    """

    rows: NDArray[np.int64]
    """Rows of the sample, oldest first when ``in_time``, shape ``(rows,)``."""
    embeddings: NDArray[np.float32]
    """Their embeddings, shape ``(rows, dimensions)``."""
    in_time: bool
    """Whether timestamps give the order."""
    distinct: int
    """Number of distinct texts before sampling."""
    total: int
    """Number of texts of the sample, repetitions included."""
    sessions: NDArray[np.int64] | None = None
    """Session of each row, numbered; None when the records name no session and no user."""
    days: NDArray[np.int64] | None = None
    """Day of each row, numbered; None when the rows are of one day, or their time is unknown."""

    @classmethod
    def of(cls, sample: Sample, largest: int) -> "View":
        """Take at most ``largest`` distinct texts, evenly spread over their order.

        A sample keeps its view for as long as it exists: all triggers share its neighbourhoods,
        which are expensive to compute.
        """
        views = _VIEWS.setdefault(sample, {})
        if largest not in views:
            views[largest] = cls._build(sample, largest)
        return views[largest]

    @classmethod
    def _build(cls, sample: Sample, largest: int) -> "View":
        # Folding a million texts takes many seconds: repetitions are searched among ten times as
        # many texts as are kept, evenly spread.
        total = len(sample)
        rows = distinct_rows(sample.texts, _spread(total, 10 * largest).tolist())
        count, in_time = len(rows), False
        if sample.timestamps is not None:
            times = sample.timestamps[rows]
            in_time = bool(np.isfinite(times).all()) and len(np.unique(times)) > 1
            if in_time:
                rows = rows[np.argsort(times, kind="stable")]
        rows = rows[_spread(count, largest)]
        days = None
        if in_time and sample.timestamps is not None:
            numbers = np.unique(sample.timestamps[rows] // DAY, return_inverse=True)[1]
            days = numbers if numbers.max() else None
        sessions = _sessions(sample, rows, days)
        return cls(rows, sample.embeddings[rows], in_time, count, total, sessions, days)

    def __str__(self) -> str:
        """Return the number of texts, and of how many they are a sample."""
        taken = len(self.rows)
        return str(taken) if taken == self.distinct else f"{taken} (sampled of {self.total})"

    @cached_property
    def ground(self) -> KnownGround:
        """What these texts cover; each is compared with texts that are no part of its own session.

        Somebody who asks again in other words puts one text right beside another, which no text of
        a later day will find: with such neighbours, the reference would look denser than it is. If
        texts lie closer to those of the same day than to others, the whole day is left out.
        """
        together = () if self.sessions is None else (self.sessions,)
        ground = KnownGround(self.embeddings, together) if together else self._each_alone
        if self.days is None or len(self.days) < 20:
            return ground
        sizes = np.bincount(self.days)
        if len(sizes) < FEWEST_DAYS or sizes.max() > len(self.days) / 3:
            return ground
        chance = (sizes[self.days] - 1) / (len(self.days) - 1)
        found = float((self.days[ground.nearest] == self.days).sum())
        # Neighbours are mostly mutual: pairs, not texts, are independent.
        noise = float(np.sqrt(2.0 * (chance * (1.0 - chance)).sum()))
        if found <= chance.sum() + EVIDENCE * noise:
            return ground
        return KnownGround(self.embeddings, (*together, self.days))

    @cached_property
    def reach(self) -> int:
        """Number of places within which texts have their nearest neighbour too often; 0 if none.

        The mean correlation of neighbours does not show that one text in ten rewords the one
        before; how often a text has its nearest neighbour a few places away does.
        """
        n = len(self.rows)
        if n < 20:
            return 0
        lags = np.abs(self._each_alone.nearest - np.arange(n))
        near = np.bincount(lags, minlength=n)[1:].cumsum()
        chance = (2.0 * (n - np.arange(1, n)) / (n - 1)).cumsum()
        limits = 2 ** np.arange(int(np.log2(max(2, n // 8))) + 1)
        excess = near[limits - 1] - chance[limits - 1]
        clear = excess > EVIDENCE * np.sqrt(2.0 * chance[limits - 1]) + EVIDENCE
        if not clear.any():
            return 0
        return int(limits[np.flatnonzero(excess >= 0.8 * excess.max())[0]])

    @cached_property
    def _each_alone(self) -> KnownGround:
        """What these texts cover if none belong together."""
        return KnownGround(self.embeddings)

    @property
    def session_texts(self) -> int:
        """Number of texts that count as one: those of the session of an average text, or a run."""
        if self.sessions is None:
            return self.run
        sizes = np.bincount(self.sessions)
        return max(1, math.ceil(float(np.square(sizes).sum() / sizes.sum())))

    @property
    def run(self) -> int:
        """Number of consecutive texts that depend on one another; 1 when none do."""
        return max(self.correlation_range, self.reach + 1)

    def novelty(self, reference: "View") -> NDArray[np.float64]:
        """Return the novelty of these texts against the reference, computed once."""
        if reference not in self._novelty:
            self._novelty[reference] = reference.ground.novelty(self.embeddings)
        return self._novelty[reference]

    @cached_property
    def remembered(self) -> dict[Hashable, Any]:
        """What triggers found out about these texts alone, kept from one window to the next."""
        return {}

    @cached_property
    def beside(self) -> WeakKeyDictionary["View", Any]:
        """What is known of these texts beside those of another view, computed once."""
        return WeakKeyDictionary()

    @cached_property
    def _novelty(self) -> WeakKeyDictionary["View", NDArray[np.float64]]:
        return WeakKeyDictionary()

    @cached_property
    def correlation_range(self) -> int:
        """Number of consecutive texts that are correlated on average; 1 when none are.

        A file that is sorted by topic, without times, has no bursts: it counts as unordered.
        """
        found = correlation_range(self.embeddings)
        return found if self.in_time or found < len(self.rows) // 10 else 1


def _sessions(
    sample: Sample, rows: NDArray[np.int64], days: NDArray[np.int64] | None
) -> NDArray[np.int64] | None:
    """Return the number of each session; without one, a day of one user is a session."""
    if not sample.sessions and not sample.users:
        return None
    names = []
    for place, row in enumerate(rows.tolist()):
        user = sample.users[row] if sample.users else ""
        session = sample.sessions[row] if sample.sessions else ""
        day = 0 if days is None else int(days[place])
        # Numbers of sessions may begin anew every day.
        names.append((user, session, day, -1 if user or session else row))
    numbers: dict[tuple[str, str, int, int], int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def _spread(count: int, largest: int) -> NDArray[np.int64]:
    """Return at most ``largest`` of the places 0..count-1, evenly spread."""
    places = np.arange(count) if count <= largest else np.linspace(0, count - 1, largest).round()
    return np.asarray(places, dtype=np.int64)


_VIEWS: WeakKeyDictionary[Sample, dict[int, View]] = WeakKeyDictionary()


def correlation_range(embeddings: NDArray[np.float32]) -> int:
    """Return how many consecutive texts are correlated; 1 when neighbours are independent.

    This is the first lag at which the mean product of centred rows is within three standard errors
    of zero. The standard error under independence is ``sqrt(trace(S @ S) / n) / trace(S)`` for
    covariance S. Fewer than 20 texts, and texts without variance, give 1.
    """
    rows = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    n = len(rows)
    energy = float(np.einsum("ij,ij->", rows, rows)) / n
    if n < 20 or energy <= 1e-12:
        return 1
    single = rows.astype(np.float32)
    gram = single.T @ single / n if rows.shape[1] < n else single @ single.T / n
    error = float(np.sqrt(np.square(gram).sum() / n)) / energy
    lag = 1
    while lag < n // 10:
        together = float(np.einsum("ij,ij->", rows[lag:], rows[:-lag])) / (n - lag) / energy
        if together < 3.0 * error:
            break
        lag += 1
    return lag
