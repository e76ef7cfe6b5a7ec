"""The loss: contrast with false negatives masked, and distillation from the champion."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from sentence_transformers.base.losses.gradcache import CachedLossMixin
from sentence_transformers.base.losses.merged_forward import merge_feature_batches
from torch import Tensor, nn

from training.distributed import whole_batch
from training.pairs import LabelledTexts
from training.retention import Hold

# Padding up to which one pass over all columns is cheaper than a pass for each: a further pass
# costs about a fifth of a step on short texts (six layers, CPU).
_PADDING = 1.2
_SHORTEST = 1e-12


class AnchoredContrastiveLoss(CachedLossMixin, nn.Module):
    """In-batch contrast with false negatives masked, and distillation from the champion.

    Contrast (InfoNCE, van den Oord et al. 2018) pulls each query to its positive and pushes it away
    from the other documents of the batch. Two kinds of documents are masked: those that answer the
    query by the labels, and those that the champion scores above the positive minus
    `false_negative_margin`. GISTEmbed (Solatorio 2024) does the latter by a guide's forward pass;
    here the champion's embeddings are computed once. Texts are compared by the similarity that the
    model declares. `distillation` weighs 1 - cosine(embedding now, the champion's) of the rows to
    hold (DER++, Buzzega et al. 2020), or, if the similarity depends on the length of vectors, half
    of their squared distance relative to the champion's squared length. Like contrast it is a mean
    over the rows of the batch, so that a row counts the same however many rows are held beside it.

    At several lengths of the vectors both terms are the sum of those of each length, as
    `MatryoshkaLoss` (Kusupati et al. 2022) sums them. That class wraps losses without terms and
    makes unit vectors whatever the similarity; here the champion's embeddings are cut as well.

    The columns are (query, positive) or (query, positive, negative). The label is the number of the
    row in the training set.

    Parameters
    ----------
    model
        The model that is trained.
    texts
        What the labels say about the texts of the training set.
    hold
        Which rows are held, the champion's embeddings, the similarity and the lengths; without
        embeddings nothing is masked by the champion and nothing distilled.
    scale
        Factor on similarities, in their usual size, before the softmax.
    false_negative_margin
        Margin of the champion's mask, in the usual size of a similarity; None: no such mask.
    distillation
        Weight of the distillation.
    packs
        Whether the model packs its texts, so that columns of different lengths need no padding.
    mini_batch_size
        Rows whose activations are in memory at once; the gradients of the others wait as gradients
        of their embeddings (GradCache, Gao et al. 2021). None: the whole batch.
    """

    def __init__(
        self,
        model: nn.Module,
        texts: LabelledTexts,
        hold: Hold,
        *,
        scale: float,
        false_negative_margin: float | None,
        distillation: float,
        packs: bool = False,
        mini_batch_size: int | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self._texts = texts
        self._champion = [torch.from_numpy(column) for column in hold.columns]
        self._held = torch.from_numpy(hold.rows)
        self._similarity = hold.similarity.name
        self._sizes = dict(hold.sizes)
        self._scale = scale
        self._margin = false_negative_margin
        self._distillation = distillation
        self._packs = packs
        self.uses_gradient_cache = mini_batch_size is not None
        self.mini_batch_size = mini_batch_size or len(hold.rows)

    def forward(
        self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor
    ) -> dict[str, Tensor] | Tensor:
        """Return the two terms, weighted; with mini-batches their sum."""
        if self.uses_gradient_cache:
            return self.forward_cached(sentence_features, labels)
        return self._terms(self._embed(list(sentence_features)), labels)

    def calculate_loss(
        self, reps: list[list[Tensor]], labels: Tensor | None = None, *, with_backward: bool = False
    ) -> Tensor:
        """Return the sum of the terms, from the embeddings of each column in mini-batches.

        Raises
        ------
        ValueError
            There are no labels, which tell the rows apart.
        """
        if labels is None:
            raise ValueError("labels is None; it must hold the numbers of the rows")
        columns = [torch.cat(mini_batches) for mini_batches in reps]
        loss = torch.stack(list(self._terms(columns, labels).values())).sum()
        if with_backward:
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.detach()
        return loss

    def _terms(self, columns: Sequence[Tensor], labels: Tensor) -> dict[str, Tensor]:
        # The loss itself is computed in float32, whatever autocast does within the model.
        sizes = self._sizes or {columns[0].shape[1]: 1.0}
        whole = next(iter(sizes))
        embeddings = [self._cut(column.float(), whole, ready=False) for column in columns]
        embeddings, labels = whole_batch(self.model, embeddings, labels)
        masked = self._mask(labels.tolist(), len(embeddings) == 3).to(embeddings[0].device)
        distils = bool(self._champion) and self._distillation > 0
        found: dict[str, list[Tensor]] = {
            "contrastive": [],
            **({"distillation": []} if distils else {}),
        }
        for length, size in sizes.items():
            cut = [self._cut(column, length) for column in embeddings]
            found["contrastive"].append(self._contrast(cut, masked, self._scale / size))
            if distils:
                moved = self._distillation * self._movement(cut, labels)
                found["distillation"].append(moved)
        return {name: torch.stack(each).sum() for name, each in found.items()}

    def _cut(self, vectors: Tensor, length: int, *, ready: bool = True) -> Tensor:
        """Return vectors cut to a length, unit vectors for the cosine.

        Parameters
        ----------
        ready
            Whether vectors that have this length already are as they should be.
        """
        if vectors.shape[1] > length:
            vectors = vectors[:, :length]
        elif ready:
            return vectors
        return nn.functional.normalize(vectors, dim=1) if self._similarity == "cosine" else vectors

    def _embed(self, columns: list[dict[str, Any]]) -> list[Tensor]:
        """Return the embeddings of each column, (texts, dimensions).

        One pass over all columns is cheaper than a pass for each: the gradient of the word
        embeddings alone is as large as their table, whatever the batch.
        """
        alike = self._packs or _alike_in_length(columns)
        joined = merge_feature_batches(columns) if alike else None
        if joined is None:
            return [self.model(features)["sentence_embedding"] for features in columns]
        embeddings: Tensor = self.model(joined)["sentence_embedding"]
        return list(embeddings.chunk(len(columns)))

    def _contrast(self, embeddings: Sequence[Tensor], masked: Tensor, scale: float) -> Tensor:
        queries, documents = embeddings[0], torch.cat(list(embeddings[1:]))
        similarities = self._between(queries, documents)
        own = torch.arange(len(queries), device=similarities.device)
        logits = (scale * similarities).masked_fill(masked, -torch.inf)
        return nn.functional.cross_entropy(logits, own)

    def _between(self, queries: Tensor, documents: Tensor) -> Tensor:
        """Return (queries, documents): the similarities, as `Similarity.between`."""
        if self._similarity in ("cosine", "dot"):
            return queries @ documents.T
        return -torch.cdist(queries, documents, p=2.0 if self._similarity == "euclidean" else 1.0)

    def _mask(self, rows: list[int], with_negatives: bool) -> Tensor:
        documents = [self._texts.positives[row] for row in rows]
        if with_negatives:
            # Rows without a negative have an empty text there, which is no query's negative.
            documents += [self._texts.negatives[row] for row in rows]
        masked = torch.from_numpy(self._texts.answers(rows, documents))
        masked |= torch.tensor([not document for document in documents])
        if self._champion and self._margin is not None:
            columns = [column[rows] for column in self._champion]
            similarities = self._between(columns[0], torch.cat(columns[1:]))
            margin = self._margin * next(iter(self._sizes.values()), 1.0)
            masked |= similarities > similarities.diagonal().unsqueeze(1) - margin
            if with_negatives:
                # A negative that was labelled by hand stays one, whatever its score.
                own = torch.arange(len(rows))
                masked[own, own + len(rows)] = torch.tensor(
                    [not document for document in documents[len(rows) :]]
                )
        masked.fill_diagonal_(False)
        return masked

    def _movement(self, embeddings: Sequence[Tensor], labels: Tensor) -> Tensor:
        held = self._held.to(labels.device)[labels]
        if not bool(held.any()):
            return embeddings[0].sum() * 0.0
        rows = labels.cpu()
        length = embeddings[0].shape[1]
        moved = [
            self._distance(now, self._cut(column[rows], length).to(now.device))
            for now, column in zip(embeddings[:2], self._champion, strict=False)
        ]
        return torch.stack([column[held].sum() / len(held) for column in moved]).mean()

    def _distance(self, now: Tensor, before: Tensor) -> Tensor:
        """Return (rows,): how far embeddings moved; the two measures agree for unit vectors."""
        if self._similarity == "cosine":
            return 1.0 - (now * before).sum(dim=1)
        squares = before.square().sum(dim=1).clamp_min(_SHORTEST)
        return 0.5 * (now - before).square().sum(dim=1) / squares


def _alike_in_length(columns: Sequence[dict[str, Any]]) -> bool:
    """Return whether padding columns to one length costs less than a pass for each."""
    shapes = [
        features["input_ids"].shape
        for features in columns
        if isinstance(features.get("input_ids"), Tensor) and features["input_ids"].ndim == 2
    ]
    if len(shapes) < len(columns):
        return False
    length = max(shape[1] for shape in shapes)
    padded = length * sum(shape[0] for shape in shapes)
    return bool(padded <= _PADDING * sum(rows * tokens for rows, tokens in shapes))
