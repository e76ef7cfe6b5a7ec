"""What models compute on."""

from typing import Self

from pipeline.results.result import Result
from training.distributed import Compute, Engine, told


class Computing(Result):
    """What models compute on, in a command and in its workers.

    Attributes
    ----------
    device
        Of the command's own process, such as "cpu" or "cuda:0 (NVIDIA H100)".
    precision
        Number format in which texts are encoded.
    scored_in
        Number format in which models compute for their scores; empty: that of the texts.
    engine, workers
        Where workers run, and how many there are at most; none: 0.
    worker_device
        Where workers compute; empty without any.
    """

    device: str
    precision: str
    scored_in: str = ""
    engine: str = "local"
    workers: int = 0
    worker_device: str = ""

    @classmethod
    def of(
        cls, compute: Compute, precision: str, engine: Engine | None, scored_in: str = ""
    ) -> Self:
        """Return what the settings say, on this machine.

        Raises
        ------
        DataFault
            This machine does not have the device.
        """
        device = told(compute.device)
        if engine is None:
            return cls(device=device, precision=precision, scored_in=scored_in)
        return cls(
            device=device,
            precision=precision,
            scored_in=scored_in,
            engine=compute.engine,
            workers=engine.workers,
            worker_device=device if engine.reads_files else engine.device,
        )

    def __str__(self) -> str:
        """Return what follows "on" in a sentence."""
        own = f"{self.device}, texts encoded in {self.precision}"
        if self.scored_in not in ("", self.precision):
            own += f", scores computed in {self.scored_in}"
        if not self.workers:
            return own
        return f"{own}; up to {self.workers} workers ({self.engine}) on {self.worker_device}"
