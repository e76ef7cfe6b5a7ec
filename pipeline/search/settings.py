"""The settings of the index, `[index]`: where it is, and what a promotion does with it."""

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.search.stamp import AS_WHOLE
from training.settings import SETTINGS


@dataclass(frozen=True, config=SETTINGS)
class IndexSettings:
    """The index of the documents of `data.corpus`: a table of vectors for each version.

    Examples
    --------
    >>> IndexSettings(chunker="paragraphs of 200 words").preparation
    'title and text; paragraphs of 200 words'
    """

    mode: Literal["off", "rebuild", "bridge"] = "off"
    """What a promotion does with the index.

    With `rebuild`, `run` encodes all documents with the new version. With `bridge`, the new
    champion searches the old index through a fitted map until that is done. With `off`, only
    `anchorhold index build` builds one.
    """
    build: Literal["before_promotion", "after", "off"] = "before_promotion"
    """When `run` builds the index of a version that passed the gate."""
    uri: str = Field(default=".anchorhold/index", min_length=1)
    """Folder of the tables, relative to the workspace, a LanceDB URI such as `s3://…`, or a
    PostgreSQL database with pgvector, `postgresql://…`."""
    keep: int = Field(default=3, ge=1)
    """Versions whose indexes are kept, newest first, besides those of the champion, the candidate
    and the previous champion."""
    ann_above: int = Field(default=100_000, ge=1_000)
    """Number of documents above which the search is approximate instead of exact."""
    chunker: str = ""
    """How the documents were cut from longer ones, in your words.

    When it changes, the index is rebuilt: vectors of other pieces are not comparable.
    """

    @property
    def preparation(self) -> str:
        """How a document becomes the text that is encoded."""
        return f"{AS_WHOLE}; {self.chunker}" if self.chunker else AS_WHOLE

    @property
    def place(self) -> str:
        """Where the tables are, as it may be shown."""
        return shown_uri(self.uri)


def shown_uri(uri: str) -> str:
    """Return a URI as it may be shown: of a database, without user, password and parameters.

    Examples
    --------
    >>> shown_uri("postgresql://me:secret@127.0.0.1:5432/app?sslmode=require")
    'postgresql://127.0.0.1:5432/app'
    """
    scheme, found, rest = uri.partition("://")
    if not found or not scheme.startswith("postgres"):
        return uri
    before, _, parameters = rest.partition("?")
    return f"{scheme}://…" if "@" in parameters else f"{scheme}://{before.rpartition('@')[2]}"
