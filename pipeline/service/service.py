"""The service: what all answers share, and how texts become vectors."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pipeline.service.batcher import Batcher, Encoded
from pipeline.service.faults import Refused, not_ready, unusable
from pipeline.service.hooks import Arm, Recorder, Route
from pipeline.service.metrics import Metrics
from pipeline.service.pair import Pairs, Served
from pipeline.workspace import Serve
from training.encoding.prompts import Kind
from training.faults import DataFault
from training.unlabelled import Document, Shown

logger = logging.getLogger(__name__)

_INLINE = 4_000
"""Characters that are cut into tokens at once; more would hold up other requests."""


@dataclass(frozen=True)
class Service:
    """What the endpoints work with.

    Attributes
    ----------
    name
        Name of the registered model.
    release
        Version of anchorhold.
    limits
        As in `[serve]`.
    dimensions
        Lengths at which vectors are served besides the whole, `model.dimensions`.
    pairs
        What serves.
    batcher
        Encodes texts.
    metrics
        What is counted.
    recorder
        The log.
    route
        The canary.
    documents
        Returns id -> document for those that are in the corpus now.
    """

    name: str
    release: str
    limits: Serve
    dimensions: tuple[int, ...]
    pairs: Pairs
    batcher: Batcher
    metrics: Metrics
    recorder: Recorder
    route: Route
    documents: Callable[[Sequence[str]], Mapping[str, Document]]

    @property
    def version(self) -> int | None:
        """The version that serves; None before one does."""
        champion = self.pairs.loaded.champion
        return champion.version if champion else None

    def pair(self, arm: Arm = "champion") -> Served:
        """Return the pair that answers a request from now to its end.

        Raises
        ------
        Refused
            None is loaded yet.
        """
        found = self.pairs.loaded.arm(arm)
        if found is None:
            raise not_ready()
        return found

    def named(self, model: str | None) -> Served:
        """Return the pair that a request names: the model, its alias, or a number that is loaded.

        Raises
        ------
        Refused
            Another version serves, or it is another model.
        """
        loaded, champion = self.pairs.loaded, self.pair()
        if model in (None, self.name, "champion", f"{self.name}@champion"):
            return champion
        for each in (champion, loaded.candidate):
            if each and model in (self.name_of(each), str(each.version), f"v{each.version}"):
                return each
        raise Refused(
            404,
            "model_not_found",
            f"this model is not served; served is {self.name_of(champion)!r}, which "
            f"{self.name!r} names too",
            param="model",
        )

    def name_of(self, served: Served) -> str:
        """Return the name of a version as `model` takes it."""
        return f"{self.name}/{served.version}"

    def check(self, texts: Sequence[str], param: str) -> None:
        """Refuse too many or too long texts.

        Raises
        ------
        Refused
            They are.
        """
        if len(texts) > self.limits.max_inputs:
            most = f"at most {self.limits.max_inputs} are taken"
            raise unusable(f"{param} has {len(texts)} texts, {most}", "too_many_inputs", param)
        longest = max(map(len, texts))
        if longest > self.limits.max_characters:
            most = f"at most {self.limits.max_characters} are taken"
            raise unusable(f"a text has {longest} characters, {most}", "text_too_long", param)

    async def encode(
        self,
        served: Served,
        texts: Sequence[str],
        kind: Kind,
        counts: Sequence[int] | None = None,
    ) -> Encoded:
        """Return the vectors of texts and their tokens.

        Parameters
        ----------
        counts
            Tokens of each text, where they are known already.

        Raises
        ------
        Refused
            A text is not valid Unicode or has no embedding, or too much waits already.
        """
        if counts is None:
            counts = await self.counts(served, texts, kind)
        return await self.batcher.encode(served, texts, kind, counts)

    async def counts(
        self, served: Served, texts: Sequence[str], kind: Kind, *, cut: bool = True
    ) -> list[int]:
        """Return the tokens of each text, without holding up other requests.

        Parameters
        ----------
        cut
            Whether to count only what the model reads.

        Raises
        ------
        Refused
            A text is not valid Unicode.
        """
        count = partial(served.encoder.token_counts, texts, kind=kind, cut=cut)
        try:
            if sum(map(len, texts)) <= _INLINE:
                return count()
            return await asyncio.to_thread(count)
        except DataFault:
            raise unusable("a text is not valid Unicode") from None

    def record(
        self,
        *,
        query: str,
        results: Sequence[Shown] | None,
        version: int,
        seconds: float,
        session: str = "",
        user: str = "",
    ) -> str:
        """Hand a query to the log, whose faults are no fault of the answer; return its id."""
        query_id = uuid.uuid4().hex
        try:
            self.recorder.record(
                query=query,
                results=results,
                version=version,
                seconds=seconds,
                session=session,
                user=user,
                query_id=query_id,
            )
        except Exception as fault:
            self.metrics.record_failures.inc()
            logger.warning("the log did not take a query: %s", type(fault).__name__)
        return query_id

    def check_length(self, served: Served, dimensions: int | None) -> None:
        """Refuse a length that the model is not judged at.

        Raises
        ------
        Refused
            It is none.
        """
        allowed = self.lengths(served)
        if dimensions is not None and dimensions not in allowed:
            raise unusable(
                f"dimensions is {dimensions}; allowed: {', '.join(map(str, allowed))} (the model's "
                "own, and model.dimensions of the settings)",
                param="dimensions",
            )

    def lengths(self, served: Served) -> list[int]:
        """Return the lengths at which vectors are served, the longest first."""
        whole = served.encoder.dimensions
        return sorted({whole, *(each for each in self.dimensions if each <= whole)}, reverse=True)
