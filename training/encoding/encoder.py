"""The encoder: texts to vectors by a safely loaded model, each text once."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.distributed import AUTO, Engine
from training.encoding.embedding_cache import EmbeddingCache, text_digest
from training.encoding.fixed_shapes import fixed_batches
from training.encoding.loading import load_model
from training.encoding.missing import refuse_missing
from training.encoding.model_folder import fingerprint
from training.encoding.number_format import NumberFormat, format_of
from training.encoding.prompts import Kind, prompt_of, tells_sides_apart
from training.encoding.sharded import Shard, ShardWork, encode_shards
from training.encoding.similarity import Similarity
from training.encoding.words import whole_tokenizer, words_of
from training.faults import DataFault, first_line
from training.progress import Progress, no_progress, quiet

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_CHUNK = 2048  # texts between two writes to the cache: what a kill can lose
_BATCH = 32  # texts per forward pass; larger batches do not fit a CPU's caches and are slower


class Encoder:
    """A loaded model and the cache of what it has already encoded.

    Make one with `Encoder.load`. Equal texts under one prompt are encoded once; with a cache this
    holds across processes.

    Parameters
    ----------
    model
        The loaded model.
    identity
        Its fingerprint.
    cache
        Folder of the embedding cache; None: no cache.
    name
        What messages call the model.

    Attributes
    ----------
    name
        What messages call the model.
    fingerprint
        Identity of the embedding space.
    precision
        Number format in which the model computes.
    similarity
        How the model compares queries with documents.
    elsewhere
        The engine that encodes many texts at once, and its work; None: this process does.
    """

    def __init__(
        self,
        model: "SentenceTransformer",
        identity: str,
        cache: Path | None,
        name: str = "the model",
    ) -> None:
        self._model = model
        self.name = name
        self._cache = cache
        self._caches: dict[str, EmbeddingCache] = {}
        self._words: Any = None
        self.elsewhere: tuple[Engine, ShardWork] | None = None
        self.fingerprint = identity
        self.precision: str = format_of(model)
        self.similarity = Similarity(model.similarity_fn_name)

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        max_length: int | None = None,
        cache: str | os.PathLike[str] | None = None,
        name: str | None = None,
        engine: Engine | None = None,
        device: str = AUTO,
        precision: NumberFormat = "float32",
    ) -> "Encoder":
        """Load a model folder, with remote code off and from safetensors only.

        Parameters
        ----------
        folder
            A plain sentence-transformers folder.
        max_length
            Tokens after which a text is cut; None: as the folder says.
        cache
            Folder of the embedding cache; None: no cache.
        name
            What messages call the model; None: its folder.
        engine
            Where many texts at once are encoded; None: in this process.
        device
            Where this process computes, as `device_for` takes it; the engine says where workers do.
        precision
            Number format in which texts are encoded, here and there.

        Raises
        ------
        DataFault
            The folder is not a plain, safe sentence-transformers model, or there is no such device,
            or it does not compute in that number format.
        """
        model = load_model(folder, max_length, device=device, precision=precision)
        identity = fingerprint(folder, max_length, precision)
        encoder = cls(model, identity, None if cache is None else Path(cache), name or str(folder))
        if engine is not None:
            work = ShardWork.on(engine, str(folder), max_length, identity, precision)
            encoder.elsewhere = engine, work
        return encoder

    def without_cache(self) -> "Encoder":
        """Return an encoder of the same loaded model that encodes every text anew."""
        return Encoder(self._model, self.fingerprint, None, self.name)

    @property
    def dimensions(self) -> int:
        """Number of dimensions of an embedding."""
        length = self._model.get_embedding_dimension()
        if length is None:
            raise DataFault("the model does not say how many dimensions its embeddings have")
        return int(length)

    @property
    def max_tokens(self) -> int:
        """Number of tokens after which a text is cut; a large one where none is."""
        return int(min(self._model.max_seq_length or sys.maxsize, sys.maxsize))

    def encode(
        self, texts: Sequence[str], *, kind: Kind = "query", progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return vectors, (texts, dimensions), in the order of the texts.

        They are to be compared by `similarity`: unit vectors where that is the cosine, otherwise
        as the model gives them.

        Parameters
        ----------
        texts
            What to encode; repeated texts are encoded once.
        kind
            Whether they are queries or documents.
        progress
            Shows how many texts are encoded.

        Raises
        ------
        DataFault
            A text is not valid Unicode.
        NoEmbedding
            The model gives NaN or infinity for a text.
        """
        place: dict[str, int] = {}
        for text in texts:
            place.setdefault(text, len(place))
        unique = list(place)
        vectors = np.zeros((len(unique), self.dimensions), dtype=np.float32)
        digests = [text_digest(text) for text in unique]
        cache = self._open_cache(kind)
        known = cache.get(digests) if cache and unique else {}
        for row, digest in enumerate(digests):
            if digest in known:
                vectors[row] = known[digest]
        # Longest first: least padding, and memory runs out at once or never. Chunks are cut from
        # this one order, so that a run that resumes after a kill has the same batches again.
        missing = [row for row, digest in enumerate(digests) if digest not in known]
        sizes = dict(zip(missing, self._lengths([unique[row] for row in missing]), strict=True))
        missing.sort(key=lambda row: (-sizes[row], unique[row]))
        with (progress if missing else no_progress)("encode", len(missing)) as step:
            chunks = [missing[start : start + _CHUNK] for start in range(0, len(missing), _CHUNK)]
            for rows, part in self._encoded(chunks, unique, kind, step):
                vectors[rows] = part
                sound = [row for row in rows if np.isfinite(vectors[row]).all()]
                if cache and sound:
                    cache.put([digests[row] for row in sound], vectors[sound])
        refuse_missing(self.name, unique, vectors)
        return vectors[[place[text] for text in texts]]

    def known(self, texts: Sequence[str], *, kind: Kind = "query") -> list[bool]:
        """Return for each text whether the cache holds its vector; without a cache, none is."""
        digests = [text_digest(text) for text in texts]
        cache = self._open_cache(kind)
        found = cache.get(digests) if cache and digests else {}
        return [digest in found for digest in digests]

    def unit_vectors(
        self, texts: Sequence[str], *, kind: Kind = "query", progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return the directions of what `encode` returns, whose parameters these are."""
        return self.similarity.directions(self.encode(texts, kind=kind, progress=progress))

    def token_counts(
        self, texts: Sequence[str], *, kind: Kind = "query", cut: bool = True
    ) -> list[int]:
        """Return how many tokens each text has, its prompt and special tokens included.

        Characters are counted if the tokenizer is not a fast one.

        Parameters
        ----------
        kind
            Whether they are queries or documents.
        cut
            Whether to count only what the model reads of a text.

        Raises
        ------
        DataFault
            A text is not valid Unicode.
        """
        prompt = prompt_of(self._model, kind)
        return self._lengths([prompt + text for text in texts], cut=cut)

    def encode_pass(self, texts: Sequence[str], *, kind: Kind = "query") -> NDArray[np.float32]:
        """Return vectors, (texts, dimensions), of one forward pass, without the cache.

        Unlike `encode` it divides and refuses nothing: a text without an embedding has NaN or
        infinity, so that others in the same pass are answered. Nor does it keep the libraries
        quiet, which takes half a millisecond and is not safe between threads.
        """
        return self.forward(texts, kind=kind, batch=max(len(texts), 1))

    def _encoded(
        self,
        chunks: Sequence[list[int]],
        texts: Sequence[str],
        kind: Kind,
        step: Callable[[int], None],
    ) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Yield the rows of each chunk and their vectors, as they are ready."""
        if self.elsewhere is None or len(chunks) < 2:
            for rows in chunks:
                with quiet():
                    yield rows, self.forward([texts[row] for row in rows], kind=kind, step=step)
            return
        engine, work = self.elsewhere
        shards = [Shard(tuple(texts[row] for row in rows), kind) for rows in chunks]
        for place, part in encode_shards(engine, work, shards, self.dimensions):
            step(len(part))
            yield chunks[place], part

    def forward(
        self,
        texts: Sequence[str],
        *,
        kind: Kind = "query",
        step: Callable[[int], None] = lambda _: None,
        batch: int | None = None,
    ) -> NDArray[np.float32]:
        """Return vectors, (texts, dimensions), without the cache, in batches as the texts come.

        Unlike `encode` it refuses nothing: a text without an embedding has NaN or infinity. In half
        precision batches have fixed shapes, unless `batch` is given: the vector of a text is the
        same whatever is encoded beside it.

        Parameters
        ----------
        texts
            What to encode.
        kind
            Whether they are queries or documents.
        step
            Called with the number of texts after each batch.
        batch
            Texts per forward pass; None: as many as fit a processor's caches.
        """
        if batch is None and self.precision != "float32":
            return self._in_fixed_shapes(texts, kind, step)
        parts = []
        # One batch per call: of more texts the library would sort them by their characters.
        batch = batch or _BATCH
        for start in range(0, len(texts), batch):
            some = texts[start : start + batch]
            parts.append(self._pass(some, kind))
            step(len(some))
        return np.concatenate(parts)

    def _in_fixed_shapes(
        self, texts: Sequence[str], kind: Kind, step: Callable[[int], None]
    ) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        if self._has_fast_tokenizer():
            batches = fixed_batches(self.token_counts(texts, kind=kind), self.max_tokens)
        else:  # the number of tokens is not known: each text alone
            batches = ((np.array([row]), 1) for row in range(len(texts)))
        for rows, size in batches:
            some = [texts[row] for row in rows]
            filler = [some[0]] * (size - len(some))
            vectors[rows] = self._pass([*some, *filler], kind)[: len(some)]
            step(len(some))
        return vectors

    def _pass(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        """Return vectors, (texts, dimensions), of one forward pass."""
        encode = self._model.encode_query if kind == "query" else self._model.encode_document
        with _unicode_only():
            vectors = encode(
                list(texts),
                prompt=prompt_of(self._model, kind),
                batch_size=len(texts),
                show_progress_bar=False,
                normalize_embeddings=self.similarity.name == "cosine",
            )
        return np.asarray(vectors, dtype=np.float32)

    def _lengths(self, texts: Sequence[str], *, cut: bool = True) -> list[int]:
        """Return the number of tokens of each text, at most the model's maximum length if cut.

        Characters are a poor measure: a line of code has twice the tokens of a sentence of the same
        length. They are used if the tokenizer is not a fast one.
        """
        if not self._has_fast_tokenizer():
            return [len(text) for text in texts]
        tokenizer = self._word_tokenizer()
        longest = self.max_tokens if cut else sys.maxsize
        lengths: list[int] = []
        for start in range(0, len(texts), _CHUNK):
            with _unicode_only():
                encodings = tokenizer.encode_batch_fast(texts[start : start + _CHUNK])
            lengths.extend(min(len(encoding), longest) for encoding in encodings)
        return lengths

    def _open_cache(self, kind: Kind) -> EmbeddingCache | None:
        if self._cache is None:
            return None
        name = self._route(kind)
        if name not in self._caches:
            folder = self._cache / self.fingerprint[:32] / name
            self._caches[name] = EmbeddingCache(folder, self.dimensions)
        return self._caches[name]

    def _route(self, kind: Kind) -> str:
        """Return a name for the way a kind is encoded; kinds that are encoded alike share it."""
        prompt = text_digest(prompt_of(self._model, kind)).hex()[:8]
        return f"{kind if tells_sides_apart(self._model) else 'text'}-{prompt}"

    def words(self, texts: Sequence[str]) -> tuple[tuple[tuple[str, int, bool], ...], ...]:
        """Return the words of each text as (word, number of pieces, whether a piece is unknown).

        Raises
        ------
        DataFault
            The model's tokenizer is not a fast one.
        """
        with quiet():
            return words_of(self._word_tokenizer(), texts)

    @property
    def tokenizer(self) -> str:
        """Identity of the tokenizer: sha256 of its rules and vocabulary."""
        return hashlib.sha256(self._word_tokenizer().to_str().encode()).hexdigest()

    def _has_fast_tokenizer(self) -> bool:
        with suppress(DataFault):
            return self._word_tokenizer() is not None
        return False

    def _word_tokenizer(self) -> Any:
        if self._words is None:
            self._words = whole_tokenizer(self._model)
        return self._words


@contextmanager
def _unicode_only() -> Iterator[None]:
    """Turn the tokenizer's fault on invalid text into a `DataFault`."""
    try:
        yield
    except (TypeError, UnicodeError) as fault:
        raise DataFault(
            f"a text cannot be tokenized ({first_line(fault)}); texts must be Unicode"
        ) from fault
