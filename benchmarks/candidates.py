"""Real candidates for the benchmarks of the gate: what each finds on a stream, kept in files.

    python benchmarks/candidates.py STREAM ... --into FOLDER [--seeds 0] [--fraction 0.5]
    python benchmarks/candidates.py STREAM ... --into FOLDER --half FOLDER   # and in bfloat16
    python benchmarks/candidates.py STREAM ... --into FOLDER --known         # and known items

STREAM is a folder as described in streams.py. For each seed, the bundled MiniLM is trained three
times on new pairs: with as many old ones (`replay`), without (`naive`, at twice the learning rate),
and on new pairs whose answers are dealt out anew (`shuffled`: labels that are wrong). The
candidates are these models, blends of each with the base, the base centred on its queries, and the
base with its vectors cut. Per stream, set and model, a file `<stream>/<set>/<model>.npz` holds
what the model finds: the similarity of each query with each document. What exists is not computed
again. `--half` names a second such folder, for what the same models find in bfloat16. `--known`
adds to each set that of its known items: documents of its corpus, asked for by parts of themselves.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from streams import Phase, bundled_base, read_stream

from training import Encoder, EvaluationSet, FineTune, Mix, Pair
from training.acceleration import keep_freed_memory
from training.encoding import NumberFormat, fetch_base
from training.pairs import Mixture
from training.retention.merge import interpolate
from training.unlabelled import Centre, Corpus, Document, KnownItems

BLENDS = {"replay": (0.3, 0.6), "naive": (0.25, 0.5, 0.75), "shuffled": (0.1, 0.2, 0.3, 0.5)}
CUTS = (256, 192, 128)
KNOWN = "known-"
"""Prefix of the sets of known items."""
MAX_LENGTH = 128


@dataclass(frozen=True)
class Found:
    """What one model finds for the queries of one set.

    Attributes
    ----------
    similarities
        (queries, documents), both in the order of their ids.
    grades
        (queries, documents): the grade of each document; 0: it does not answer the query.
    """

    similarities: NDArray[np.float32]
    grades: NDArray[np.int8]


def read_found(folder: Path) -> dict[str, dict[str, Found]]:
    """Return set -> model -> what it finds, of one stream."""
    found: dict[str, dict[str, Found]] = {}
    for file in sorted(folder.glob("*/*.npz")):
        if file.stem == "grades":
            continue
        with np.load(file.with_name("grades.npz")) as kept:
            grades = kept["grades"]
        with np.load(file) as kept:
            found.setdefault(file.parent.name, {})[file.stem] = Found(kept["similarities"], grades)
    return found


def trainings(phases: Sequence[Phase], seed: int) -> Iterator[tuple[str, FineTune, Mixture]]:
    """Yield name, worker and mix of each training."""
    old, new = phases
    recent = new.pairs
    order = np.random.default_rng(seed).permutation(len(recent))
    wrong = [
        Pair(pair.id, pair.query, recent[other].positive, source=pair.source)
        for pair, other in zip(recent, order.tolist(), strict=True)
    ]
    alone = Mix(share=0.0, seed=seed)
    yield "replay", FineTune(seed=seed), Mix(share=0.5, seed=seed).draw(recent, old.pairs)
    plain = FineTune(seed=seed, distillation=0.0, epochs=1)
    fast = FineTune(seed=seed, distillation=0.0, learning_rate=1e-4)
    yield "naive", fast, alone.draw(recent, [])
    yield "shuffled", plain, alone.draw(wrong, [])


def models(
    base: Path, phases: Sequence[Phase], seeds: Sequence[int], work: Path
) -> Iterator[tuple[str, Path, int | None]]:
    """Yield name, folder and length of the vectors (None: whole) of each model."""
    yield "base", base, None
    for length in CUTS:
        yield f"cut-{length}", base, length
    queries = sorted({pair.query for phase in phases for pair in phase.pairs})
    vectors = Encoder.load(base, max_length=MAX_LENGTH, cache=work / "cache").encode(queries)
    yield "centred", Centre().make(base, vectors, work / "centred").folder or base, None
    for seed in seeds:
        for name, finetune, mixture in trainings(phases, seed):
            trained = finetune.fit(
                base,
                mixture,
                output=work / f"{name}-{seed}",
                checkpoints=work / f"{name}-{seed}-checkpoints",
                max_length=MAX_LENGTH,
                cache=work / "cache",
            ).folder
            yield f"{name}-{seed}", trained, None
            for share in BLENDS[name]:
                place = work / f"{name}-{seed}-{share:g}"
                yield (
                    f"{name}-{seed}-{share:g}",
                    interpolate(base, trained, share, output=place),
                    None,
                )


def search(
    folder: Path,
    given: EvaluationSet,
    length: int | None,
    cache: Path,
    precision: NumberFormat = "float32",
) -> NDArray[np.float32]:
    """Return the similarity of each query with each document, (queries, documents)."""
    encoder = Encoder.load(folder, max_length=MAX_LENGTH, cache=cache, precision=precision)
    queries = encoder.encode([given.queries[each] for each in sorted(given.queries)])
    documents = encoder.encode(
        [given.corpus[each] for each in sorted(given.corpus)], kind="document"
    )
    ready = encoder.similarity.ready
    return encoder.similarity.between(ready(queries, length), ready(documents, length))


def grades(given: EvaluationSet) -> NDArray[np.int8]:
    """Return the grades of a set, (queries, documents)."""
    place = {document: at for at, document in enumerate(sorted(given.corpus))}
    found = np.zeros((len(given.queries), len(place)), np.int8)
    for row, query in enumerate(sorted(given.queries)):
        for document, grade in given.relevant.get(query, {}).items():
            found[row, place[document]] = grade
    return found


def known_items(given: EvaluationSet) -> Iterator[EvaluationSet]:
    """Yield the set of known items of a corpus, if its documents are long enough for one."""
    corpus = Corpus(Document(name, text) for name, text in given.corpus.items())
    made = KnownItems(share=0.5).make(corpus, sorted(given.queries.values()))
    print(f"{given.name}: known items: {made.reason}", flush=True)
    if made.task is not None:
        yield replace(made.task, name=f"{KNOWN}{given.name}")


def collect(
    stream: Path,
    places: Mapping[NumberFormat, Path],
    seeds: Sequence[int],
    fraction: float,
    sets: Sequence[str],
    *,
    known: bool,
) -> None:
    """Train and score all candidates of one stream, in each number format, kept in files."""
    phases = read_stream(stream, fraction)
    chosen = [given for phase in phases for given in phase.sets if not sets or given.name in sets]
    if known:
        chosen += [items for given in chosen for items in known_items(given)]
    for given, into in itertools.product(chosen, places.values()):
        place = into / stream.name / given.name
        place.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(place / "grades.npz", grades=grades(given))
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="candidates-") as held:
        work = Path(held)
        base = fetch_base(bundled_base(), work / "base", MAX_LENGTH)
        for name, folder, length in models(base, phases, seeds, work):
            for given, (precision, into) in itertools.product(chosen, places.items()):
                file = into / stream.name / given.name / f"{name}.npz"
                if not file.exists():
                    found = search(folder, given, length, work / "cache", precision)
                    np.savez(file, similarities=found)
            print(f"{stream.name}: {name}, {time.perf_counter() - began:.0f} s", flush=True)


def main() -> None:
    """Collect the candidates of each stream."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("streams", type=Path, nargs="+", metavar="STREAM")
    parser.add_argument("--into", type=Path, required=True, help="folder of the files")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--fraction", type=float, default=0.5, help="share of the pairs to use")
    parser.add_argument("--sets", nargs="+", default=[], help="evaluation sets (default: all)")
    parser.add_argument("--half", type=Path, help="folder of what they find in bfloat16")
    parser.add_argument("--known", action="store_true", help="sets of known items, too")
    options = parser.parse_args()
    keep_freed_memory()
    places: dict[NumberFormat, Path] = {"float32": options.into}
    if options.half:
        places["bfloat16"] = options.half
    for stream in options.streams:
        collect(stream, places, options.seeds, options.fraction, options.sets, known=options.known)
    print(json.dumps({"streams": len(options.streams)}))


if __name__ == "__main__":
    main()
