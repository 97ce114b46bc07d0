"""How an approach looks in every chart: a colour and a shape, so that neither is needed alone, and its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.comparison.arms import BASELINES, is_control, sort_by_simplicity
from core.evaluation.charts.scene import Shape

Kind = Literal["approach", "control", "baseline"]
# The page gives the variables a light and a dark value; the fallbacks are seen on both.
COLOURS = {
    "base": "var(--arm-base, #6b7280)", "rag": "var(--arm-rag, #2f7de1)", "qlora": "var(--arm-qlora, #c2630a)",
    "hybrid": "var(--arm-hybrid, #8b5cf6)",
}  # fmt: skip
OTHER = "var(--arm-other, #0f8a7e)"
ACCENT = "var(--color-accent, #4f7cac)"
SHAPES: Mapping[str, Shape] = {"base": "circle", "rag": "square", "qlora": "up", "hybrid": "diamond"}
FURTHER: Sequence[Shape] = ("down", "cross", "tick")
HEADINGS: Mapping[Kind, str] = {"approach": "Approaches", "control": "Controls", "baseline": "Without a model"}


@dataclass(frozen=True, slots=True)
class Look:
    """The colour and shape of an approach; those that are no approach are hollow."""

    colour: str
    shape: Shape
    kind: Kind

    @property
    def hollow(self) -> bool:
        """Whether its sign shows what is behind it."""
        return self.kind != "approach"


def find_kind(name: str) -> Kind:
    """Say what an arm of a run is; one that no longer exists is taken for an approach."""
    if name in BASELINES:
        return "baseline"
    return "control" if is_control(name) else "approach"


def find_look(name: str) -> Look:
    """Return how an arm or baseline looks, the same in every chart."""
    further = FURTHER[sum(map(ord, name)) % len(FURTHER)]  # Of its name: the same wherever it stands.
    return Look(COLOURS.get(name, OTHER), SHAPES.get(name, further), find_kind(name))


def list_answered(summary: Mapping[str, Any], *kinds: Kind) -> dict[str, Mapping[str, Any]]:
    """Return the arms that answered as (name, numbers), approaches first, each kind from the simplest on."""
    arms = summary.get("arms")
    if not isinstance(arms, Mapping):
        return {}
    known = {name: arm for name, arm in arms.items() if isinstance(arm, Mapping) and arm.get("status") in {"ok", "baseline"}}
    wanted = kinds or tuple(HEADINGS)
    return {name: known[name] for kind in wanted for name in sort_by_simplicity(known) if find_kind(name) == kind}
