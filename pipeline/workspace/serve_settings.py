"""The table `[serve]`: where the service listens, whom it lets in, and its limits."""

import ipaddress

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.settings import SETTINGS

_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, config=SETTINGS)
class Serve:
    """The HTTP service of `anchorhold serve`.

    Examples
    --------
    >>> Serve().is_loopback, Serve(host="0.0.0.0").is_loopback
    (True, False)
    """

    host: str = Field(default="127.0.0.1", min_length=1)
    """Address to listen at; any other than this machine's own needs a token."""
    port: int = Field(default=8080, ge=0, le=65535)
    """Port to listen at; 0: any free one."""
    token: str = Field(default="ANCHORHOLD_TOKEN", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Environment variable with the token that requests must carry; empty or unset: none."""
    allowed_hosts: tuple[str, ...] = Field(default=(), strict=False)
    """Further names in the Host header of requests, besides those of this machine's own address."""
    max_body_bytes: int = Field(default=2_000_000, ge=1_000, le=100_000_000)
    """Largest body of a request, in bytes; beyond it, 413."""
    max_inputs: int = Field(default=2048, ge=1, le=100_000)
    """Most texts per request; beyond it, 422."""
    max_characters: int = Field(default=32_000, ge=1, le=10_000_000)
    """Longest text, in characters; beyond it, 422."""
    max_results: int = Field(default=100, ge=1, le=10_000)
    """Largest `k` of a search."""
    concurrency: int = Field(default=256, ge=1, le=10_000)
    """Requests at work at once; beyond it, 503 with Retry-After."""
    waiting_tokens: int = Field(default=262_144, ge=1)
    """Tokens that may wait for the model; beyond it, 503 with Retry-After."""
    timeout_seconds: float = Field(default=30.0, gt=0, le=3600)
    """Longest that a request may take, its body included; beyond it, 504, or 408 for the body."""
    poll_seconds: float = Field(default=0.5, ge=0.05, le=300)
    """Seconds between two requests to MLflow for the champion's version."""
    retry_seconds: float = Field(default=60.0, ge=0.05, le=86_400)
    """Seconds until a version that did not load is tried again; doubled each time, to one hour.

    A new state of the index that could not be opened is tried again after 200 seconds at most.
    """
    batch_tokens: int = Field(default=2048, ge=1, le=1_000_000)
    """Most tokens in one forward pass, padding included; a longer text has one of its own."""
    batch_wait_ms: float = Field(default=0.0, ge=0, le=1000)
    """Milliseconds to wait for further requests before an idle model begins."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def hosts(self) -> frozenset[str]:
        """Names that the Host header may have, without a port and brackets, in small letters."""
        own = () if self.host in ("0.0.0.0", "::") else (self.host,)
        return frozenset(name.lower() for name in (*_LOCAL, *own, *self.allowed_hosts))
