"""The form of the texts changed: length, case, punctuation, digits, markup, line breaks, script."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Signal
from drift_triggers.statistics.dependence import Dependence, ks_p_values
from drift_triggers.statistics.view import View

FEATURES = (
    "words",
    "letters per word",
    "capitals",
    "punctuation",
    "digits",
    "line breaks",
    "markup",
    "common words",
    "other scripts",
)
MARKUP = re.compile(r"<[^<>]{1,80}>|&[a-z#0-9]{2,8};|https?://\S+|[*_`#|{}\\^~]")
QUOTES = str.maketrans("\u2018\u2019\u201a\u201b\u2032\u201c\u201d\u201e\u2033", "'''''\"\"\"\"")


def plain(text: str) -> str:
    """Remove differences without meaning: curly quotes, blanks, final marks, Unicode variants.

    A keyboard or a form field changes these between releases, and encoders hardly notice.
    """
    folded = unicodedata.normalize("NFKC", text).translate(QUOTES)
    lines = (" ".join(line.split()) for line in folded.splitlines())
    return "\n".join(line for line in lines if line).strip().rstrip(" .?!")


def shape(texts: Sequence[str], common: frozenset[str], script: str) -> NDArray[np.float64]:
    """Return the measures of form per text, shape ``(texts, len(FEATURES))``.

    Parameters
    ----------
    common
        Most frequent words of the reference: their share falls when the language changes.
    script
        Unicode script of the reference, as the first word of its letters' names ("LATIN").
    """
    forms = [plain(text) for text in texts]
    words = [re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", form) for form in forms]
    usual = [sum(word in common for word in map(str.casefold, each)) for each in words]
    markup = [sum(map(len, MARKUP.findall(form))) for form in forms]
    count = np.array([len(each) for each in words])
    size = np.maximum(1, [len(form) for form in forms])
    letters, capitals, marks, digits, breaks, foreign = _characters(forms, script).T
    letters = np.maximum(1, letters)
    return np.column_stack(
        [
            count,
            letters / np.maximum(1, count),
            capitals / letters,
            marks / size,
            digits / size,
            breaks,
            np.array(markup) / size,
            np.array(usual) / np.maximum(1, count),
            foreign / letters,
        ]
    )


def _characters(texts: Sequence[str], script: str) -> NDArray[np.float64]:
    """Count letters, capitals, marks, digits, line breaks and letters of other scripts."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    # A few hundred distinct characters are classified, not each of a million.
    distinct, place = np.unique(codes, return_inverse=True)
    kinds = np.array(
        [
            (
                mark.isalpha(),
                mark.isalpha() and mark.isupper(),
                not (mark.isalnum() or mark.isspace()),
                mark.isdigit(),
                mark == "\n",
                mark.isalpha() and _script(mark) != script,
            )
            for mark in map(chr, distinct.tolist())
        ],
        dtype=np.float64,
    ).reshape(-1, 6)
    return np.column_stack(
        [np.bincount(owner, kind[place], minlength=len(texts)) for kind in kinds.T]
    )


def _script(letter: str) -> str:
    return "LATIN" if letter.isascii() else unicodedata.name(letter, "UNKNOWN").split()[0]


def common_words_of(texts: Sequence[str], count: int) -> frozenset[str]:
    """Return the most frequent words of texts."""
    words = Counter(re.findall(r"[^\W\d_]+", "\n".join(texts).casefold()))
    return frozenset(word for word, _ in words.most_common(count))


def script_of(texts: Sequence[str]) -> str:
    """Return the script of most letters of texts, as `shape` takes it."""
    scripts: Counter[str] = Counter()
    for mark, count in Counter("".join(texts)).items():
        scripts[_script(mark)] += count * mark.isalpha()
    return scripts.most_common(1)[0][0] if scripts.total() else "LATIN"


def distances(rows: NDArray[np.float64], sides: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the Kolmogorov-Smirnov distance of each measure between two groups of rows.

    Parameters
    ----------
    sides
        True for the rows of the second group, one division per column, ``(rows, divisions)``.

    Returns
    -------
    Distances from 0 to 1, shape ``(measures, divisions)``.
    """
    # scipy.stats.ks_2samp gives the same numbers, but takes forty times as long for 60 divisions
    # (docs/decisions/0010-libraries-for-the-triggers.md).
    result = np.empty((rows.shape[1], sides.shape[1]))
    for column, values in enumerate(rows.T):
        order = np.argsort(values, kind="stable")
        ends = np.flatnonzero(np.append(np.diff(values[order]) > 0, True))
        second = np.cumsum(sides[order], axis=0, dtype=np.int32)[ends]
        first = ends[:, None] + 1 - second
        result[column] = np.abs(second / second[-1] - first / first[-1]).max(axis=0)
    return result


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class TextShape:
    """Fire when the texts have another form: a new source, parser, transcription or language.

    Each measure of form is compared by the Kolmogorov-Smirnov distance. Its p-value is corrected
    for the number of measures (Bonferroni), and the distance must exceed ``minimum_effect`` and
    what whole topics of the reference show against the rest. Repetitions count once. Blanks, curly
    quotes and punctuation at the end of a text have no influence.

    Does not fire where the form was undone because the model's neighbours do not depend on it
    (``Observation.form_kept``). The cause is ``pipeline``, or ``concept`` where nothing but the
    share of common words changed.

    Notes
    -----
    The effect is the largest of the distances, 0 (equal) to 1 (no overlap). Not measured when a
    side has fewer than ``minimum_texts`` distinct texts.

    References
    ----------
    Distance: Kolmogorov-Smirnov, as ``scipy.stats.ks_2samp``; p-value: its limit law
    (``scipy.stats.kstwobign``), texts of one correlated run counted as one.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import Observation, Sample, TextShape
    >>> rows = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    >>> rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    >>> asked = Sample(tuple(f"Where is my Card, number {n}?" for n in range(200)), rows)
    >>> spoken = Sample(tuple(f"um where is my card number {n}" for n in range(200)), rows)
    >>> TextShape().check(Observation(spoken, asked)).fired
    True
    >>> TextShape().check(Observation(asked, asked)).fired
    False
    """

    name: ClassVar[str] = "text_shape"

    significance: float = Field(default=0.001, gt=0.0, lt=0.5)
    """Largest p-value, corrected for the number of measures, that may fire."""
    minimum_effect: float = Field(default=0.3, gt=0.0, lt=1.0)
    """Kolmogorov-Smirnov distance that must be exceeded, 0 to 1; 0.3: three texts in ten."""
    quiet_quantile: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Share of drift-free splits of the reference whose distance must be smaller, 0.5 to 1."""
    splits: int = Field(default=60, ge=20)
    """Number of drift-free splits of the reference; of 60, three lie above the 95 % quantile."""
    common_words: int = Field(default=30, ge=5)
    """Number of most frequent words of the reference that represent its language."""
    minimum_texts: int = Field(default=20, ge=10)
    """Distinct texts that each side needs; fewer cannot show a distance below 0.5."""
    largest_sample: int = Field(default=2000, ge=100)
    """Largest number of distinct texts to use per side, evenly spread in time: bounds time and
    memory."""

    def check(self, observation: Observation) -> Signal:
        """Compare the form of recent texts with that of reference texts."""
        observation.require_texts()
        recent = View.of(observation.recent, self.largest_sample)
        reference = View.of(observation.reference, self.largest_sample)
        fewest = min(recent.distinct, reference.distinct)
        if fewest < self.minimum_texts:
            return Signal.too_few(self.name, fewest, self.minimum_texts, "distinct texts")
        texts = [observation.recent.texts[row] for row in recent.rows]
        key = (self.name, self.common_words)
        if key not in reference.remembered:
            known = [observation.reference.texts[row] for row in reference.rows]
            reference.remembered[key] = self._usual(known)
        common, script, before = reference.remembered[key]
        now = shape(texts, common, script)
        labels = np.arange(len(before) + len(now)) >= len(before)
        moved = distances(np.vstack([before, now]), labels[:, None])[:, 0]

        dependence = Dependence.of(recent, reference)
        p_values = np.minimum(1.0, ks_p_values(before, now, moved, dependence) * len(FEATURES))
        splits = reference.ground.quiet_splits(
            len(now),
            None,
            self.splits,
            np.random.default_rng([observation.seed, 4]),
            dependence.past_windows,
        )
        quiet = distances(before, splits).max(axis=0)
        threshold = max(self.minimum_effect, float(np.quantile(quiet, self.quiet_quantile)))
        most = int(np.argmax(moved))
        effect, p_value = float(moved[most]), max(float(p_values[most]), 1e-300)
        fired = p_value <= self.significance and effect > threshold
        told = ", ".join(
            f"{FEATURES[column]} {np.mean(before[:, column]):.3g} -> {np.mean(now[:, column]):.3g}"
            for column in np.argsort(-moved, kind="stable")[:3]
        )
        reason = (
            f"{told} (distance of {FEATURES[most]} {effect:.2f}, limit {threshold:.2f}; "
            f"p = {p_value:.2g})"
        )
        if observation.form_kept is not None:
            fired = False
            reason = (
                "only capitals, punctuation, quotation marks or spacing changed, and the model "
                f"finds the same known texts ({observation.form_kept:.0%} of the usual share): "
                f"{reason}"
            )
        # Other common words alone may be another topic as well as another form.
        formed = np.delete(moved, FEATURES.index("common words")).max() > threshold
        middle = float(np.median(before[:, most]))
        odd = np.argsort(-np.abs(now[:, most] - middle), kind="stable")[:5]
        return Signal(
            self.name,
            fired,
            f"the form of the texts changed: {reason}" if fired else reason,
            p_value=p_value,
            effect=effect,
            threshold=threshold,
            cause=("pipeline" if formed else "concept") if fired else None,
            examples=tuple(texts[row] for row in odd),
        )

    def _usual(self, texts: Sequence[str]) -> tuple[frozenset[str], str, NDArray[np.float64]]:
        """Return the common words, the script and the measures of form of the reference."""
        common, script = common_words_of(texts, self.common_words), script_of(texts)
        return common, script, shape(texts, common, script)
