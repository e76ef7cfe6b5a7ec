"""Vectors over HTTP: as OpenAI's clients ask for them, and as text-embeddings-inference's do."""

import base64
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from numpy.typing import NDArray
from pydantic_core import to_json

from pipeline.service.bodies import EmbedBody, Embeddings, EmbeddingsBody, Info
from pipeline.service.faults import unusable
from pipeline.service.service import Service
from training.encoding.prompts import Kind

Floats = NDArray[np.float32]


def embedding_routes(service: Service) -> APIRouter:
    """Return the routes that give vectors.

    They are always answered by the champion: an application keeps vectors beside one another, and
    those of a canary's candidate are of another space.
    """
    routes = APIRouter()

    @routes.post("/v1/embeddings", response_model=Embeddings)
    async def embeddings(body: EmbeddingsBody, request: Request) -> Response:
        """Return the vectors of texts, as OpenAI's API does."""
        began = time.perf_counter()
        served = service.named(body.model)
        request.state.version = served.version
        texts = _listed(body.input)
        service.check(texts, "input")
        service.check_length(served, body.dimensions)
        encoded = await service.encode(served, texts, body.input_type)
        vectors = served.encoder.similarity.ready(encoded.vectors, body.dimensions)
        shown = _base64(vectors) if body.encoding_format == "base64" else vectors.tolist()
        rows = [
            {"object": "embedding", "index": index, "embedding": each}
            for index, each in enumerate(shown)
        ]
        # Only where the client says that this is what a user asked, and no document of its index.
        said = "input_type" in body.model_fields_set and body.input_type == "query"
        if said and isinstance(body.input, str):
            service.record(
                query=body.input,
                results=None,
                version=served.version,
                seconds=time.perf_counter() - began,
                user=body.user or "",
            )
        usage = {"prompt_tokens": encoded.tokens, "total_tokens": encoded.tokens}
        return _json(
            {"object": "list", "data": rows, "model": service.name_of(served), "usage": usage}
        )

    @routes.post("/embed", response_model=list[list[float]])
    async def embed(body: EmbedBody, request: Request) -> Response:
        """Return the vectors of texts, as text-embeddings-inference does."""
        served = service.pair()
        request.state.version = served.version
        texts = _listed(body.inputs)
        service.check(texts, "inputs")
        service.check_length(served, body.dimensions)
        kind: Kind = "query" if body.prompt_name in (None, "query") else "document"
        counts = None
        if not body.truncate:
            counts = await service.counts(served, texts, kind, cut=False)
            _refuse_long(counts, served.encoder.max_tokens)
        encoded = await service.encode(served, texts, kind, counts)
        similarity = served.encoder.similarity
        vectors = similarity.ready(encoded.vectors, body.dimensions)
        return _json((similarity.directions(vectors) if body.normalize else vectors).tolist())

    @routes.get("/info", response_model=Info)
    async def info(request: Request) -> Info:
        """Return what serves, with the keys of text-embeddings-inference."""
        served, limits = service.pair(), service.limits
        request.state.version = served.version
        candidate, index = service.pairs.loaded.candidate, served.index
        return Info(
            model_id=service.name_of(served),
            model_sha=served.fingerprint,
            model_type={"embedding": {"pooling": "as the model"}},
            max_concurrent_requests=limits.concurrency,
            max_input_length=served.encoder.max_tokens,
            max_batch_tokens=limits.batch_tokens,
            max_client_batch_size=limits.max_inputs,
            version=service.release,
            served_version=served.version,
            dimensions=service.lengths(served),
            similarity=served.encoder.similarity.name,
            candidate_version=candidate.version if candidate else None,
            index_version=index.table_version if index else None,
            index_documents=index.index.stamp.documents if index else None,
            index_bridged=index is not None and index.bridge is not None,
        )

    return routes


def _listed(texts: str | list[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else texts


def _refuse_long(counts: Sequence[int], most: int) -> None:
    longest = max(counts)
    if longest > most:
        raise unusable(
            f"a text has {longest} tokens, the model reads {most}; set truncate to cut such texts",
            "text_too_long",
            "inputs",
        )


def _base64(vectors: Floats) -> list[str]:
    """Return each vector as base64 of its float32 numbers, little endian."""
    return [base64.b64encode(row.tobytes()).decode() for row in vectors.astype("<f4", copy=False)]


def _json(content: Any) -> Response:
    return Response(to_json(content), media_type="application/json")
