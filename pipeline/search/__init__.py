"""Search: the indexes of the versions, and how vectors of one version meet those of another."""

from pipeline.search.index import Hit, Index
from pipeline.search.indexes import Indexes
from pipeline.search.settings import IndexSettings
from pipeline.search.stamp import (
    IndexBusy,
    IndexMissing,
    IndexUnusable,
    Space,
    SpaceMismatch,
    Stamp,
)
from pipeline.search.stored_documents import StoredDocuments

__all__ = [
    "Hit",
    "Index",
    "IndexBusy",
    "IndexMissing",
    "IndexSettings",
    "IndexUnusable",
    "Indexes",
    "Space",
    "SpaceMismatch",
    "Stamp",
    "StoredDocuments",
]
