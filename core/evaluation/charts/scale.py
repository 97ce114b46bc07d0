"""From numbers to places on an axis, and the round numbers that are written beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
LARGEST = 1e12  # Of what is drawn; what lies beyond stands at the edge.
WIDE = 20.0  # So many times the least is the most: from there an axis counts in powers.
WIDEST = 1e6  # What is so many times less than the most stands at the axis' beginning.


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis.

    Args:
        low: The number at `start`.
        high: The number at `end`; larger.
        start: Where the axis begins, in units of the scene.
        end: Where it ends; it may run backwards.
        powers: Whether equal ratios, not equal differences, are equally wide.
    """

    low: float
    high: float
    start: float
    end: float
    powers: bool = False

    def place(self, number: float) -> float:
        """Return where a number stands, at the nearest edge where it lies outside."""
        number = min(max(number, self.low), self.high)
        if self.powers:
            share = math.log(number / self.low) / math.log(self.high / self.low)
        else:
            share = (number - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Return round numbers on the axis, at most about `most`."""
        if self.powers:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            every = [step * 10.0**power for power in range(first, last + 1) for step in (1, 3)]
            known = [tick for tick in every if self.low <= tick <= self.high]
            return known if len(known) <= most + 1 else [tick for tick in known if f"{tick:e}"[0] == "1"]
        step = round_up((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        return [step * number for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


def round_up(number: float) -> float:
    """Return the next round number from a positive one on: 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(number))
    return next(step * power for step in STEPS if step * power >= number * (1 - 1e-9))


def span_from_zero(numbers: Iterable[float], start: float, end: float, *, least: float = 0.1) -> Scale:
    """Return an axis from 0 to a round number that holds all."""
    most = min(max([least, *numbers]), LARGEST)
    return Scale(0.0, _round_end(most), start, end)


def span_around_zero(numbers: Iterable[float], start: float, end: float, *, least: float = 0.1) -> Scale:
    """Return an axis with 0 on it that holds all, as far to the left and to the right as each needs."""
    known = [min(max(number, -LARGEST), LARGEST) for number in numbers]
    low, high = max([least, *(-number for number in known)]), max([least, *known])
    return Scale(-_round_end(low), _round_end(high), start, end)


def span_of_amounts(numbers: Iterable[float], start: float, end: float) -> Scale:
    """Return an axis of amounts: in powers where all are above 0 and far apart, else from 0."""
    known = [min(number, LARGEST) for number in numbers]
    if known and min(known) > 0 and max(known) >= WIDE * min(known):
        low = max(min(known), max(known) / WIDEST)
        return Scale(low / 1.5, max(known) * 1.5, start, end, powers=True)
    return span_from_zero(known, start, end, least=max([1e-9, *(number for number in known if number > 0)]))


def _round_end(number: float) -> float:
    """Return a number at or above that is a multiple of a quarter of its round size: less empty room than a round one."""
    step = round_up(number / 5)
    return step * math.ceil(number / step - 1e-9)


def write_tick(number: float) -> str:
    """Write a number beside an axis, short and without a needless end."""
    if number and (abs(number) >= 1e5 or abs(number) < 1e-3):
        return f"{number:.0e}".replace("e+0", "e").replace("e-0", "e-")
    return f"{number:.3f}".rstrip("0").rstrip(".").replace("-", "\N{MINUS SIGN}") if number else "0"
