"""Screens: pairs that nobody labelled are checked before anything is trained on them."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass as plain_dataclass

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from training.pairs import Encode, Pair, in_short, normalised
from training.pairs.near_duplicates import NearDuplicates
from training.screening import FEWEST, ranks, strangers
from training.settings import SETTINGS

_SENTENCE = re.compile(r"[^.!?。！？\n]+")


@plain_dataclass(frozen=True)
class Screen:
    """What one screen took out."""

    name: str
    """Name of the screen, such as "length"."""
    pairs: int
    """Number of pairs that it took out."""
    example: str = ""
    """One of them: its query and the beginning of its positive."""


@plain_dataclass(frozen=True)
class Screened:
    """Pairs that passed every screen, and what was taken out."""

    pairs: tuple[Pair, ...]
    """Pairs that are left, in their order."""
    screens: tuple[Screen, ...]
    """The screens that took something out, in their order."""
    noise: tuple[tuple[str, float], ...] = ()
    """(source, estimated share of wrong pairs, 0 to 1); only sources large enough to tell."""
    refused: tuple[str, ...] = ()
    """Sources that were left out as a whole: too many of their pairs look wrong."""

    @property
    def removed(self) -> int:
        """Number of pairs that were taken out."""
        return sum(each.pairs for each in self.screens)

    @property
    def reason(self) -> str:
        """One sentence with the figures; empty where nothing was taken out."""
        parts = [f"{each.pairs} by {each.name}" for each in self.screens]
        sentences = [f"{self.removed} pairs were screened out: {', '.join(parts)}"] if parts else []
        sentences += [
            f"{source} is left out: about {share:.0%} of its pairs look wrong"
            for source, share in self.noise
            if source in self.refused
        ]
        return "; ".join(sentences)


@dataclass(frozen=True, config=SETTINGS)
class Screens:
    """Take out pairs that would teach something else than what answers what.

    In this order: *length* (empty, very short, or a pasted text as query; query and positive are
    the same), *letters* (the positive is a table, a code, markup), *boilerplate* (most of the
    positive repeats across documents), *script* (no document is written in the script of the
    query), *near duplicates* (of a pair before), *out of distribution* (a text unlike everything
    in log and corpus), *noise* (the positive is less like the query than a random positive).

    What is out of distribution `training.screening.strangers` says. The share of wrong pairs of a
    source is estimated from where the positive ranks among random positives: of pairs without a
    relation the rank is uniform, so that twice the share in the worse half estimates them (Storey,
    "A direct approach to false discovery rates", J. R. Stat. Soc. B 64, 2002, with lambda = 1/2). A
    source is left out as a whole when this share is above `maximum_noise` beyond chance (one-sided,
    95 %).

    Examples
    --------
    >>> names = "card door lamp fish road".split()
    >>> pairs = [Pair(name, f"where is my {name}", f"Your {name} is here.") for name in names]
    >>> found = Screens().clean([*pairs, Pair("x", "?", "Your lamp is here."), pairs[0]], None)
    >>> len(found.pairs), found.reason
    (5, '2 pairs were screened out: 1 by length, 1 by near duplicates')
    """

    enabled: bool = True
    """Whether derived pairs are screened."""
    minimum_characters: int = Field(default=3, ge=1)
    """Shortest query and shortest positive, in letters and digits."""
    maximum_query_characters: int = Field(default=1_000, ge=20)
    """Longest query, in characters; a longer one is a pasted text."""
    minimum_letters: float = Field(default=0.4, ge=0.0, le=1.0)
    """Share of the characters of a positive, without blanks, that must be letters."""
    boilerplate_share: float = Field(default=0.05, gt=0.0, le=1.0)
    """Share of the positives in which a sentence must occur to count as boilerplate (five at
    least)."""
    near_duplicates: int = Field(default=1, ge=1)
    """Pairs that are kept of those that nearly repeat each other."""
    out_of_distribution: bool = True
    """Whether texts unlike everything in log and corpus are taken out."""
    maximum_noise: float = Field(default=0.4, gt=0.0, le=1.0)
    """Largest estimated share of wrong pairs of a source that is trained on."""
    seed: int = 0
    """Seed of the choice of random texts."""

    def clean(
        self,
        pairs: Sequence[Pair],
        encode: Encode | None,
        documents: Sequence[str] = (),
        queries: Sequence[str] = (),
    ) -> Screened:
        """Return the pairs that pass, with what was taken out.

        Parameters
        ----------
        pairs
            Derived pairs, best first.
        encode
            Returns the champion's unit vectors, (texts, dimensions); None: the two screens that
            need vectors are left out.
        documents, queries
            Texts of the corpus and queries of the log, in which neighbours are looked for.
        """
        if not self.enabled:
            return Screened(tuple(pairs), ())
        left, screens = list(pairs), list[Screen]()
        steps: list[tuple[str, Callable[[list[Pair]], set[int]]]] = [
            ("length", self._badly_sized),
            ("letters", self._without_letters),
            ("boilerplate", self._boilerplate),
            ("script", lambda some: _foreign(some, documents)),
            ("near duplicates", self._repeated),
        ]
        noise: dict[str, float] = {}
        refused: list[str] = []
        if encode is not None:
            if self.out_of_distribution:
                around = (*documents, *queries)
                steps.append(
                    ("out of distribution", lambda some: strangers(some, encode, around, self.seed))
                )
            steps.append(("noise", lambda some: self._wrong(some, encode, noise, refused)))
        for name, step in steps:
            gone = step(left)
            if gone:
                screens.append(Screen(name, len(gone), in_short(left[min(gone)])))
                left = [pair for row, pair in enumerate(left) if row not in gone]
        return Screened(tuple(left), tuple(screens), tuple(sorted(noise.items())), tuple(refused))

    def _badly_sized(self, pairs: list[Pair]) -> set[int]:
        gone = set()
        for row, pair in enumerate(pairs):
            keys = normalised(pair.query), normalised(pair.positive)
            short = min(sum(map(str.isalnum, key)) for key in keys) < self.minimum_characters
            if short or keys[0] == keys[1] or len(pair.query) > self.maximum_query_characters:
                gone.add(row)
        return gone

    def _without_letters(self, pairs: list[Pair]) -> set[int]:
        return {
            row for row, pair in enumerate(pairs) if _letters(pair.positive) < self.minimum_letters
        }

    def _boilerplate(self, pairs: list[Pair]) -> set[int]:
        positives = {pair.positive for pair in pairs}
        if len(positives) < FEWEST:
            return set()
        sentences = {text: _sentences(text) for text in positives}
        frequency = Counter(one for found in sentences.values() for one in set(found))
        often = max(5, self.boilerplate_share * len(positives))
        repeated = set()
        for text, found in sentences.items():
            length = sum(map(len, found))
            if sum(len(one) for one in found if frequency[one] >= often) > length / 2:
                repeated.add(text)
        return {row for row, pair in enumerate(pairs) if pair.positive in repeated}

    def _repeated(self, pairs: list[Pair]) -> set[int]:
        left = list(range(len(pairs)))
        texts = [(normalised(pair.query), normalised(pair.positive)) for pair in pairs]
        for _ in range(self.near_duplicates):
            firsts = set(NearDuplicates().firsts([texts[row] for row in left]))
            left = [row for place, row in enumerate(left) if place not in firsts]
        return set(left)

    def _wrong(
        self, pairs: list[Pair], encode: Encode, noise: dict[str, float], refused: list[str]
    ) -> set[int]:
        """Return pairs in the worse half, and all of a source with too many of them."""
        by_source: dict[str, list[int]] = defaultdict(list)
        for row, pair in enumerate(pairs):
            by_source[pair.source].append(row)
        gone: set[int] = set()
        for source, rows in sorted(by_source.items()):
            found = ranks([pairs[row] for row in rows], encode, self.seed)
            if found is None:
                continue
            worse = found > 0.5
            share = float(worse.mean())
            noise[source] = min(1.0, 2 * share)
            bound = share - 1.645 * float(np.sqrt(share * (1 - share) / len(rows)))
            if 2 * bound > self.maximum_noise:
                refused.append(source)
                gone |= set(rows)
            else:
                gone |= {row for row, bad in zip(rows, worse, strict=True) if bad}
        return gone


def _letters(text: str) -> float:
    """Return the share of the characters that are letters or marks on them; blanks do not count."""
    shown = [character for character in text if not character.isspace()]
    letters = sum(unicodedata.category(character)[0] in "LM" for character in shown)
    return letters / max(1, len(shown))


def _sentences(text: str) -> list[str]:
    return [key for part in _SENTENCE.findall(text) if (key := normalised(part))]


def _script(text: str) -> str:
    """Return the script that most letters of a text are of, such as "LATIN"; "" without letters."""
    names: Counter[str] = Counter()
    # Characters repeat: each is looked up once per text.
    for character, count in Counter(text).items():
        if character.isalpha():
            names[unicodedata.name(character, "").partition(" ")[0]] += count
    return names.most_common(1)[0][0] if names else ""


def _foreign(pairs: Sequence[Pair], documents: Sequence[str]) -> set[int]:
    written = {_script(text) for text in {*documents, *(pair.positive for pair in pairs)}}
    return {row for row, pair in enumerate(pairs) if _script(pair.query) not in {*written, ""}}
