"""Which part of a refused batch hurts: its sources, files or clusters, measured and ranked."""

import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.results import Suspect
from training.encoding import TextEncoder
from training.pairs import Pair, hash_share, normalised
from training.settings import SETTINGS

Floats = NDArray[np.float64]
CHANCE = 0.5
"""Agreement of labels that have nothing to do with the texts."""
_CERTAIN = 1.0


@plain_dataclass(frozen=True)
class HeldOut:
    """How the candidate differs from the champion on the held-out queries.

    `place` gives the row of a normalised query in `differences`, candidate minus champion.
    """

    place: Mapping[str, int]
    differences: Floats
    bounds: Callable[[Floats], tuple[float, float]]

    def of(self, pairs: Sequence[Pair]) -> Floats:
        """Return the differences of those pairs that are held out, one a query."""
        rows = {self.place.get(normalised(pair.query), -1) for pair in pairs} - {-1}
        return self.differences[sorted(rows)]


@dataclass(frozen=True, config=SETTINGS)
class Suspects:
    """Rank the parts of a refused batch by how likely their labels are wrong.

    The champion's agreement reveals wrong labels: in a group whose answers are shuffled, it ranks a
    pair's own answer before another one of the same group in half of the cases, however large the
    group. A group is suspected when its agreement is nearer to chance than to that of the memory,
    or when the candidate does worse than the champion on its held-out queries.

    Examples
    --------
    >>> from training.encoding import Similarity
    >>> class Letters:
    ...     fingerprint, similarity = "one dimension a letter", Similarity("dot")
    ...     def encode(self, texts, **_):
    ...         return np.array([[text.count(each) for each in "abcdefghij"] for text in texts])
    >>> good = [Pair(each, each, each, source="good") for each in "abcdefghij"]
    >>> bad = [Pair(each + "2", each, other, source="bad") for each, other in zip("abcde", "fghij")]
    >>> held_out = HeldOut({}, np.empty(0), lambda values: (0.0, 0.0))
    >>> ranked = Suspects(minimum=5).rank([*good, *bad], {}, good, Letters(), held_out)
    >>> [(each.name, each.suspected) for each in ranked]
    [('bad', True), ('good', False)]
    """

    sample: int = Field(default=200, ge=20)
    """Pairs measured per group, at most; 200 are enough to tell 0.5 from 0.6."""
    minimum: int = Field(default=20, ge=5)
    """Smallest group that is measured, in pairs."""
    clusters: int = Field(default=4, ge=2, le=20)
    """Clusters of queries used as groups where all pairs have one source and file."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Confidence of the bound of the agreement."""
    seed: int = Field(default=0, ge=0)
    """Seed of the samples and the clusters."""

    def rank(
        self,
        pairs: Sequence[Pair],
        files: Mapping[str, str],
        memory: Sequence[Pair],
        champion: TextEncoder,
        held_out: HeldOut,
    ) -> list[Suspect]:
        """Return the groups, the most suspected first.

        Parameters
        ----------
        pairs
            The batch.
        files
            Pair id -> the file that it came from.
        memory
            Pairs whose labels are trusted.
        champion
            Encoder of the champion.
        held_out
            How the candidate differs from it.
        """
        known = self._agreement(memory, champion) if len(memory) >= self.minimum else np.empty(0)
        remembered = float(known.mean()) if len(known) else None
        found = [
            self._measure(group, name, members, remembered, champion, held_out)
            for group, named in self._groups(pairs, files, champion).items()
            for name, members in named.items()
            if len(members) >= self.minimum
        ]
        return sorted(
            found, key=lambda each: (not each.suspected, each.agreement + (each.difference or 0.0))
        )

    def _groups(
        self, pairs: Sequence[Pair], files: Mapping[str, str], champion: TextEncoder
    ) -> dict[Literal["source", "file", "cluster"], dict[str, list[Pair]]]:
        sources, by_file = (
            _parted(pairs, lambda pair: pair.source),
            _parted(pairs, lambda pair: files.get(pair.id, "")),
        )
        found: dict[Literal["source", "file", "cluster"], dict[str, list[Pair]]] = {}
        if len(sources) > 1:
            found["source"] = sources
        if len(by_file) > 1 and [*by_file.values()] != [*sources.values()]:
            found["file"] = by_file
        if not found and len(pairs) >= self.clusters * self.minimum:
            found["cluster"] = self._clustered(pairs, champion)
        return found

    def _clustered(self, pairs: Sequence[Pair], champion: TextEncoder) -> dict[str, list[Pair]]:
        from sklearn.cluster import KMeans

        some = self._sampled(pairs, self.sample * self.clusters)
        vectors = champion.encode([pair.query for pair in some])
        vectors = champion.similarity.directions(vectors)
        labels = KMeans(self.clusters, n_init=4, random_state=self.seed).fit_predict(vectors)
        parts = [
            [pair for pair, label in zip(some, labels, strict=True) if label == number]
            for number in range(self.clusters)
        ]
        overall = _shares(some)
        return {
            f"{number}: {_terms(part, overall)}": part for number, part in enumerate(parts, start=1)
        }

    def _sampled(self, pairs: Sequence[Pair], most: int) -> list[Pair]:
        ordered = sorted(pairs, key=lambda pair: hash_share(self.seed, "suspect", pair.id))
        return ordered[:most]

    def _agreement(self, pairs: Sequence[Pair], champion: TextEncoder) -> Floats:
        """Return, for each sampled pair, the share of other answers ranked below its own."""
        some = self._sampled(pairs, self.sample)
        answers = {normalised(pair.positive): pair.positive for pair in some}
        column = {key: place for place, key in enumerate(answers)}
        labelled: dict[str, set[int]] = {}
        for pair in pairs:
            place = column.get(normalised(pair.positive))
            if place is not None:
                labelled.setdefault(normalised(pair.query), set()).add(place)
        queries = champion.encode([pair.query for pair in some])
        documents = champion.encode(list(answers.values()), kind="document")
        similarities = champion.similarity.between(queries, documents)
        shares = []
        for pair, similar in zip(some, similarities, strict=True):
            own = similar[column[normalised(pair.positive)]]
            others = np.delete(similar, sorted(labelled[normalised(pair.query)]))
            if len(others):
                shares.append(float((others < own).mean() + (others == own).mean() / 2))
        return np.array(shares, np.float64)

    def _measure(
        self,
        group: Literal["source", "file", "cluster"],
        name: str,
        pairs: Sequence[Pair],
        remembered: float | None,
        champion: TextEncoder,
        held_out: HeldOut,
    ) -> Suspect:
        shares = self._agreement(pairs, champion)
        # Where all pairs share one answer, there is nothing to tell it from.
        agreement = float(shares.mean()) if len(shares) else _CERTAIN
        error = float(shares.std()) / np.sqrt(max(1, len(shares)))
        most = agreement + NormalDist().inv_cdf(self.confidence) * float(error)
        mislabelled = most < (CHANCE + (_CERTAIN if remembered is None else remembered)) / 2
        differences = held_out.of(pairs)
        difference = low = high = None
        if len(differences) > 1:
            difference = float(differences.mean())
            low, high = held_out.bounds(differences)
        worse = high is not None and high < 0.0
        memory = "" if remembered is None else f", in memory {remembered:.0%}"
        said = (
            f"the champion ranks its answers before others of the {group} in {agreement:.0%} of "
            f"cases (chance is 50%{memory})"
        )
        if mislabelled:
            said += ", nearer to chance: its labels may be wrong"
        if difference is not None:
            said += (
                f"; on its {len(differences)} held-out queries the candidate differs by "
                f"{difference:+.3f} ({low:+.3f} … {high:+.3f})"
            )
        return Suspect(
            group=group,
            name=name,
            pairs=len(pairs),
            agreement=agreement,
            difference=difference,
            low=low,
            high=high,
            queries=len(differences),
            suspected=mislabelled or worse,
            reason=said,
        )


def explain_suspects(ranked: Sequence[Suspect], cycle: str) -> list[str]:
    r"""Return one sentence for each suspected group, with the command that excludes it.

    Names are quoted for a shell, since they come from the data. A name that cannot be printed, and
    a batch that is suspected as a whole, are replaced by the cycle.

    Examples
    --------
    >>> shown = dict(agreement=0.5, difference=None, low=None, high=None, queries=0)
    >>> bad = Suspect(group="source", name="a; b", pairs=80, suspected=True, reason="odd", **shown)
    >>> good = Suspect(group="source", name="c", pairs=80, suspected=False, reason="fine", **shown)
    >>> for sentence in explain_suspects([bad, good], "0004"):
    ...     sentence.partition(": odd; ")[2]
    'exclude it: anchorhold discard --source \'a; b\' --reason "…"'
    """
    suspected = [each for each in ranked if each.suspected]
    if ranked and not suspected:
        return ["no source, file or cluster of the new pairs stands out"]
    reasons = []
    for each in suspected:
        whole = all(other.suspected for other in ranked if other.group == each.group)
        by_name = each.group != "cluster" and not whole and each.name.isprintable()
        option = f"--{each.group}" if by_name else "--cycle"
        value = shlex.quote(each.name if by_name else cycle)
        named = f"{option}={value}" if value.startswith("-") else f"{option} {value}"
        exclude = "exclude it" if by_name else "exclude the new pairs"
        reasons.append(
            f"suspect: {each.group} {each.name!r} ({each.pairs} pairs): {each.reason}; "
            f'{exclude}: anchorhold discard {named} --reason "…"'
        )
    return reasons


def _parted(pairs: Sequence[Pair], key: Callable[[Pair], str]) -> dict[str, list[Pair]]:
    parts: dict[str, list[Pair]] = {}
    for pair in pairs:
        parts.setdefault(key(pair), []).append(pair)
    return parts


def _shares(pairs: Sequence[Pair]) -> dict[str, float]:
    """Return word -> share of the queries that hold it."""
    counts = Counter(word for pair in pairs for word in {*normalised(pair.query).split()})
    return {word: count / max(1, len(pairs)) for word, count in counts.items()}


def _terms(pairs: Sequence[Pair], overall: Mapping[str, float]) -> str:
    """Return the words by which a cluster differs most from all queries."""
    own = _shares(pairs)
    ordered = sorted(own, key=lambda word: (overall[word] - own[word], word))
    return ", ".join(ordered[:3])
