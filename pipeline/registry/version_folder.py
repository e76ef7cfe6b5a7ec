"""The folder of a version: everything that a rollback must restore, in one place."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from pipeline.store import Traffic
from training.evaluation import EvaluationSet, Scorecard
from training.faults import DataFault
from training.pairs import Pair, read_memory, write_memory
from training.whole_files import folder_written


@dataclass(frozen=True)
class Facts:
    """What identifies a version besides its weights.

    Attributes
    ----------
    cycle
        The cycle that made it.
    parent
        The version it was trained from; None for the first.
    cut
        Sequence number up to which the stored data is learned.
    fingerprint
        Identity of its embedding space.
    tokenizer
        Identity of its tokenizer.
    learned_at
        Seconds since the epoch at which its cycle began.
    max_length
        Tokens after which it cuts a text; None where that was not recorded.
    precision
        Number format in which it encodes.
    known
        Sequence number up to which texts are in its reference though labelled pairs before them
        wait after the cut; 0 where there are none.
    passed_over
        Pairs before the cut that neither it nor a version before it learned from: more had waited
        than a cycle uses.
    held_back
        Sequence numbers of pairs before the cut that a screen held back and no version before it
        learned.
    """

    cycle: str
    parent: int | None
    cut: int
    fingerprint: str
    tokenizer: str
    learned_at: float
    max_length: int | None = None
    known: int = 0
    passed_over: int = 0
    precision: str = "float32"
    held_back: tuple[int, ...] = ()


@dataclass(frozen=True)
class VersionFolder:
    """Layout of a version on disk: model, memory, reference, learned anchor sets, scorecard, facts.

    Examples
    --------
    >>> VersionFolder(Path("somewhere")).model.name
    'model'
    """

    path: Path

    @property
    def model(self) -> Path:
        """The plain sentence-transformers folder."""
        return self.path / "model"

    def facts(self) -> Facts:
        """Return cycle, parent, cut, identities and time of learning.

        Raises
        ------
        DataFault
            A newer anchorhold wrote them; what it says of the version must not be passed over.
        """
        file = self.path / "version.json"
        values = json.loads(file.read_text(encoding="utf-8"))
        unknown = sorted({*values} - {each.name for each in fields(Facts)})
        if unknown:
            raise DataFault(
                f"{file} says {', '.join(unknown)}, which this anchorhold does not know: a newer "
                "one made the version; use that one, or restore a backup from before the upgrade"
            )
        return Facts(**{**values, "held_back": tuple(values.get("held_back", ()))})

    def memory(self) -> list[Pair]:
        """Return the pairs that may be replayed."""
        return read_memory(self.path / "memory")

    def reference(self) -> list[Traffic]:
        """Return the texts that the version was accepted with."""
        table = parquet.read_table(self.path / "reference" / "texts.parquet")
        return [Traffic(**row) for row in table.to_pylist()]

    def probes(self) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Return the stored probe texts and where the version's space put them."""
        table = parquet.read_table(self.path / "reference" / "probes.parquet")
        vectors = np.array(table["vector"].to_pylist(), dtype=np.float32)
        return tuple(table["text"].to_pylist()), vectors

    def dimension(self) -> int | None:
        """Return the length of the model's embeddings; None where no probe was stored."""
        vectors = self.probes()[1]
        return vectors.shape[1] if len(vectors) else None

    def learned_anchors(self) -> list[EvaluationSet]:
        """Return the anchor sets of the tasks that earlier promotions learned, oldest first."""
        folders = sorted((self.path / "anchors").glob("*"))
        return [EvaluationSet.from_folder(f"anchor/{each.name}", each) for each in folders]

    def scorecard(self) -> Scorecard:
        """Return the scores that the version was judged by."""
        value = json.loads(self.scorecard_file.read_text(encoding="utf-8"))
        return Scorecard.from_json(value, self.facts().precision)

    def write_scorecard(self, scorecard: Scorecard) -> None:
        """Write the scores that the version was judged by."""
        _write_json(self.scorecard_file, scorecard.to_json())

    @property
    def scorecard_file(self) -> Path:
        """Path of the scorecard."""
        return self.path / "scorecard.json"

    @classmethod
    def write(
        cls,
        path: Path,
        *,
        model: Path,
        facts: Facts,
        memory: Sequence[Pair],
        reference: Sequence[Traffic],
        probes: tuple[Sequence[str], NDArray[np.float32]],
        learned_anchors: Sequence[EvaluationSet],
        scorecard: Scorecard,
    ) -> Self:
        """Write a version so that it is whole or not there, also when the process is killed.

        Raises
        ------
        DataFault
            The model's folder is missing.
        """
        if not model.is_dir():
            raise DataFault(f"{model}: the model of the version is missing; it must be a folder")
        with folder_written(path) as partial:
            folder = cls(partial)
            # Links cost no space; the model's files are never written to again.
            shutil.copytree(model, folder.model, copy_function=_link_or_copy)
            write_memory(partial / "memory", memory)
            (partial / "reference").mkdir()
            rows = [asdict(text) for text in reference]
            texts = pa.Table.from_pylist(rows, schema=_TEXTS)
            parquet.write_table(texts, partial / "reference" / "texts.parquet")
            vectors = pa.array(list(probes[1]), type=pa.list_(pa.float32()))
            parquet.write_table(
                pa.table({"text": list(probes[0]), "vector": vectors}),
                partial / "reference" / "probes.parquet",
            )
            for each in learned_anchors:
                each.save(partial / "anchors" / each.name.removeprefix("anchor/"))
            folder.write_scorecard(scorecard)
            _write_json(partial / "version.json", asdict(facts))
        return cls(path)


_TEXTS = pa.schema(
    [
        ("text", pa.string()),
        ("id", pa.string()),
        ("source", pa.string()),
        ("timestamp", pa.float64()),
        ("session", pa.string()),
        ("user", pa.string()),
    ]
)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, allow_nan=True), encoding="utf-8")


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
