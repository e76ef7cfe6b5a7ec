"""What an intake counted."""

from pipeline.results.result import Result


class IntakeCounts(Result):
    """Files and records of one key of `[data]`: seen = stored + known + quarantined."""

    files: int = 0
    seen: int = 0
    stored: int = 0
    known: int = 0
    quarantined: int = 0


class IntakeResult(Result):
    """What one intake found in the files of each key of `[data]`, and its warnings."""

    history: IntakeCounts = IntakeCounts()
    reference: IntakeCounts = IntakeCounts()
    pairs: IntakeCounts = IntakeCounts()
    traffic: IntakeCounts = IntakeCounts()
    warnings: tuple[str, ...] = ()
