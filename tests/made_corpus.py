"""A made-up corpus and served log for tests: documents about topics, and questions about them."""

from collections.abc import Sequence

import numpy as np

from training.unlabelled import Document, ServedQuery

_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))


def documents(words: Sequence[str], count: int, seed: int = 0) -> list[Document]:
    """Return documents about the words given; a number is what title and text share."""
    random = np.random.default_rng(seed)
    made = []
    for number in random.permutation(9000)[:count] + 1000:
        first, second = random.choice(words, 2, replace=False)
        # Words of its own: no document nearly repeats another.
        rest = " ".join("".join(random.choice(_LETTERS, 4)) for _ in range(8))
        made.append(
            Document(
                f"{words[0]}-{number}",
                f"How the {second} {number} is gone. The {rest} of the {first} {number}.",
                title=f"my {first} {second} {number}",
            )
        )
    return made


def log_of(corpus: Sequence[Document], seed: int = 0) -> list[ServedQuery]:
    """Return a question about each of the documents, without an answer or a click."""
    random = np.random.default_rng(seed)
    return [
        ServedQuery(
            f"where is {document.title.removeprefix('my ')}",
            id=f"line-{seed}-{row}",
            session=f"s{row}",
            timestamp=1_700_000_000.0 + 60.0 * row,
        )
        for row, document in enumerate(corpus[place] for place in random.permutation(len(corpus)))
    ]
