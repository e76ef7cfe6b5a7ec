"""From labelled pairs to a trained candidate and its scorecard.

Everything that a notebook needs is imported from here, on first use: `import training` loads none
of the libraries.

Examples
--------
>>> from training import Memory, Mix, Pair
>>> pairs = [Pair(str(n), f"question {n}", f"answer {n}") for n in range(100)]
>>> Mix(share=0.0).draw(pairs, memory=[]).recent
100
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.encoding import Encoder
    from training.evaluation import Evaluate, EvaluationSet, Scorecard
    from training.faults import AnchorholdError, DataFault
    from training.finetuning import FineTune
    from training.pairs import HoldOut, Memory, Mix, Pair
    from training.retention import Merge

_ROOMS = {
    "AnchorholdError": "training.faults",
    "DataFault": "training.faults",
    "Encoder": "training.encoding",
    "Evaluate": "training.evaluation",
    "EvaluationSet": "training.evaluation",
    "FineTune": "training.finetuning",
    "HoldOut": "training.pairs",
    "Memory": "training.pairs",
    "Merge": "training.retention",
    "Mix": "training.pairs",
    "Pair": "training.pairs",
    "Scorecard": "training.evaluation",
}

__all__ = [
    "AnchorholdError",
    "DataFault",
    "Encoder",
    "Evaluate",
    "EvaluationSet",
    "FineTune",
    "HoldOut",
    "Memory",
    "Merge",
    "Mix",
    "Pair",
    "Scorecard",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_ROOMS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names and those of the module itself."""
    return sorted({*globals(), *__all__})
