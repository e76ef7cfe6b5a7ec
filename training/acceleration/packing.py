"""Packing: the texts of a batch one after another, so that no time is spent on padding.

sentence-transformers packs texts for flash attention, on GPUs. The names by which it tells where
packed texts begin and end are used here too, so that its pooling understands them.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Transformer
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Layout", "Packing", "text_parts"]

logger = logging.getLogger(__name__)

Features = Mapping[str, Any]
"""A tokenised column of a batch: input_ids and attention_mask (texts, tokens), and the rest."""

# The cost of one more group, in places (pairs of a token and one that it attends to): six layers of
# twelve heads on two cores take the time of some 70,000 places for it.
_GROUP = 2**16
_FINEST = 16  # tokens: tiles of matrix units have sixteen rows
_CLOSE = 1e-4  # share of the largest number in an embedding; rounding differs by some 1e-6
_TRIED = 8  # texts


@dataclass(frozen=True)
class Layout:
    """Where the tokens of packed texts lie when attention pads texts of similar length together.

    Attributes
    ----------
    groups
        (texts, tokens) of each group.
    masks
        (texts, 1, 1, tokens) of each group, true at tokens; None: no padding in the group.
    tokens
        (texts, tokens) of each group: the number of the packed token, `count` at padding.
    count
        Number of packed tokens.
    """

    groups: tuple[tuple[int, int], ...]
    masks: tuple[Tensor | None, ...]
    tokens: tuple[NDArray[np.int64], ...]
    count: int
    _moves: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, lengths: Sequence[int]) -> "Layout":
        """Group texts by their numbers of tokens.

        Examples
        --------
        >>> layout = Layout.of([2, 512, 3])
        >>> layout.groups, layout.tokens[1].tolist()
        (((1, 512), (2, 3)), [[514, 515, 516], [0, 1, 517]])
        """
        sizes = np.asarray(lengths)
        ends = np.cumsum(sizes)
        order = np.argsort(-sizes, kind="stable")
        groups, masks, tokens = [], [], []
        for texts in _groups(order, sizes):
            places = np.arange(sizes[texts].max())
            own = places < sizes[texts, None]
            tokens.append(np.where(own, (ends - sizes)[texts, None] + places, ends[-1]))
            groups.append((len(texts), len(places)))
            masks.append(None if own.all() else torch.from_numpy(own)[:, None, None])
        return cls(tuple(groups), tuple(masks), tuple(tokens), int(ends[-1]))

    def padded(
        self, columns: Sequence[Tensor]
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor | None]]:
        """Yield each group of query, key and value, (texts, heads, tokens, width), and its mask.

        Parameters
        ----------
        columns
            Query, key and value of the packed tokens, each (tokens, heads, width).
        """
        heads = columns[0].shape[1]
        there, back = self._rows(heads)
        spread = [_moved(column.flatten(0, 1), there, back) for column in columns]
        start = 0
        for (texts, tokens), mask in zip(self.groups, self.masks, strict=True):
            end = start + texts * heads * tokens
            query, key, value = (rows[start:end].view(texts, heads, tokens, -1) for rows in spread)
            yield query, key, value, mask
            start = end

    def packed(self, groups: Sequence[Tensor]) -> Tensor:
        """Return the tokens of padded groups, each (texts, heads, tokens, width), in their order.

        Returns
        -------
        Tensor
            (tokens, heads, width).
        """
        heads = groups[0].shape[1]
        there, back = self._rows(heads)
        rows = _moved(torch.cat([group.flatten(0, 2) for group in groups]), back, there)
        return rows.view(-1, heads, rows.shape[1])

    def _rows(self, heads: int) -> tuple[Tensor, Tensor]:
        """Return the packed row of each padded row, and back; a row is one token in one head."""
        if heads not in self._moves:
            total = heads * self.count
            each = np.arange(heads)[:, None]
            rows = [(group[:, None] * heads + each).ravel() for group in self.tokens]
            there = np.minimum(np.concatenate(rows), total)
            back = np.empty(total, dtype=np.int64)
            taken = there < total
            back[there[taken]] = np.flatnonzero(taken)
            self._moves[heads] = torch.from_numpy(there), torch.from_numpy(back)
        return self._moves[heads]


def _groups(order: NDArray[np.int64], sizes: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Divide texts, sorted by falling length, wherever that saves more than a group costs."""
    squares = np.square(sizes[order])
    saved = np.arange(len(order), 0, -1) * (squares[0] - squares)
    place = int(saved.argmax())
    if saved[place] <= _GROUP:
        return [order]
    return [*_groups(order[:place], sizes), *_groups(order[place:], sizes)]


class _Moved(torch.autograd.Function):
    """Rows taken by number, zero for the number after the last; gradients by the way back."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, there: Tensor, back: Tensor) -> Tensor:
        ctx.back = back
        return _rows(rows, there)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _rows(gradient, ctx.back), None, None


def _moved(rows: Tensor, there: Tensor, back: Tensor) -> Tensor:
    moved: Tensor = _Moved.apply(rows, there, back)  # type: ignore[no-untyped-call]
    return moved


def _rows(rows: Tensor, numbers: Tensor) -> Tensor:
    return functional.pad(rows, (0, 0, 0, 1)).index_select(0, numbers)


@dataclass(frozen=True)
class Packing:
    """How a model reads packed texts.

    Attributes
    ----------
    first_position
        Position number of the first token of a text.
    fills
        Whether packed texts are filled up to few lengths: where products are compiled for each
        shape, as those in bfloat16 are.
    """

    first_position: int = 0
    fills: bool = False

    @classmethod
    def of(cls, model: SentenceTransformer, texts: Sequence[str]) -> "Packing | None":
        """Return how a model reads packed texts; None if its embeddings of them differ.

        That is tried with some of the longest and the shortest texts: architectures differ in their
        use of positions, masks and windows.
        """
        packing = cls(_first_position(model))
        by_length = sorted(texts, key=len)
        some = [*by_length[: _TRIED // 2], *by_length[-_TRIED // 2 :]]
        features = dict(model.preprocess(some))
        packed = packing.pack(features)
        if "cu_seq_lens_q" not in packed:
            return None
        training = model.training
        model.eval()
        try:
            with torch.no_grad():
                expected = model(features)["sentence_embedding"]
                found = model(packed)["sentence_embedding"]
        except (IndexError, RuntimeError, TypeError, ValueError) as fault:
            logger.debug("texts are padded: %s", fault)
            return None
        finally:
            model.train(training)
        if found.shape != expected.shape:
            return None
        close = float((found - expected).abs().max()) <= _CLOSE * float(expected.abs().max())
        return packing if close else None

    def pack(self, features: Features) -> dict[str, Any]:
        """Return the texts of a column packed, in the layout of sentence-transformers.

        A column that is packed already, or does not hold padded tokens, is returned as it is.
        """
        present = features.get("attention_mask")
        if "cu_seq_lens_q" in features or not isinstance(present, Tensor) or present.ndim != 2:
            return dict(features)
        by_token = {
            name: value
            for name, value in features.items()
            if isinstance(value, Tensor) and value.shape == present.shape
        }
        if "input_ids" not in by_token or not bool(present[:, 0].all()):
            return dict(features)
        taken = present.bool()
        lengths = taken.sum(dim=1)
        packed = {
            **features,
            **{name: value[taken].unsqueeze(0) for name, value in by_token.items()},
            "position_ids": self.first_position
            + torch.arange(present.shape[1]).expand_as(present)[taken].unsqueeze(0),
            "cu_seq_lens_q": functional.pad(lengths.cumsum(0), (1, 0)),
            "packing": Layout.of(lengths.tolist()),
        }
        del packed["attention_mask"]
        return packed

    def ready(self, features: Features) -> dict[str, Any]:
        """Return the texts of a column packed, and filled up if `fills` says so."""
        packed = self.pack(features)
        return filled(packed) if self.fills else packed

    @contextmanager
    def packed(self, model: SentenceTransformer) -> Iterator[None]:
        """Pack everything that goes through the model."""

        def before(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
            return (self.ready(given[0]), *given[1:])

        def after(_: nn.Module, given: tuple[Any, ...], features: Any) -> Any:
            states = features.get("token_embeddings")
            ends = features.get("cu_seq_lens_q")
            if ends is None or states is None:
                return features
            return {**features, "token_embeddings": states[:, : int(ends[-1])]}

        parts = [part for part in model.modules() if isinstance(part, Transformer)]
        hooks = [model.register_forward_pre_hook(before)]
        hooks += [part.register_forward_hook(after) for part in parts]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def filled_length(tokens: int) -> int:
    """Return to how many tokens packed texts are filled: one of sixteen lengths per doubling.

    A matrix product in bfloat16 is compiled for each new shape, which takes longer than the product
    itself, and oneDNN keeps what it compiled for its last thousand shapes: a gigabyte.

    Examples
    --------
    >>> [filled_length(tokens) for tokens in (5, 800, 4097)]
    [16, 800, 4352]
    """
    step = max(_FINEST, 1 << max((tokens - 1).bit_length() - 5, 0))
    return -(-tokens // step) * step


def filled(features: Features) -> dict[str, Any]:
    """Fill up a packed column with tokens that belong to no text, to a length that comes often.

    Whatever reads the column by its texts does not see them; see `text_parts`. A column that is
    not packed is returned as it is.
    """
    layout = features.get("packing")
    if layout is None:
        return dict(features)
    more = filled_length(layout.count) - layout.count
    if not more:
        return dict(features)
    lengths = features["cu_seq_lens_q"].diff().tolist()
    longest = max(lengths)
    rest = [more % longest] if more % longest else []
    return {
        **{
            # The first tokens of the column, because all of them are in the table of used tokens.
            name: torch.cat([value, value[:, :1].expand(-1, more)], dim=1)
            if isinstance(value, Tensor) and value.shape == (1, layout.count)
            else value
            for name, value in features.items()
        },
        "packing": Layout.of([*lengths, *[longest] * (more // longest), *rest]),
    }


def text_parts(features: Features, states: Tensor) -> list[Tensor]:
    """Return the part of each text, of something with a value or a row per token.

    Parameters
    ----------
    features
        The column, padded or packed.
    states
        (texts, tokens, …) of a padded column, (1, tokens, …) of a packed one.
    """
    ends = features.get("cu_seq_lens_q")
    if ends is not None:
        return list(torch.split(states[0, : int(ends[-1])], ends.diff().tolist()))
    present = features["attention_mask"].bool()
    return [row[tokens] for row, tokens in zip(states, present, strict=True)]


def _first_position(model: SentenceTransformer) -> int:
    """Return the first position number of the model: the one after padding's, if it has one."""
    for name, part in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(part, nn.Embedding):
            return 0 if part.padding_idx is None else part.padding_idx + 1
    return 0
