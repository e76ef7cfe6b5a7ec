"""Words as a tokenizer cuts them: how many pieces each has, and whether one is unknown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from training.faults import DataFault

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer


def words_of(tokenizer: Any, texts: Sequence[str]) -> tuple[tuple[tuple[str, int, bool], ...], ...]:
    """Return the words of each text as (word, number of pieces, whether a piece is unknown).

    Parameters
    ----------
    tokenizer
        A tokenizer of the library `tokenizers`, without truncation.
    texts
        What to cut.
    """
    unknown = _unknown_token(tokenizer)
    encodings = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return tuple(
        _words_of(text, encoding, unknown) for text, encoding in zip(texts, encodings, strict=True)
    )


def _unknown_token(tokenizer: Any) -> str | None:
    token = getattr(tokenizer.model, "unk_token", None)
    if token is None and (place := getattr(tokenizer.model, "unk_id", None)) is not None:
        token = tokenizer.id_to_token(place)
    return token


def _words_of(text: str, encoding: Any, unknown: str | None) -> tuple[tuple[str, int, bool], ...]:
    words: list[tuple[int, int, int, int, bool]] = []  # word, start, end, pieces, unknown
    for word, (start, end), token in zip(
        encoding.word_ids, encoding.offsets, encoding.tokens, strict=True
    ):
        if word is None:
            continue
        if words and words[-1][0] == word:
            _, first, _, pieces, had_unknown = words[-1]
            words[-1] = (word, first, end, pieces + 1, had_unknown or token == unknown)
        else:
            words.append((word, start, end, 1, token == unknown))
    return tuple(
        (text[start:end].strip(), pieces, has_unknown)
        for _, start, end, pieces, has_unknown in words
    )


def whole_tokenizer(model: "SentenceTransformer") -> "Tokenizer":
    """Return a copy of a model's tokenizer that cuts and pads nothing.

    Raises
    ------
    DataFault
        It is not a fast one.
    """
    from tokenizers import Tokenizer

    tokenizer = model.tokenizer
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not isinstance(backend, Tokenizer):
        raise DataFault(f"tokenizer {type(tokenizer).__name__} is slow; words need a fast one")
    whole = Tokenizer.from_str(backend.to_str())
    whole.no_truncation()
    whole.no_padding()
    return whole
