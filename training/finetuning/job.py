"""The job: what one training reads and where it writes, in a form that other processes can read."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from training.distributed import AUTO, RankJob, kind_of
from training.faults import DataFault
from training.pairs import Mixture, Pair

StrPath = str | os.PathLike[str]

_WORKER = "training.finetuning.worker"
_FORMAT = "token rows that occur"
"""What a checkpoint holds. Change it when older checkpoints can no longer be resumed."""


@dataclass(frozen=True)
class Job:
    """What one training reads and writes.

    Attributes
    ----------
    base
        Folder of the champion, which is only read.
    mixture
        The pairs to train on.
    output
        Folder of the trained model.
    checkpoints
        Folder for checkpoints and other working files.
    max_length
        Tokens after which a text is cut.
    cache
        Folder of the embedding cache; None: no cache.
    device
        Where to train, as `device_for` takes it.
    """

    base: Path
    mixture: Mixture
    output: Path
    checkpoints: Path
    max_length: int
    cache: Path | None
    device: str = AUTO

    def __post_init__(self) -> None:
        """Refuse a mix that cannot be trained on."""
        pairs = self.mixture.pairs
        if len(pairs) < 2:
            raise DataFault(f"the mix has {len(pairs)} pairs; at least 2 are needed")
        for pair in pairs:
            if not pair.query.strip() or not pair.positive.strip():
                raise DataFault(f"pair {pair.id!r} has an empty query or positive")

    def texts(self) -> list[str]:
        """Return all texts of the mix."""
        return [
            text
            for pair in self.mixture.pairs
            for text in (pair.query, pair.positive, pair.negative)
            if text
        ]

    def recipe(self, champion: str, settings: Mapping[str, Any], precision: str) -> str:
        """Return the identity of the training: equal recipes give equal weights.

        Parameters
        ----------
        champion
            Fingerprint of the base.
        settings
            All settings that have an effect on the weights.
        precision
            Number format of the forward pass.
        """
        content = [
            _FORMAT,
            champion,
            self.mixture.digest,
            "".join(str(int(old)) for old in self.mixture.from_memory),
            self.max_length,
            precision,
            dict(settings),
        ]
        if precision == "bf16":
            content.append("filled packs, targets in bfloat16")
        if (kind := kind_of(self.device)) != "cpu":
            content.append(kind)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return a value for `json.dumps` from which `from_json` makes an equal job."""
        return {
            "base": str(self.base.absolute()),
            "pairs": [asdict(pair) for pair in self.mixture.pairs],
            "from_memory": self.mixture.from_memory,
            "digest": self.mixture.digest,
            "output": str(self.output.absolute()),
            "checkpoints": str(self.checkpoints.absolute()),
            "max_length": self.max_length,
            "cache": str(self.cache.absolute()) if self.cache else None,
            "device": self.device,
        }

    def for_ranks(self, settings: Mapping[str, Any], processes: int) -> RankJob:
        """Return what several ranks do together, with the settings of a `FineTune`."""
        values = {"settings": dict(settings), **self.to_json()}
        return RankJob(_WORKER, values, self.checkpoints / "ranks", processes)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the job that `to_json` described."""
        pairs = tuple(Pair(**pair) for pair in value["pairs"])
        return cls(
            Path(value["base"]),
            Mixture(pairs, tuple(value["from_memory"]), value["digest"]),
            Path(value["output"]),
            Path(value["checkpoints"]),
            value["max_length"],
            Path(value["cache"]) if value["cache"] else None,
            value["device"],
        )
