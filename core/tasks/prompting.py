"""What a task's prompts show: how many passages, examples and in which order. `ragft tune` chooses it, `task.toml` keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from core.errors import LabError

PassageOrder = Literal["best_last", "best_first"]
MOST_PASSAGES = 10  # In a prompt; a model that takes more reads past them (Liu et al. 2024, arXiv 2307.03172).
MOST_SHOTS = 16
# Of the embedder, in a passage, where a task says nothing. Two such passages beat three of 160 in the prompt of a small model
# (`benchmarks/LOG.md`).
PASSAGE_TOKENS = 96


@dataclass(frozen=True, slots=True)
class Prompting:
    """What the prompts of a task's arms show; the keys of the same names in `task.toml`.

    Args:
        passages: How many passages an arm with retrieval sees.
        passage_order: Whether the best passage stands next to the question or is read first.
        shots: How many worked examples an arm with examples sees.
        shot_draw: Seed of the draw of the fixed examples, where `task.toml` names none.
        abstain_below: Evidence (0..1) of its best passage below which a question is asked without passages; None always
            shows them.
    """

    passages: int = 2
    passage_order: PassageOrder = "best_last"
    shots: int = 3
    shot_draw: int = 0
    abstain_below: float | None = None


DEFAULTS = Prompting()


def read_prompting(settings: Mapping[str, Any], file: Path) -> Prompting:
    """Take the settings of prompts from those of a task.

    Args:
        settings: What `task.toml` holds.
        file: Its path, for errors.

    Raises:
        LabError: One is not what it must be; file and key are named.
    """
    order = settings.get("passage_order", DEFAULTS.passage_order)
    if order not in get_args(PassageOrder):
        raise _wrong(file, "passage_order", order, " or ".join(f'"{name}"' for name in get_args(PassageOrder)))
    below = settings.get("abstain_below")
    if below is not None and not (_is_number(below) and 0 <= below <= 1):
        raise _wrong(file, "abstain_below", below, "a number from 0 to 1")
    shots = settings.get("shots")
    return Prompting(
        passages=_whole(settings, "passages", file, least=1, most=MOST_PASSAGES),
        passage_order=order,
        # A list names the examples themselves, which `Task.shots` keeps.
        shots=DEFAULTS.shots if isinstance(shots, list) else _whole(settings, "shots", file, least=1, most=MOST_SHOTS),
        shot_draw=_whole(settings, "shot_draw", file, least=0, most=2**32),
        abstain_below=None if below is None else float(below),
    )


def _whole(settings: Mapping[str, Any], key: str, file: Path, *, least: int, most: int) -> int:
    value = settings.get(key, getattr(DEFAULTS, key))
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        also = " or a list of ids" if key == "shots" else ""
        raise _wrong(file, key, value, f"a whole number from {least} to {most}{also}")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong(file: Path, key: str, value: Any, what: str) -> LabError:
    return LabError(f"{file}: {key} is {value!r}.", f"It must be {what}.")
