"""How many records the store holds, in all and per file, as `counts` returns it."""

from pydantic import BaseModel, ConfigDict


class _Counts(BaseModel):
    model_config = ConfigDict(frozen=True)


class DiscardedCounts(_Counts):
    """How many stored records are discarded."""

    pairs: int
    traffic: int
    documents: int
    served: int


class FileCounts(_Counts):
    """What one file brought so far: `seen` = `stored` + `known` + `quarantined` + `erased`."""

    file: str
    kind: str
    role: str
    seen: int
    stored: int
    known: int
    quarantined: int
    erased: int = 0
    became: dict[str, int] = {}
    """What else the lines of a served log became, by name."""


class FileState(FileCounts):
    """What one file brought so far, and the stamp that it had when it was read."""

    stamp: str


class StoreCounts(_Counts):
    """All records: `seen` = `stored` + `known` + `quarantined` + `erased`, the sums of `files`.

    Attributes
    ----------
    pairs, traffic, documents
        Stored records by role, discarded ones among them; their sum is `stored`. Each served line
        is a text of the traffic, and each version of a document counts.
    served
        Lines of served logs by role.
    quarantine
        Rows in quarantine, as many as `quarantined`.
    erased
        Records that were erased, and those of them that were read again and kept out.
    discarded
        Stored records that learning and checks leave out.
    """

    pairs: dict[str, int]
    traffic: dict[str, int]
    documents: dict[str, int]
    served: dict[str, int]
    quarantine: int
    discarded: DiscardedCounts
    seen: int
    stored: int
    known: int
    quarantined: int
    erased: int = 0
    files: tuple[FileCounts, ...]
