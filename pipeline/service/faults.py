"""Why a request can be refused, each reason with its status and the body of its answer."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException

_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
}


class Refused(HTTPException):
    """A request that is not answered as it asks; the message says what is allowed.

    Attributes
    ----------
    code
        A word for programs.
    param
        The key of the body that is meant; None: none, or all of it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.code = code
        self.param = param


def unusable(message: str, code: str = "invalid_value", param: str | None = None) -> Refused:
    """Return a refusal of what a body says."""
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, code, message, param=param)


def unavailable(code: str, message: str) -> Refused:
    """Return a refusal of what may be possible a little later."""
    after = {"retry-after": "1"}
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, code, message, headers=after)


def not_ready() -> Refused:
    """Return a refusal because no version is loaded yet."""
    return unavailable("not_ready", "no version is loaded yet; GET /ready answers 200 when one is")


def told(status: int, message: str, code: str | None, param: str | None = None) -> dict[str, Any]:
    """Return the body of an answer that tells a fault, in the shape of OpenAI's."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    fault = {"message": message, "type": _TYPES.get(HTTPStatus(status), kind)}
    return {"error": {**fault, "param": param, "code": code}}
