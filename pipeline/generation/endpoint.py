"""The endpoint: any server that answers chat completions in the OpenAI format."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from pipeline.generation.prompt import Message
from training.faults import AnchorholdError

_CONNECT_SECONDS = 5.0
_LARGEST_ANSWER = 1_000_000  # bytes


class EndpointFault(AnchorholdError):
    """The endpoint could not be reached, or refused what it was asked."""


@dataclass(frozen=True)
class Endpoint:
    """Asks one model behind one URL; busy servers are asked again, with growing pauses.

    Attributes
    ----------
    url
        Base URL, such as "http://127.0.0.1:8000/v1"; `/chat/completions` is added.
    model
        Name of the model, as the server knows it.
    key
        Sent as bearer token; "" sends none. It is not part of the representation.
    seconds
        How long an answer may take.
    """

    url: str
    model: str
    key: str = field(default="", repr=False)
    seconds: float = 60.0

    def ask(self, messages: Sequence[Message], *, tokens: int) -> str:
        """Return the text of the answer, with at most so many tokens.

        Raises
        ------
        EndpointFault
            It could not be reached, refused the request, or answered something else; the sentence
            names the URL.
        """
        body: dict[str, Any] = {
            "model": self.model,
            "messages": list(messages),
            "temperature": 0,
            "max_tokens": tokens,
        }
        address = f"{self.url.rstrip('/')}/chat/completions"
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        try:
            with (
                self._session() as session,
                session.post(
                    address,
                    json=body,
                    headers=headers,
                    timeout=(_CONNECT_SECONDS, self.seconds),
                    # A redirection would carry texts, and perhaps the key, to somebody else.
                    allow_redirects=False,
                    stream=True,
                ) as answer,
            ):
                return self._text(address, answer)
        except (requests.RequestException, OSError, ValueError) as fault:
            raise EndpointFault(f"{address} cannot be reached: {_innermost(fault)}") from None

    def _session(self) -> requests.Session:
        session = requests.Session()
        # Settings of the environment (proxies, .netrc) stay in force, as for every other client.
        retry = Retry(
            total=3,
            connect=0,
            read=0,
            backoff_factor=0.5,
            status_forcelist=(429, 502, 503, 504),
            allowed_methods=None,
            raise_on_status=False,
            retry_after_max=20,
        )
        for prefix in ("http://", "https://"):
            session.mount(prefix, HTTPAdapter(max_retries=retry))
        return session

    def _text(self, address: str, answer: requests.Response) -> str:
        raw = answer.raw.read(_LARGEST_ANSWER + 1, decode_content=True)
        if answer.status_code != 200:
            said = raw[:200].decode("utf-8", "replace").strip()
            hint = " (its key is read from the environment)" if answer.status_code == 401 else ""
            raise EndpointFault(
                f"{address} refused the request: {answer.status_code} {answer.reason}{hint}"
                + (f": {said}" if said else "")
            )
        if len(raw) > _LARGEST_ANSWER:
            raise EndpointFault(f"{address} answered more than {_LARGEST_ANSWER:,} bytes")
        try:
            found: Any = json.loads(raw)
            text = found["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError):
            text = None
        if not isinstance(text, str):
            raise EndpointFault(f"{address} did not answer in the format of chat completions")
        return text


def _innermost(fault: BaseException) -> str:
    """Return the reason at the bottom of a chain of faults."""
    reason = getattr(fault, "reason", None)
    inner = reason or next((each for each in fault.args if isinstance(each, BaseException)), None)
    if isinstance(inner, BaseException):
        return _innermost(inner)
    return str(fault) or type(fault).__name__
