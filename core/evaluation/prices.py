"""What a person pays: the prices that turn measured seconds, tokens and labels into a cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from core.errors import LabError

HIGHEST = 1e15  # Beyond any price; what is made of far more would overflow.


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in any one currency, and how much the approach will be used. The defaults are assumptions, and named as such.

    Args:
        machine_hour: An hour of the machine that answers and trains (a rented one with two cores).
        million_prompt: A million tokens of prompts, where an endpoint asks money for them; 0 on a machine of one's own.
        million_new: A million tokens of answers.
        label: One labelled row (half a minute of a person at 24 an hour).
        queries: Questions a month.
        updates: Times a month that the documents change.

    Raises:
        LabError: One is negative or no finite number, or there are no questions.
    """

    machine_hour: float = 0.10
    million_prompt: float = 0.0
    million_new: float = 0.0
    label: float = 0.20
    queries: float = 10_000.0
    updates: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no price."""
        for item in fields(self):
            value = getattr(self, item.name)
            if not 0 <= value <= HIGHEST:
                raise LabError(f"{_name(item.name)} is {value}.", f"Give a number from 0 to {HIGHEST:,.0f}.")
        if self.queries <= 0:
            raise LabError("queries a month is 0.", "Without questions nothing pays back: give a number above 0.")

    @property
    def rates(self) -> tuple[float, float, float]:
        """The cost of a second, of a token of a prompt and of one of an answer (`core.evaluation.usage.PARTS`)."""
        return self.machine_hour / 3600, self.million_prompt / 1e6, self.million_new / 1e6

    @property
    def sentence(self) -> str:
        """Say which prices they are."""
        told = [f"{_name(item.name)} {getattr(self, item.name):,g}" for item in fields(self)]
        start = "Default prices, assumed and not asked" if self == Prices() else "Prices"
        return f"{start}: {', '.join(told)}."


DEFAULT_PRICES = Prices()


def write_money(amount: float | None) -> str:
    """Write an amount of money with two digits that tell something."""
    if amount is None:
        return "not known"
    if not amount:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(abs(amount))))
    return f"{amount:,.{min(digits, 12)}f}"


def _name(field: str) -> str:
    return {
        "machine_hour": "a machine hour",
        "million_prompt": "a million prompt tokens",
        "million_new": "a million answer tokens",
        "label": "a label",
        "queries": "queries a month",
        "updates": "updates of the documents a month",
    }[field]
