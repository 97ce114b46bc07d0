"""What a training has said so far, as tables, plots and the terminal take it: an event that lacks what its kind has is left out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.jobs import read_events

# Fields of `finetune/train/report.py` that are shown or drawn, by kind of event; a step of the work has no kind.
NUMBERS = {
    "step": ("loss", "gradient_norm", "learning_rate", "tokens_per_second", "memory_gib"),
    "evaluation": ("n", "held_loss", "parsed", "schema_valid", "score", "exact", "ended"),
    "probe": ("rate", "loss"),
}
TEXTS = {"notice": ("text",)}
SAMPLE_TEXTS = ("id", "input", "expected", "answer")


def read_training_events(folder: Path) -> list[dict[str, Any]]:
    """Return the whole events of a training or a probe, in the order of steps."""
    return [event for event in read_events(folder) if _is_whole(event)]


def _is_whole(event: Mapping[str, Any]) -> bool:
    kind = event.get("kind", "step")
    if kind == "step" and "loss" not in event:
        return True  # A step before the first one that learns: loading, waiting.
    numbers = all(_is_number(event.get(name)) for name in NUMBERS.get(kind, ()))
    texts = all(isinstance(event.get(name), str) for name in TEXTS.get(kind, ()))
    samples = event.get("samples", ())
    return numbers and texts and isinstance(samples, list | tuple) and all(map(_is_sample, samples))


def _is_sample(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and all(isinstance(value.get(name), str) for name in SAMPLE_TEXTS)
        and _is_number(value.get("score"))
    )


def _is_number(value: Any) -> bool:
    """A loss that is not a number any more is a number here: that a training diverged is shown."""
    return isinstance(value, int | float) and not isinstance(value, bool)
