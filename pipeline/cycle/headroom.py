"""Headroom: whether tuning can help at all, told before hours are spent on it."""

from collections.abc import Sequence

from pipeline.registry import VersionFolder
from pipeline.results import HeadroomResult
from pipeline.workspace import OpenWorkspace
from training.encoding import Encoder
from training.unlabelled import Corpus, Document, headroom

_DOCUMENTS = 2_000
_QUERIES = 1_000
_FEWEST_DOCUMENTS = 100


def headroom_now(
    opened: OpenWorkspace, champion: VersionFolder, recent: Sequence[str]
) -> HeadroomResult | None:
    """Return the headroom of the champion on recent texts; None without documents.

    No text is encoded for it: documents and texts without a vector in the cache are left out, and
    of many documents a sample is enough.

    Parameters
    ----------
    opened, champion
        The open workspace, and the version that serves.
    recent
        The texts of the window, oldest first.
    """
    drawn = opened.store.sample_documents(2 * _DOCUMENTS)
    if not drawn:
        return None
    encoder = opened.encoders.load(champion.model)
    known = _known(encoder, drawn)
    if len(known) < _FEWEST_DOCUMENTS:
        told = (
            f"not measured: the champion has vectors of {len(known)} of {len(drawn)} documents; "
            "the first training computes them"
        )
        return HeadroomResult(reason=told, documents=len(known))
    corpus = Corpus(known[:_DOCUMENTS])
    texts = list(dict.fromkeys(recent))[-_QUERIES:]
    asked = [text for text, held in zip(texts, encoder.known(texts), strict=True) if held]
    found = headroom(
        asked,
        corpus,
        encoder.encode(asked),
        encoder.encode(corpus.texts, kind="document"),
        encoder.similarity,
    )
    if found is None:
        told = "not measured: too few recent texts have a document that stands out by its words"
        return HeadroomResult(reason=told, documents=len(corpus))
    return HeadroomResult(
        reason=found.reason,
        queries=found.queries,
        documents=found.documents,
        hit_at_1=found.hit_at_1,
        recall_at_100=found.recall_at_100,
        room=found.room,
        consensus_gap=found.consensus_gap,
        centring_gain=found.centring_gain,
    )


def _known(encoder: Encoder, documents: Sequence[Document]) -> list[Document]:
    held = encoder.known([each.whole for each in documents], kind="document")
    return [each for each, known in zip(documents, held, strict=True) if known]
