"""What every result is: a frozen model that prints as one JSON object."""

from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue


class Result(BaseModel):
    """A typed result; `anchorhold COMMAND --json` prints it, the store keeps it, reports read it.

    Unknown keys of stored results are ignored, so that a later version may add keys.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    def to_json(self) -> dict[str, JsonValue]:
        """Return plain lists, texts and numbers."""
        plain: dict[str, JsonValue] = self.model_dump(mode="json")
        return plain

    def changed(self, **values: object) -> Self:
        """Return a copy with other values, which are not validated again."""
        return self.model_copy(update=values)
