"""The first texts: what a first version is compared with, and up to where it knows the store."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.observation import Observe, queries_as_traffic
from pipeline.store import Store, Traffic
from training.faults import DataFault


@dataclass(frozen=True)
class FirstTexts:
    """The reference of a first version.

    Attributes
    ----------
    texts
        Oldest first.
    cut
        Sequence number up to which the version knows what is stored.
    known
        Sequence number up to which the texts that arrived are part of the reference; pairs after
        the cut wait all the same.
    """

    texts: list[Traffic]
    cut: int
    known: int = 0

    def notes(self, observe: Observe) -> Iterator[str]:
        """Say what a person should know of a reference of texts that simply came first."""
        if not self.known:
            return
        yield (
            f"data.history and data.reference hold nothing: the first {len(self.texts)} texts that "
            "arrived are the reference"
        )
        if len(self.texts) < observe.minimum_window:
            yield (
                f"{len(self.texts)} texts are a small reference, below {observe.minimum_window} "
                "drift is told late: name more texts of the quiet past in data.reference, or let "
                "`anchorhold accept` add windows that are fine"
            )


def first_texts(store: Store) -> FirstTexts:
    """Return what a first version is compared with.

    That is the texts of `data.reference`, or the queries of `data.history`. Where there are
    neither, it is the texts of traffic and log that are stored so far.

    Raises
    ------
    DataFault
        There is no text of any kind.

    Examples
    --------
    >>> from pipeline.store import Record
    >>> with Store.open("sqlite://") as store:
    ...     texts = [Record(Traffic(f"question {number}")) for number in range(3)]
    ...     _ = store.add("traffic", "recent", texts)
    ...     len(first_texts(store).texts)
    3
    """
    quiet = store.traffic(role="reference") or queries_as_traffic(store.pairs(role="history"))
    if quiet:
        # What has arrived before the first run is not known yet: it waits.
        return FirstTexts(quiet, store.sequence_before("recent"))
    arrived = store.traffic(role="recent")
    if arrived:
        cut = store.sequence_before("recent", "pair")
        return FirstTexts(arrived, cut, known=store.last_sequence())
    waiting = store.count_pairs(role="recent")
    until_then = f"; {waiting} pairs of data.pairs wait until then" if waiting else ""
    raise DataFault(
        "no text has arrived: drift needs a past to compare with, and data.history, "
        "data.reference, data.traffic and data.log hold none; name files of at least one of them "
        "(anchorhold.toml); the queries of an anchor set will do, such as "
        f'reference = ["anchors/NAME/queries.jsonl"]{until_then}'
    )
