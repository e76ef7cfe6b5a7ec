"""Search: the indexes of the versions, and how vectors of one version meet those of another."""

from pipeline.search.bridge import Bridge, bridges_of
from pipeline.search.build_cost import build_cost, index_bytes
from pipeline.search.index import Hit, Index
from pipeline.search.indexes import Indexes
from pipeline.search.moved import Encoders, space_movement
from pipeline.search.pair_quality import neighbours
from pipeline.search.plan import Bridging
from pipeline.search.serving_pair import ServingPair, bridges_folder, pair_for
from pipeline.search.settings import IndexSettings
from pipeline.search.spaces import DOCUMENTS, Both, Spaces, alike
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
    "DOCUMENTS",
    "Both",
    "Bridge",
    "Bridging",
    "Encoders",
    "Hit",
    "Index",
    "IndexBusy",
    "IndexMissing",
    "IndexSettings",
    "IndexUnusable",
    "Indexes",
    "ServingPair",
    "Space",
    "SpaceMismatch",
    "Spaces",
    "Stamp",
    "StoredDocuments",
    "alike",
    "bridges_folder",
    "bridges_of",
    "build_cost",
    "index_bytes",
    "neighbours",
    "pair_for",
    "space_movement",
]
