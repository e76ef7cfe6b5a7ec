"""What a request can be refused for, each with its status."""

from http import HTTPStatus


class Refused(Exception):
    """A request that is not answered as it asks; the message says what is allowed.

    Attributes
    ----------
    status
        Of the answer.
    code
        A word for programs.
    retry_after
        Seconds after which the same request may succeed; None: it will not.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """The sentence that the client is given."""
        return str(self)


def unusable(message: str, code: str = "invalid_value") -> Refused:
    """Return a refusal of what a body says."""
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, code, message)


def overloaded(message: str) -> Refused:
    """Return a refusal for want of room, which is gone in a second."""
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", message, retry_after=1)


def not_ready() -> Refused:
    """Return a refusal because no version is loaded yet."""
    message = "no version is loaded yet; GET /ready answers 200 when one is"
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", message, retry_after=2)
