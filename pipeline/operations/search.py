"""Search: what the index of a version finds for a text."""

import unicodedata

from pipeline.results import Found, SearchResult
from pipeline.search import IndexMissing, pair_for
from pipeline.workspace import OpenWorkspace
from training.evaluation import cut
from training.faults import DataFault
from training.unlabelled import Document

_TITLE, _SNIPPET = 120, 240  # characters


def search(opened: OpenWorkspace, text: str, reference: str, k: int) -> SearchResult:
    """Return the first k documents for a text, by the index and the encoder of one version.

    Raises
    ------
    DataFault
        The text is empty, k is below 1, or the version has no index that its encoder can search.
    """
    if not text.strip():
        raise DataFault("the query is empty; name at least one word")
    if k < 1:
        raise DataFault(f"{k} documents cannot be returned; ask for 1 or more")
    version = opened.versions.named(reference)
    folder = opened.versions.folder(version)
    # Refused before a model is loaded.
    identity = opened.encoders.identity(folder)
    pair = pair_for(opened.indexes, version.number, identity)
    if pair is None:
        raise IndexMissing(
            f"version {version.number} has no whole index; `anchorhold index build "
            f"{version.number}` builds it"
        )
    (hits,) = pair.search(opened.encoders.load(folder.model).encode([text]), k)
    documents = opened.store.documents_named([hit.id for hit in hits])
    return SearchResult(
        query=text,
        version=version.number,
        searched=pair.table_version,
        found=tuple(_found(hit.id, hit.score, documents.get(hit.id)) for hit in hits),
    )


def _found(id: str, score: float, document: Document | None) -> Found:
    if document is None:
        return Found(id=id, score=score)
    return Found(
        id=id,
        score=score,
        title=_plain(document.title, _TITLE),
        snippet=_plain(document.text, _SNIPPET),
        url=_plain(document.url, _SNIPPET),
    )


def _plain(text: str, longest: int) -> str:
    r"""Return a text on one line without what steers a terminal or turns the direction of text.

    Examples
    --------
    >>> _plain("red\x1b[31m\nline\u202e end", 40)
    'red[31m line end'
    """
    seen = text[: 4 * longest]
    return cut(
        "".join(sign for sign in seen if sign.isspace() or unicodedata.category(sign)[0] != "C"),
        longest,
    )
