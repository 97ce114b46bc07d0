"""A seeded order in which nothing stays at its own place."""

from __future__ import annotations

from random import Random


def derange(count: int, *, seed: int) -> list[int]:
    """Return for each place the place that it takes from, never its own where there are two or more.

    Source: Sattolo 1986, "An algorithm to generate a random cyclic permutation" (Information Processing Letters 22).
    """
    random, order = Random(seed), list(range(count))
    for place in range(count - 1, 0, -1):
        other = random.randrange(place)
        order[place], order[other] = order[other], order[place]
    return order
