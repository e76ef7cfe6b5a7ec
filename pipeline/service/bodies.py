"""What requests and answers look like: OpenAI's embeddings, text-embeddings-inference, search."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator


def _whole(value: Any) -> Any:
    """Return a whole number as such: to JSON, 5.0 is one too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Rating = Annotated[Literal[1, -1], BeforeValidator(_whole)]
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], Field(min_length=1)]
Name = Annotated[str, Field(max_length=500)]
Id = Annotated[str, Field(min_length=1, max_length=500)]

_NO_TOKENS = (
    "token arrays are not accepted, because each version has its own tokenizer; send texts "
    "(langchain-openai: check_embedding_ctx_length=False)"
)


class _Body(BaseModel):
    model_config = ConfigDict(strict=True)


def _texts_only(value: Any) -> Any:
    """Refuse token arrays by name; other faults are answered as usual."""
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, int | list) and not isinstance(first, bool):
        raise ValueError(_NO_TOKENS)
    return value


class EmbeddingsBody(_Body):
    """`POST /v1/embeddings`; other keys of OpenAI's are ignored."""

    input: Text | Texts = Field(description="A text or several; longer ones are cut, as in search.")
    model: Name | None = Field(
        default=None,
        description="The registered model, also with the number of its version (`name/3`), which "
        "is refused while another version serves; by default, what serves.",
    )
    encoding_format: Literal["float", "base64"] = Field(
        default="float", description="base64: float32, little endian."
    )
    dimensions: Whole | None = Field(
        default=None, ge=1, description="One of `model.dimensions` of the settings, or all."
    )
    input_type: Literal["query", "document"] = Field(
        default="query",
        description="Which prompt of the model is put before the texts. Queries that say so are "
        "kept in the log, if they are sent one by one.",
    )
    user: Name | None = Field(default=None, description="Who asks; kept in the log.")

    _no_tokens = field_validator("input", mode="before")(_texts_only)


class Embedding(BaseModel):
    """One vector."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """Tokens that the model read."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(BaseModel):
    """The answer of `POST /v1/embeddings`."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: Usage


class EmbedBody(_Body):
    """`POST /embed`, as text-embeddings-inference has it."""

    inputs: Text | Texts
    normalize: bool = Field(
        default=True,
        description="Whether to return unit vectors; where the model compares by the cosine, they "
        "always are.",
    )
    truncate: bool = Field(
        default=True, description="Whether to cut texts that are too long; else they are refused."
    )
    prompt_name: Literal["query", "document", "passage"] | None = Field(
        default=None, description="Side of the search; by default, query."
    )
    dimensions: Whole | None = Field(default=None, ge=1)

    _no_tokens = field_validator("inputs", mode="before")(_texts_only)


class SearchBody(_Body):
    """`POST /search`."""

    query: Text
    k: Whole = Field(default=10, ge=1, description="How many documents.")
    session: Name = Field(default="", description="Kept in the log; a canary keeps to it.")
    user: Name = Field(default="", description="Kept in the log; a canary keeps to it.")


class Found(BaseModel):
    """A document that was found."""

    id: str
    score: float
    title: str = ""
    url: str = ""


class SearchAnswer(BaseModel):
    """The answer of `POST /search`."""

    query_id: str = Field(description="`POST /feedback` names it.")
    version: int
    results: list[Found]


class FeedbackBody(_Body):
    """`POST /feedback`."""

    query_id: Id
    clicked: list[Id] = Field(default=[], max_length=1000, description="Ids, in order of clicks.")
    feedback: dict[Id, Rating] = Field(
        default={}, max_length=1000, description="Id of a result -> 1 or -1."
    )
    answer: str = Field(default="", description="What was generated from the results.")


class FeedbackAnswer(BaseModel):
    """The answer of `POST /feedback`."""

    query_id: str
    taken: Literal["taken", "not sampled"] = Field(
        description="not sampled: the query is not in the log, which may keep a share only."
    )


class Info(BaseModel):
    """The answer of `GET /info`, with the keys of text-embeddings-inference and our own."""

    model_id: str
    model_sha: str = Field(description="Fingerprint of the embedding space.")
    model_dtype: str = "float32"
    model_type: dict[str, Any]
    max_concurrent_requests: int
    max_input_length: int
    max_batch_tokens: int
    max_client_batch_size: int
    auto_truncate: bool = True
    version: str = Field(description="Of anchorhold.")
    served_version: int
    dimensions: list[int]
    similarity: str
    default_prompt: str = "query"
    candidate_version: int | None = None
    index_version: int | None = Field(default=None, description="None: there is no index.")
    index_documents: int | None = None
    index_bridged: bool = False


class Ready(BaseModel):
    """The answer of `GET /ready`."""

    ready: bool = True
    version: int


class Health(BaseModel):
    """The answer of `GET /health`."""

    status: Literal["ok"] = "ok"


class Fault(BaseModel):
    """What was wrong, in the shape of OpenAI's errors."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class FaultAnswer(BaseModel):
    """Every answer with a status of 400 or more."""

    error: Fault
