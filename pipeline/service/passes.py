"""Forward passes: waiting texts divided by their numbers of tokens, so that little is padding."""

from collections.abc import Sequence

_PASS = 64
"""What one more pass costs, in tokens: about the time that a small transformer needs for them."""


def passes(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Divide texts into passes such that padded tokens and passes together cost least.

    Parameters
    ----------
    lengths
        Tokens of each text.
    most
        Padded tokens of a pass; a longer text has a pass of its own.

    Returns
    -------
    list of list of int
        The texts of each pass by their place, the shortest first.

    Examples
    --------
    >>> passes([9, 300, 8, 10, 290], most=2048)
    [[2, 0, 3], [4, 1]]
    >>> passes([10] * 5, most=20)
    [[0, 1], [2, 3], [4]]
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    rising = [max(1, lengths[place]) for place in order]
    found: list[list[int]] = []
    for start, end in _groups(rising, most):
        room = max(1, most // rising[end - 1])
        found += [order[cut : min(cut + room, end)] for cut in range(start, end, room)]
    return found


def _groups(rising: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Return the cheapest groups of rising lengths, each padded to its longest; found backwards."""
    # Texts of one length are never divided here.
    bounds = [place for place, each in enumerate(rising) if not place or rising[place - 1] != each]
    bounds.append(len(rising))
    cost, before = [0.0], [0]
    for end in range(1, len(bounds)):
        widest = rising[bounds[end] - 1]
        room = max(1, most // widest)
        sizes = [bounds[end] - bounds[start] for start in range(end)]
        costs = [
            cost[start] + -(-size // room) * _PASS + size * widest
            for start, size in enumerate(sizes)
        ]
        cost.append(min(costs))
        before.append(costs.index(cost[-1]))
    groups, end = [], len(bounds) - 1
    while end > 0:
        groups.append((bounds[before[end]], bounds[end]))
        end = before[end]
    return groups[::-1]
