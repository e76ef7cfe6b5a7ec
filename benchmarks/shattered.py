"""Whether the gain of a training is smaller where the tokenizer cuts new words into many pieces.

    python benchmarks/shattered.py STREAM --results FILE [--variant NAME ...]

FILE holds what `far.py run` measured on the stream. A word is new if neither the old pairs nor the
old corpora have it, and shattered if the tokenizer cuts it into three or more pieces.
"""

import argparse
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from far import VARIANTS, rows, stream_of, with_error
from streams import bundled_base

from training.encoding.words import words_of

SHATTERED = 3  # pieces
Word = tuple[str, int]


def main() -> None:
    """Print how known and new words are cut, and the gain by what words a query has."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stream", type=Path, metavar="STREAM")
    parser.add_argument("--results", type=Path, required=True, help="file that far.py wrote")
    parser.add_argument("--variant", action="append", choices=VARIANTS, help="repeatable")
    parser.add_argument("--fraction", type=float, default=1.0, help="share of the new pairs used")
    options = parser.parse_args()
    old, new = stream_of(options.stream, options.fraction)
    before = [text for pair in old.pairs for text in (pair.query, pair.positive)]
    before += [text for given in old.sets for text in given.corpus.values()]
    known = {word for text in in_words(before) for word, _ in text}
    asked = {
        (f"new/{given.name}", query): found
        for given in new.sets
        for query, found in zip(given.queries, in_words(list(given.queries.values())), strict=True)
    }
    taught = [text for pair in new.pairs for text in (pair.query, pair.positive)]
    for place, texts in (("queries", list(asked.values())), ("new pairs", in_words(taught))):
        every = [word for text in texts for word in text]
        show_pieces(f"known words of the {place}", [w for w in every if w[0] in known], len(every))
        show_pieces(
            f"new words of the {place}", [w for w in every if w[0] not in known], len(every)
        )
    groups: dict[str, list[tuple[str, str]]] = {"known words": [], "new": [], "shattered": []}
    for key, text in asked.items():
        fresh = [pieces for word, pieces in text if word not in known]
        group = "new" if fresh else "known words"
        groups["shattered" if max(fresh, default=0) >= SHATTERED else group].append(key)
    measured = [
        row
        for row in rows(options.results)
        if (row["stream"], row["fraction"]) == (options.stream.name, options.fraction)
    ]
    base = next(row["scores"] for row in measured if row["variant"] == "base")
    for name in options.variant or ["default", "plain"]:
        found = [row["scores"] for row in measured if row["variant"] == name]
        for group, keys in groups.items():
            if found and keys:
                start = statistics.fmean(base[task][query] for task, query in keys)
                gains = [
                    statistics.fmean(
                        scores[task][query] - base[task][query] for task, query in keys
                    )
                    for scores in found
                ]
                print(f"{name:26}{group:14}{len(keys):5} queries, base {start:.4f}, "
                      f"gain {with_error(gains)}")  # fmt: skip


def in_words(texts: Sequence[str]) -> list[list[Word]]:
    """Return the words of each text in lower case, with their number of pieces."""
    from transformers import AutoTokenizer

    cut = AutoTokenizer.from_pretrained(bundled_base()).backend_tokenizer
    cut.no_truncation()
    cut.no_padding()
    return [
        [(word.lower(), pieces) for word, pieces, _ in text if word.isalpha()]
        for text in words_of(cut, list(texts))
    ]


def show_pieces(name: str, words: Sequence[Word], of: int) -> None:
    """Print how many pieces some words have."""
    mean = statistics.fmean(pieces for _, pieces in words) if words else math.nan
    many = sum(pieces >= SHATTERED for _, pieces in words)
    print(f"{name}: {len(words)} of {of}, {mean:.2f} pieces each, {many} shattered")


if __name__ == "__main__":
    main()
