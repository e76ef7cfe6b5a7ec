"""The one door of acceleration: a model that trains faster and learns the same."""

import ctypes
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


Trick = Literal["packing", "attention", "dropout", "used tokens"]
"""One way to train faster; `benchmarks/acceleration.py` measures each of them alone."""

TRICKS: frozenset[Trick] = frozenset(get_args(Trick))
"""All of them."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h
_LARGEST = 2**30


class Prepared:
    """A model prepared to train faster on a CPU.

    Attributes
    ----------
    packing
        How the model reads packed texts; None if it has them padded.

    Parameters
    ----------
    model
        The model that is trained; it is changed in place. What is saved of it does not change.
    texts
        The training texts. Some are tried, to see whether the model can read them packed.
    tricks
        Which tricks to use where the model allows them; packing needs `attention` too. None of
        them: the model is trained as it is.
    compiles
        Whether matrix products are compiled for each shape, as those in bfloat16 are; then packed
        texts are filled up to few lengths.
    """

    def __init__(
        self,
        model: "SentenceTransformer",
        texts: Sequence[str],
        tricks: Collection[Trick] = TRICKS,
        *,
        compiles: bool = False,
    ) -> None:
        from training.acceleration.attention import use_own_attention
        from training.acceleration.dropout import use_byte_dropout
        from training.acceleration.packing import Packing

        self._model = model
        self._tricks = tricks
        self.packing: Packing | None = None
        if "dropout" in tricks:
            use_byte_dropout(model)
        if "attention" in tricks and use_own_attention(model) and "packing" in tricks:
            packing = Packing.of(model, texts)
            self.packing = packing and replace(packing, fills=compiles)

    @contextmanager
    def training(self, batches: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[None]:
        """Train the prepared model within this context; after it the model is whole again.

        Parameters
        ----------
        batches
            The tokenised columns of each batch: all texts that the model will be shown.
        """
        from training.acceleration.used_tokens import UsedTokens

        with ExitStack() as stack:
            if "used tokens" in self._tricks:
                used = UsedTokens.replace(self._model, batches)
                if used is not None:
                    stack.callback(used.give_back, self._model)
            if self.packing is not None:
                stack.enter_context(self.packing.packed(self._model))
            yield


def keep_freed_memory() -> None:
    """Let the C library keep freed memory for the next training step, if it is glibc.

    By default glibc returns every large block to the system and requests it again, page by page
    and zeroed, at the next step: each step frees and takes the same gigabytes. The change holds for
    the rest of the process, whose memory stays at its peak. So a library must not make it: the
    command line and the processes of a training call this for themselves. See mallopt(3).
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # other C libraries have none
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
