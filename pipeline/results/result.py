"""What every result is: a frozen model that prints as one JSON object."""

from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from training.faults import DataFault


class Result(BaseModel):
    """A typed result; `anchorhold COMMAND --json` prints it, the store keeps it, reports read it.

    Unknown keys of stored results are ignored, so that a later version may add keys.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    def to_json(self) -> dict[str, JsonValue]:
        """Return plain lists, texts and numbers."""
        plain: dict[str, JsonValue] = self.model_dump(mode="json")
        return plain

    @classmethod
    def of_store(cls, value: object) -> Self:
        """Return a result that the store kept.

        Raises
        ------
        DataFault
            It is none: the store is damaged.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as fault:
            first = fault.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise DataFault(
                f"what the store recorded as {cls.__name__} cannot be read ({place}: "
                f"{first['msg']}); restore the store from a backup"
            ) from None

    def changed(self, **values: object) -> Self:
        """Return a copy with other values, which are not validated again."""
        return self.model_copy(update=values)
