"""Sharded encoding: many texts cut into shards, which workers of an engine encode."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from training.distributed import AUTO, Engine
from training.encoding.model_folder import fingerprint
from training.encoding.number_format import NumberFormat
from training.encoding.prompts import Kind
from training.faults import EngineFault

if TYPE_CHECKING:
    from training.encoding.encoder import Encoder

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Shard:
    """Texts of one kind, in the order of their batches."""

    texts: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True)
class ShardWork:
    """Loads a model in a worker; what it then returns encodes shards.

    Attributes
    ----------
    folder
        The model's folder.
    max_length
        Tokens after which a text is cut; None: as the folder says.
    fingerprint
        Identity of the embedding space, which the worker's model must have.
    travels
        Whether the files go with it when it is pickled, to workers on other machines.
    device, precision
        Where workers compute, and in which number format.
    files
        The files by their names in the folder, where it has travelled.
    """

    folder: str
    max_length: int | None
    fingerprint: str
    travels: bool = False
    device: str = AUTO
    precision: NumberFormat = "float32"
    files: dict[str, bytes] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def on(
        cls,
        engine: Engine,
        folder: str,
        max_length: int | None,
        fingerprint: str,
        precision: NumberFormat,
    ) -> Self:
        """Return the work as the workers of an engine do it."""
        return cls(
            folder,
            max_length,
            fingerprint,
            travels=not engine.reads_files,
            device=engine.device,
            precision=precision,
        )

    def __call__(self) -> Callable[[Shard], Floats]:
        """Load the model and return what encodes a shard."""
        from training.encoding.encoder import Encoder

        with tempfile.TemporaryDirectory(prefix="anchorhold-") as received:
            place = Path(self.folder)
            if self.files is not None:
                place = Path(received)
                for name, content in self.files.items():
                    (place / name).parent.mkdir(parents=True, exist_ok=True)
                    (place / name).write_bytes(content)
            found = fingerprint(place, self.max_length, self.precision)
            if found != self.fingerprint:
                raise EngineFault(
                    f"a worker has a model of the fingerprint {found[:12]}, not "
                    f"{self.fingerprint[:12]}; is the same release of anchorhold installed there?"
                )
            encoder = Encoder.load(
                place, max_length=self.max_length, device=self.device, precision=self.precision
            )
        return _Encode(encoder)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes; with the content of the files if it travels."""
        state = dict(self.__dict__)
        if self.travels and self.files is None:
            top = Path(self.folder)
            state["files"] = {
                str(file.relative_to(top)): file.read_bytes()
                for file in sorted(top.rglob("*"))
                if file.is_file()
            }
        return state


@dataclass(frozen=True)
class _Encode:
    encoder: "Encoder"

    def __call__(self, shard: Shard) -> Floats:
        return self.encoder.forward(shard.texts, kind=shard.kind)


def encode_shards(
    engine: Engine, work: ShardWork, shards: Sequence[Shard], dimensions: int
) -> Iterator[tuple[int, Floats]]:
    """Yield the place of each shard and its vectors, (texts, dimensions), as they are ready.

    Raises
    ------
    EngineFault
        Workers are lost again and again, or one gives vectors of another shape.
    """
    for place, vectors in engine.map(work, shards):
        wanted = len(shards[place].texts), dimensions
        if vectors.shape != wanted or vectors.dtype != np.float32:
            raise EngineFault(f"a worker gave {vectors.shape} {vectors.dtype}, not {wanted}")
        yield place, vectors
