"""Generated pairs: queries that a language model writes for documents, filtered by a round trip."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass as plain_dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.generation.prompt import Message, messages, queries_in
from training.pairs import Pair, hash_share
from training.progress import Progress, no_progress
from training.settings import SETTINGS
from training.unlabelled import Corpus, Derived, Reserved, derived_id
from training.whole_files import written

KIND = "generated"
Search = Callable[[Sequence[str], int], NDArray[np.integer]]
"""Returns the rows of the best documents of each query, (queries, k); -1 where there are fewer."""

_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_QUERY = 40
_FAULTS = 3  # in a row, after which the endpoint is not asked again


@plain_dataclass(frozen=True)
class Cost:
    """What generating costs, before it is done."""

    documents: int
    """Documents that queries are wanted for."""
    known: int
    """Those of them whose answers are cached already."""
    tokens_in: int
    """Tokens that would be sent, about."""
    tokens_out: int
    """Tokens that the answers may have, at most."""
    price: float | None = None
    """In the unit of the two price settings; None: no price is set."""

    @property
    def requests(self) -> int:
        """Requests that would be sent."""
        return self.documents - self.known

    @property
    def reason(self) -> str:
        """One sentence with the figures."""
        money = "" if self.price is None else f", about {self.price:.2f} by the prices set"
        return (
            f"{self.requests} requests for {self.documents} documents ({self.known} answers are "
            f"cached), about {self.tokens_in:,} tokens to send and at most {self.tokens_out:,} to "
            f"receive{money}"
        )


@dataclass(frozen=True, config=SETTINGS)
class Generate:
    """Let a language model write queries for documents, and keep those that lead back to them.

    A query is kept if the champion or BM25 finds its document among the first `round_trip` results
    (Dai et al., "Promptagator", 2023; Bonifacio et al., "InPars", 2022). Which documents are asked
    for, and which real queries show the style, is decided by hashes, so that answers are found in
    the cache again. Off until a URL is set.

    Examples
    --------
    >>> Generate().enabled, Generate(url="http://127.0.0.1:8000/v1", model="local").enabled
    (False, True)
    """

    url: str = Field(
        default="", pattern=r"^(https?://\S+)?$", examples=["http://127.0.0.1:8000/v1"]
    )
    """Base URL of a server that answers chat completions in the OpenAI format; "" turns it off."""
    model: str = Field(default="", examples=["qwen3-8b-instruct"])
    """Name of the model, as the server knows it."""
    key_variable: str = Field(default="OPENAI_API_KEY", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Environment variable that holds the key; a server without keys needs none."""
    share: float = Field(default=0.5, gt=0.0, le=1.0)
    """Largest share of the derived pairs."""
    documents: int = Field(default=500, ge=1)
    """Largest number of documents that queries are written for."""
    queries: int = Field(default=2, ge=1, le=20)
    """Queries per document."""
    style: int = Field(default=5, ge=0, le=50)
    """Real queries that are sent along as examples of style; 0 sends none."""
    round_trip: int = Field(default=3, ge=1)
    """Rank within which the champion or BM25 must find the document of a generated query."""
    characters: int = Field(default=2_000, ge=100)
    """Characters of a document that are sent."""
    parallel: int = Field(default=4, ge=1, le=64)
    """Requests at a time."""
    seconds: float = Field(default=60.0, gt=0.0)
    """How long one answer may take."""
    price_in: float | None = Field(default=None, ge=0.0, examples=[0.5])
    """Price of a million tokens sent, in any currency, to tell the cost beforehand."""
    price_out: float | None = Field(default=None, ge=0.0, examples=[1.5])
    """Price of a million tokens received, in the same currency."""
    seed: int = 0
    """Seed of the choice of documents and examples."""

    def __post_init__(self) -> None:
        """Refuse a URL without a model."""
        if self.url and not self.model:
            raise ValueError("generate.model must name a model where generate.url is set")

    @property
    def enabled(self) -> bool:
        """Whether a URL is set."""
        return bool(self.url)

    def cost(self, corpus: Corpus, reserved: Reserved, asked: Sequence[str], folder: Path) -> Cost:
        """Return what `derive` would ask for; nothing is sent."""
        prompts = self._prompts(corpus, reserved, asked)
        texts = corpus.texts
        new = [
            prompt
            for row, prompt in prompts.items()
            if _cached(self.answer_file(texts[row], folder)) is None
        ]
        sent = sum(len(one["content"]) for each in new for one in each) // _CHARACTERS_PER_TOKEN
        back = len(new) * self._answer_tokens
        priced = self.price_in is not None or self.price_out is not None
        price = (sent * (self.price_in or 0.0) + back * (self.price_out or 0.0)) / 1e6
        return Cost(len(prompts), len(prompts) - len(new), sent, back, price if priced else None)

    def derive(
        self,
        corpus: Corpus,
        reserved: Reserved,
        asked: Sequence[str],
        search: Search,
        folder: Path,
        progress: Progress = no_progress,
    ) -> Derived:
        """Return the pairs; without the endpoint, those whose answers are cached.

        Parameters
        ----------
        corpus
            The documents.
        reserved
            What no pair may be made of.
        asked
            Real queries of the log, as examples of style.
        search
            The champion's search in the corpus.
        folder
            Where answers are cached, one file each.
        progress
            How to show progress.
        """
        answers, fault = self.ask(corpus, reserved, asked, folder, progress)
        queries = [
            (row, query)
            for row, answer in answers.items()
            for query in queries_in(answer, self.queries)
            if not reserved.query(query)
        ]
        kept = self._returning(queries, corpus, search)
        texts = corpus.texts
        pairs = tuple(
            Pair(derived_id(KIND, query, texts[row]), query, texts[row], source=KIND)
            for row, query in kept
        )
        reason = (
            f"{len(queries)} queries were written for {len(answers)} documents; {len(pairs)} lead "
            f"back to their document"
        )
        return Derived(KIND, pairs, len(answers), f"{reason}; {fault}" if fault else reason)

    def ask(
        self,
        corpus: Corpus,
        reserved: Reserved,
        asked: Sequence[str],
        folder: Path,
        progress: Progress = no_progress,
    ) -> tuple[dict[int, str], str]:
        """Return row of the document -> answer, and why some are missing; "" where none is.

        Each answer is kept as soon as it is there. After a few faults in a row the endpoint is not
        asked again.
        """
        # Reading the settings must not load an HTTP client.
        from pipeline.generation.endpoint import Endpoint, EndpointFault

        prompts = self._prompts(corpus, reserved, asked)
        endpoint = Endpoint(
            self.url, self.model, os.environ.get(self.key_variable, ""), self.seconds
        )
        answers: dict[int, str] = {}
        missing: list[int] = []
        last, in_a_row = "", 0
        texts = corpus.texts
        files = {row: self.answer_file(texts[row], folder) for row in prompts}

        def one(row: int) -> str:
            text = endpoint.ask(prompts[row], tokens=self._answer_tokens)
            content = json.dumps({"model": self.model, "answer": text}, ensure_ascii=False)
            with written(files[row]) as partial:
                partial.write_text(content, encoding="utf-8")
            return text

        for row in prompts:
            known = _cached(files[row])
            if known is None:
                missing.append(row)
            else:
                answers[row] = known
        with progress("ask", len(missing)) as step, ThreadPoolExecutor(self.parallel) as pool:
            for row, future in _in_order(pool, one, missing, self.parallel):
                try:
                    answers[row] = future.result()
                    in_a_row = 0
                except EndpointFault as fault:
                    last, in_a_row = str(fault), in_a_row + 1
                    if in_a_row >= _FAULTS:
                        break
                step(1)
        lacking = sum(row not in answers for row in missing)
        told = f"{lacking} documents have no queries: {last}" if lacking else ""
        return {row: answers[row] for row in prompts if row in answers}, told

    @property
    def _answer_tokens(self) -> int:
        return self.queries * _TOKENS_PER_QUERY

    def _prompts(
        self, corpus: Corpus, reserved: Reserved, asked: Sequence[str]
    ) -> dict[int, list[Message]]:
        """Return row of the document -> what is sent, in the order of a hash."""

        def order(text: str) -> tuple[float, str]:
            return hash_share(self.seed, KIND, text), text

        style = sorted({query for query in asked if not reserved.query(query)}, key=order)
        texts = corpus.texts
        free = [
            row for row in range(len(corpus)) if not any(map(reserved.document, corpus.ids[row]))
        ]
        chosen = sorted(free, key=lambda row: order(texts[row]))[: self.documents]
        return {
            row: messages(texts[row][: self.characters], self.queries, style[: self.style])
            for row in chosen
        }

    def answer_file(self, text: str, folder: Path) -> Path:
        """Return where the answer for a document is cached, whichever examples were sent along."""
        content = json.dumps([self.model, self.queries, self.style, text[: self.characters]])
        name = hashlib.sha256(content.encode()).hexdigest()
        return folder / name[:2] / f"{name}.json"

    def _returning(
        self, queries: Sequence[tuple[int, str]], corpus: Corpus, search: Search
    ) -> list[tuple[int, str]]:
        if not queries:
            return []
        texts = [query for _, query in queries]
        rows = np.array([row for row, _ in queries])[:, None]
        k = min(self.round_trip, len(corpus))
        found = (search(texts, k) == rows).any(axis=1)
        found |= (corpus.lexical.best(texts, k)[0] == rows).any(axis=1)
        return [each for each, back in zip(queries, found, strict=True) if back]


def _cached(file: Path) -> str | None:
    """Return a stored answer; None where there is none, or none that can be read."""
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    answer = found.get("answer") if isinstance(found, dict) else None
    return answer if isinstance(answer, str) else None


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[int], str], rows: Sequence[int], ahead: int
) -> Iterator[tuple[int, "Future[str]"]]:
    """Yield the futures in order; no more are begun ahead than are worked on at a time."""
    waiting = iter(rows)
    begun = [(row, pool.submit(work, row)) for row in islice(waiting, ahead)]
    while begun:
        yield begun.pop(0)
        begun += [(row, pool.submit(work, row)) for row in islice(waiting, 1)]
