"""The document: a text that the service can return."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """One document of the corpus, as its newest version.

    Examples
    --------
    >>> Document("7", "Call us and we block it.", title="A lost card").whole
    'A lost card Call us and we block it.'
    """

    id: str
    """Its id in the corpus; logs and pairs name it so."""
    text: str
    """Its text, without the title."""
    title: str = ""
    """Its title or heading; "" where it has none."""
    url: str = ""
    """Where people find it; "" where unknown."""
    source: str = ""
    """Collection that it comes from; "" where unknown."""
    timestamp: float | None = None
    """When it was written, in seconds since the epoch; None: unknown."""

    @property
    def whole(self) -> str:
        """The text that is embedded and trained on: title and text, as in evaluation sets."""
        return f"{self.title} {self.text}".strip()
