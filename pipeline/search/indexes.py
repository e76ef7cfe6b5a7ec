"""The indexes of a workspace: one table of vectors for each version, built, opened and kept."""

import re
import time
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.results import IndexBuilt
from pipeline.search.building import Build, DocumentEncoder, NotWhole
from pipeline.search.exchange import GivenVectors, must_be_new, write_vectors
from pipeline.search.index import Index, IndexDamaged, all_vectors, sum_of
from pipeline.search.lance_tables import LanceTables
from pipeline.search.row_keys import digest_of, key_of
from pipeline.search.settings import IndexSettings
from pipeline.search.stamp import (
    IndexBusy,
    IndexMissing,
    Space,
    SpaceMismatch,
    Stamp,
)
from pipeline.search.stored_documents import StoredDocuments
from pipeline.search.tables import Table, Tables
from training.faults import DataFault
from training.progress import Progress, no_progress
from training.unlabelled import Document

_TABLE = re.compile(r"v([1-9][0-9]*)")
_POSTGRES = re.compile(r"postgres(ql)?(\+psycopg)?://")


@dataclass(frozen=True)
class Indexes:
    """The indexes of the versions of one workspace.

    Attributes
    ----------
    settings
        Where they are, and how documents were cut.
    root
        The workspace: a relative folder lies in it.
    state
        Its state folder, for the locks.
    model
        Name of the model, after which the schema in PostgreSQL is named.
    """

    settings: IndexSettings
    root: Path
    state: Path
    model: str = ""

    @cached_property
    def tables(self) -> Tables:
        """The tables."""
        uri = self.settings.uri
        if _POSTGRES.match(uri):
            return _postgres_tables(uri, self.model)
        return LanceTables(uri if "://" in uri else str(self.root.resolve() / uri))

    def show(self, version: int) -> None:
        """Let other applications read the whole index of the version that serves, in a database.

        The view moves in one transaction with the check that its rows are whole.

        Raises
        ------
        IndexMissing
            There is no whole one; the view stays where it is.
        IndexUnusable
            Its rows are not as many as its stamp says, or the view cannot be moved.
        """
        self.tables.show(_name(version))

    def build(
        self,
        version: int,
        encoder: DocumentEncoder,
        documents: Iterable[Document],
        *,
        now: datetime,
        progress: Progress = no_progress,
        vectors: Path | None = None,
    ) -> IndexBuilt:
        """Build the index of a version, or bring it up to date with the documents.

        Only new and changed documents are encoded. The stamp is written last: a build that is
        killed leaves what readers saw before, and the next one goes on behind its last rows.

        Parameters
        ----------
        version
            Number of the version.
        encoder
            The version's encoder.
        documents
            All documents, readable twice: `StoredDocuments`, or a list.
        now
            The present, for the stamp.
        progress
            Shows how many documents are done.
        vectors
            Parquet file of vectors that the encoder gave to the documents elsewhere.

        Raises
        ------
        SpaceMismatch
            The vectors of the file are not the encoder's.
        IndexBusy
            Another process builds it.
        IndexUnusable
            It cannot be written, or fails its verification, also when it is built from scratch.
        """
        began = time.perf_counter()
        space = self.space(encoder)
        with self._alone(version):
            given = GivenVectors(vectors, space, self.state / "tmp") if vectors else None
            if given:
                given.probe(encoder.without_cache(), documents)
            whole = self.tables.whole(_name(version))
            table, why = self.tables.newest(_name(version), space)
            if whole is not None and (damage := _damage(whole)):
                table, why = self.tables.empty(_name(version), space), damage
            table.forget()
            fill = partial(_filled, encoder, documents, given, progress)
            try:
                built = fill(table)
            except NotWhole as fault:
                table, why = self.tables.empty(_name(version), space), str(fault)
                built = fill(table)
            table.compact()
            approximate = self.is_large(built.documents, space)
            if approximate:
                table.approximate(space.similarity)
            stamp = Stamp(
                version,
                space.fingerprint,
                space.preparation,
                space.dimensions,
                space.similarity,
                built.documents,
                built.digest,
                now.isoformat(timespec="seconds"),
                cut=documents.cut if isinstance(documents, StoredDocuments) else 0,
                approximate=approximate,
                recall=built.recall() if approximate else None,
                vectors="" if approximate else sum_of(*all_vectors(table, space.dimensions)),
            )
            table.finish(stamp)
            if whole is None:
                table.forget(unread=True)
        return IndexBuilt(
            version=version,
            fingerprint=stamp.fingerprint,
            preparation=stamp.preparation,
            dimensions=stamp.dimensions,
            similarity=stamp.similarity,
            documents=stamp.documents,
            encoded=built.encoded,
            given=built.used,
            unchanged=built.unchanged,
            removed=built.removed,
            digest=stamp.digest,
            from_scratch=why,
            approximate=stamp.approximate,
            recall=stamp.recall,
            seconds=round(time.perf_counter() - began, 3),
        )

    def missing(
        self, version: int, encoder: DocumentEncoder, documents: Sequence[Document]
    ) -> list[Document]:
        """Return those documents that a build would add to the index of a version, or replace."""
        table = self.tables.whole(_name(version))
        if table is None or table.stamp.space != self.space(encoder):
            return list(documents)
        keys = {key_of(each.id): digest_of(each.whole) for each in documents}
        there: dict[str, str] = {}
        for batch in table.named(list(keys), "key", "digest"):
            there.update(zip(batch["key"].to_pylist(), batch["digest"].to_pylist(), strict=True))
        return [each for each in documents if there.get(key_of(each.id)) != keys[key_of(each.id)]]

    def open(self, version: int, fingerprint: str) -> Index:
        """Open the index of a version, to search it with an encoder.

        Parameters
        ----------
        version
            Number of the version.
        fingerprint
            Of the encoder of the queries.

        Raises
        ------
        IndexMissing
            There is no whole one.
        SpaceMismatch
            Its vectors are of another space, or of documents that were cut another way.
        """
        table = self._whole(version)
        stamp = table.stamp
        difference = self.difference(stamp, fingerprint)
        if difference:
            raise SpaceMismatch(
                f"the index of version {version} cannot be searched: its vectors have "
                f"{difference}; `anchorhold index build {version}` builds it again"
            )
        return Index(table)

    def export(self, version: int, file: Path) -> Stamp:
        """Write the vectors of a whole index to a Parquet file, and return their stamp.

        Raises
        ------
        IndexMissing
            There is no whole one.
        DataFault
            The file exists, or cannot be written.
        """
        table = self._whole(version)
        write_vectors(file, table.stamp, table.batches("id", "digest", "vector"))
        return table.stamp

    def exportable(self, version: int, file: Path) -> Stamp:
        """Return the stamp of what `export` would write; its faults are the same."""
        must_be_new(file)
        return self._whole(version).stamp

    def stamp(self, version: int) -> Stamp | None:
        """Return the stamp of the index of a version; None where there is no whole one."""
        table = self.tables.whole(_name(version))
        return table.stamp if table else None

    def difference(self, stamp: Stamp, fingerprint: str) -> str:
        """Say why an encoder cannot search an index; "" if it can."""
        preparation = self.settings.preparation
        return stamp.space.difference(
            Space(fingerprint, preparation, stamp.dimensions, stamp.similarity)
        )

    def numbers(self) -> list[int]:
        """Return the versions that have a table, whole or not."""
        found = (_TABLE.fullmatch(name) for name in self.tables.names())
        return sorted(int(each[1]) for each in found if each)

    def status(self) -> list[Stamp]:
        """Return the stamps of all whole indexes, in order of versions."""
        stamps = (self.stamp(number) for number in self.numbers())
        return [stamp for stamp in stamps if stamp]

    def must_have(self, version: int) -> None:
        """Refuse a version without any index; the fault is `IndexMissing`."""
        if version not in self.numbers():
            raise IndexMissing(f"version {version} has no index at {self.settings.place}")

    def drop(self, version: int) -> None:
        """Delete the index of a version.

        Raises
        ------
        IndexMissing
            There is none.
        IndexBusy
            Another process builds it.
        """
        self.must_have(version)
        with self._alone(version):
            self.tables.drop(_name(version))

    def forget(self, version: int) -> None:
        """Delete what an index held before, at once: readers must open it again.

        Raises
        ------
        IndexBusy
            Another process builds it.
        """
        stamp = self.stamp(version)
        if stamp is not None:
            with self._alone(version):
                self.tables.newest(_name(version), stamp.space)[0].forget(unread=True)

    def _whole(self, version: int) -> Table:
        table = self.tables.whole(_name(version))
        if table is None:
            raise IndexMissing(
                f"version {version} has no whole index at {self.settings.place}; "
                f"`anchorhold index build {version}` builds it"
            )
        return table

    def is_large(self, documents: int, space: Space) -> bool:
        """Say whether an index of a number of documents is searched approximately."""
        return documents > self.settings.ann_above and self.tables.can_approximate(space)

    def space(self, encoder: DocumentEncoder) -> Space:
        """Return the space of the vectors of an index that an encoder makes."""
        return Space(
            encoder.fingerprint,
            self.settings.preparation,
            encoder.dimensions,
            encoder.similarity.name,
        )

    @contextmanager
    def _alone(self, version: int) -> Iterator[None]:
        self.state.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.state / f"index-v{version}.lock").acquire(timeout=0):
                yield
        except Timeout:
            raise IndexBusy(
                f"the index of version {version} is being built by another process; wait until it "
                "is done"
            ) from None


def _damage(table: Table) -> str:
    """Say that the vectors of a whole table changed; empty where they did not."""
    if not table.stamp.vectors:
        return ""
    try:
        Index(table).vectors()
    except IndexDamaged:
        return "its vectors were not those that were written"
    return ""


def _filled(
    encoder: DocumentEncoder,
    documents: Iterable[Document],
    given: GivenVectors | None,
    progress: Progress,
    table: Table,
) -> Build:
    """Bring a table in line with the documents, and verify it."""
    built = Build(table, encoder, given)
    total = len(documents) if isinstance(documents, Sized) else 0
    with progress("index", total) as step:
        built.take(documents, step)
    built.verify()
    return built


def _postgres_tables(uri: str, model: str) -> Tables:
    try:
        from pipeline.search.postgres_tables import PostgresTables
    except ImportError:
        raise DataFault(
            "the index in PostgreSQL needs psycopg, which is not installed: "
            'pip install "anchorhold[postgres]"'
        ) from None
    return PostgresTables(uri, model)


def _name(version: int) -> str:
    return f"v{version}"
