"""What the screens of labelled pairs found before a training."""

from pipeline.results.result import Result

_SHOWN = 3


class ScreenFinding(Result):
    """What one screen found among the new labelled pairs.

    Attributes
    ----------
    screen
        Its key in `[labelled]`; "caps" for `[caps]`.
    pairs, held
        Pairs that it found, and pairs among them that are held back.
    reason
        What was found, in a sentence.
    examples
        Some of the pairs.
    """

    screen: str
    pairs: int
    held: int
    reason: str
    examples: tuple[str, ...] = ()


class NoiseOfSource(Result):
    """The estimated share of wrong pairs of a source.

    Attributes
    ----------
    source
        The source; "" for pairs without one.
    pairs
        Pairs that it was estimated from.
    share, low, high
        The share, 0 to 1, and its one-sided bounds of 95 %.
    """

    source: str
    pairs: int
    share: float
    low: float
    high: float


class ScreenedResult(Result):
    """What the screens of labelled pairs found before a training.

    Attributes
    ----------
    pairs
        Labelled pairs that were looked at.
    held
        Pairs that are held back; they stay in the store and wait until `labelled.let_in` names
        them.
    let_in
        Pairs that were held back before, and are let in again.
    waiting
        Pairs that were held back in earlier cycles and still are.
    own
        Pairs that repeat an answer of the product.
    findings
        What each screen found; those that found nothing are not there.
    noise
        An estimate for each source that is large enough.
    """

    pairs: int
    held: int
    let_in: int = 0
    waiting: int = 0
    own: int = 0
    findings: tuple[ScreenFinding, ...] = ()
    noise: tuple[NoiseOfSource, ...] = ()

    @property
    def told(self) -> str:
        """What was done and what the share of wrong pairs is, in one sentence."""
        parts = [f"{self.held} are held back" if self.held else "none is held back"]
        if self.waiting:
            parts.append(f"{self.waiting} held back earlier still wait")
        if self.let_in:
            parts.append(f"{self.let_in} held back earlier are let in")
        if self.own:
            parts.append(f"{self.own} repeat an answer of the product")
        for each in sorted(self.noise, key=lambda each: -each.low)[:_SHOWN]:
            name = f"of source {each.source!r}" if each.source else "of those without a source"
            parts.append(
                f"about {each.share:.0%} {name} look wrong ({each.low:.0%} to {each.high:.0%})"
            )
        return "; ".join(parts)
