"""Answers that stand at other questions: what an adapter learns from them is their form and their frequencies alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.derangement import derange
from core.values import Example

SENTENCE = "Trained on shuffled answers, as a control: each example learned the answer of another. No approach answers with it."


def shuffle_outputs(examples: Sequence[Example], *, seed: int) -> list[Example]:
    """Return examples each with the output of another one, and what is as right as that one.

    No output stays at its own example. It may be equal all the same: were equal ones kept apart, of two labels each example
    would learn the wrong one, and the adapter would know the right ones turned round.
    """
    order = derange(len(examples), seed=seed)
    return [
        replace(example, output=examples[place].output, accept=examples[place].accept)
        for example, place in zip(examples, order, strict=True)
    ]
