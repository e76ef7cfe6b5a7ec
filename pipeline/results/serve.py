"""The result of `anchorhold serve`: what a service did until it was stopped."""

from pipeline.results.result import Result


class ServeResult(Result):
    """A service that was stopped.

    Attributes
    ----------
    address
        Where it listened.
    version
        The version that served last; None: none was ever loaded.
    requests
        Answers, refusals included.
    swaps
        How often the pair of model and index was replaced, the first load included.
    load_failures
        Versions that could not be loaded.
    """

    address: str
    version: int | None
    requests: int
    swaps: int
    load_failures: int
