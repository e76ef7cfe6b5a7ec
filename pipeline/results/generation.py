"""The result of `anchorhold generate`: queries that a language model wrote, or their cost."""

from pipeline.results.result import Result


class GenerateResult(Result):
    """What generating costs, and what has come of it.

    Attributes
    ----------
    dry_run
        Whether only the cost was asked for.
    url, model
        Which endpoint and model.
    documents
        Documents that queries are wanted for.
    cached
        Those of them that were answered before.
    answered
        Those of them that are answered now.
    tokens_in, tokens_out
        Tokens to send, about, and to receive, at most, for those that were not cached.
    price
        The cost in the unit of the two price settings; None where no price is set.
    reason
        The figures in a sentence, and why answers are missing.
    """

    dry_run: bool
    url: str
    model: str
    documents: int
    cached: int
    answered: int
    tokens_in: int
    tokens_out: int
    price: float | None = None
    reason: str
