"""The scenario of a shop: an index of its catalogue of 2022 meets the listings of 2024.

All texts are made here from parts, so that the scenario runs everywhere; they are nobody's data.
"""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence

from pipeline.simulation.corpus import Corpus, distinct
from pipeline.store import Traffic
from training.pairs import Pair

_COLOURS = ("black", "white", "navy", "grey", "red", "green", "beige", "silver")
_BRANDS = ("Alderon", "Brightwell", "Castor", "Dunmore", "Everly", "Fennick", "Halden", "Norvik")

_KNOWN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "phone": (
        ("smartphone", "flip phone", "senior phone", "rugged phone"),
        ("64 GB storage", "a 12 MP camera", "LTE", "a headphone jack", "dual SIM"),
    ),
    "laptop": (
        ("office laptop", "gaming laptop", "student notebook", "2-in-1 laptop"),
        ("8 GB RAM", "a 256 GB SSD", "a full HD screen", "USB 3.0 ports", "a backlit keyboard"),
    ),
    "shoes": (
        ("running shoes", "leather boots", "canvas sneakers", "hiking shoes"),
        ("a cushioned sole", "waterproof lining", "wide fit", "laces", "a rubber outsole"),
    ),
    "kitchen": (
        ("blender", "toaster", "kettle", "slow cooker", "coffee maker"),
        ("a glass jug", "1.7 litres", "a stainless steel body", "a timer", "two slots"),
    ),
    "furniture": (
        ("desk", "bookcase", "dining table", "office chair", "bed frame"),
        ("solid oak", "adjustable height", "easy assembly", "five shelves", "a drawer"),
    ),
    "clothing": (
        ("rain jacket", "wool jumper", "denim jeans", "linen shirt", "winter coat"),
        ("organic cotton", "a hood", "regular fit", "side pockets", "machine washable fabric"),
    ),
    "toys": (
        ("building blocks", "board game", "puzzle", "toy train", "plush bear"),
        ("200 pieces", "ages 3 and up", "two to six players", "wooden parts", "soft filling"),
    ),
    "garden": (
        ("lawn mower", "garden hose", "hedge trimmer", "flower pot", "parasol"),
        ("a 30 metre cable", "a brass nozzle", "a steel blade", "drainage holes", "UV protection"),
    ),
}
_NEW: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ai": (
        ("Copilot+ PC", "AI smart glasses", "GenAI pin", "LLM-ready mini workstation"),
        ("a 45 TOPS NPU", "on-device LLM inference", "an agentic assistant", "Wi-Fi 7"),
    ),
    "mobility": (
        ("e-scooter", "cargo e-bike", "EV wallbox charger", "balcony solar kit"),
        ("regenerative braking", "an 11 kW connector", "a swappable battery", "IP67 rating"),
    ),
    "wellness": (
        ("mushroom coffee", "red-light therapy mask", "CGM glucose patch", "sleep-tracking ring"),
        ("adaptogens", "HRV insights", "nootropic blend", "650 nm LEDs"),
    ),
    "trend": (
        ("quiet-luxury tote", "gorpcore shell", "Y2K cargo pants", "Stanley-style tumbler"),
        ("main-character energy", "no-cap drip", "coquette bows", "rizz included"),
    ),
    "display": (
        ("foldable phone", "mini-LED TV", "OLED handheld console", "mixed-reality headset"),
        ("a 240 Hz QD-OLED panel", "USB4 charging", "eye-tracking passthrough", "a UTG hinge"),
    ),
}
_ASKED = (
    "{thing} in {colour} with {feature}",
    "do you have a {thing} with {feature}?",
    "{brand} {thing} {colour}",
    "looking for a {colour} {thing}, {feature}, from {brand}",
    "price of the {brand} {thing} with {feature}",
)
_LISTED = "{brand} {thing}, {colour}. Comes with {feature}. In stock, delivered within three days."
_ANSWERED = (
    "Yes, we have the {brand} {thing} in {colour} with {feature}; you can add it to your basket "
    "and it will be delivered within three days."
)


def catalogue(texts: int = 2400, new: int = 700) -> Corpus:
    """Return what people asked a shop in 2022, and what they asked in 2024.

    Parameters
    ----------
    texts, new
        Number of questions of 2022, and of 2024 about products that were not sold before.
    """
    known, later = _asked(_KNOWN, texts, 2022), _asked(_NEW, new, 2024)
    answers = tuple(dict.fromkeys(_ANSWERED.format(**parts) for parts, _ in known))[:300]
    return Corpus(
        name="a shop whose catalogue of 2022 meets the listings of 2024 (made texts)",
        texts=distinct([Traffic(pair.query, id=pair.id) for _, pair in known]),
        new=tuple(Traffic(pair.query, id=pair.id) for _, pair in later),
        answers=answers,
        answers_known=True,
        pairs=tuple(pair for _, pair in known),
        new_pairs=tuple(pair for _, pair in later),
    )


def _asked(
    goods: Mapping[str, tuple[Sequence[str], Sequence[str]]], count: int, year: int
) -> list[tuple[dict[str, str], Pair]]:
    """Return questions with the listings that answer them, in an order that is always the same."""
    made = list(_every(goods))
    random.Random(year).shuffle(made)
    found: dict[str, tuple[dict[str, str], Pair]] = {}
    for parts, form in made:
        question = form.format(**parts)
        pair = Pair(
            id=f"{year}-{len(found)}",
            query=question,
            positive=_LISTED.format(**parts),
            source=str(year),
        )
        found.setdefault(question, (parts, pair))
        if len(found) >= count:
            break
    return list(found.values())


def _every(
    goods: Mapping[str, tuple[Sequence[str], Sequence[str]]],
) -> Iterator[tuple[dict[str, str], str]]:
    for things, features in goods.values():
        for thing, feature, colour, brand, form in itertools.product(
            things, features, _COLOURS, _BRANDS, _ASKED
        ):
            yield {"thing": thing, "feature": feature, "colour": colour, "brand": brand}, form
