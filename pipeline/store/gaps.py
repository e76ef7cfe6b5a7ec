"""Which fields the stored documents lack: counted where they are, as there may be millions."""

from sqlalchemy import func, select

from pipeline.store.database import Database
from pipeline.store.discards import within
from pipeline.store.documents import is_withdrawn
from pipeline.store.tables import documents

FIELDS = ("title", "url", "source", "timestamp")
"""Fields that a document may have besides its text."""


class DocumentGaps:
    """The part of the store that knows what documents lack."""

    _database: Database

    def documents_lacking(
        self, *, after: int = 0, until: int | None = None
    ) -> tuple[int, dict[str, int]]:
        """Return how many versions of documents arrived, and field -> how many of them lack it.

        Examples
        --------
        >>> from pipeline.store import Record, Store
        >>> from training.unlabelled import Document
        >>> with Store.open("sqlite://") as store:
        ...     texts = [Record(Document("a", "one", title="One")), Record(Document("b", "two"))]
        ...     _ = store.add("document", "recent", texts)
        ...     store.documents_lacking()
        (2, {'title': 1, 'url': 2, 'source': 2, 'timestamp': 2})
        """
        filled = [
            func.count(column if name == "timestamp" else func.nullif(column, ""))
            for name, column in ((name, documents.c[name]) for name in FIELDS)
        ]
        chosen = select(func.count(), *filled).where(
            *within(documents, None, after, until), ~is_withdrawn
        )
        with self._database.reading() as connection:
            count, *found = connection.execute(chosen).one()
        lacking = {name: int(count) - int(has) for name, has in zip(FIELDS, found, strict=True)}
        return int(count), lacking
