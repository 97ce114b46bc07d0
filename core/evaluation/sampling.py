"""Which test items a comparison asks, and which of them belong together."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from core.errors import LabError
from core.tasks.wording import normalize
from core.values import Example


def choose_items(examples: Sequence[Example], limit: int | None, *, seed: int) -> list[Example]:
    """Choose a seeded sample that keeps the slices' shares, in the file's order; all without a limit.

    Raises:
        LabError: The limit is not positive.
    """
    if limit is not None and limit < 1:
        raise LabError(f"The limit is {limit}.", "It must be at least 1.")
    if limit is None or limit >= len(examples):
        return list(examples)
    random = Random(seed)
    slices: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        slices.setdefault(example.slice or "", []).append(index)
    queue: list[tuple[float, int]] = []
    for members in slices.values():
        random.shuffle(members)
        # Each member gets a place from 0 to 1 in its slice: whatever number is taken from the front, slices keep their shares.
        queue.extend(((place + 0.5) / len(members), index) for place, index in enumerate(members))
    return [examples[index] for index in sorted(index for _, index in sorted(queue)[:limit])]


def find_clusters(items: Sequence[Example]) -> list[str]:
    """Return for each item the name of its independent group: the group, else the evidence document, else its wording.

    Items that ask the same in the same words are one question, however often the file repeats it.
    """
    return [_find_cluster(item) for item in items]


def _find_cluster(item: Example) -> str:
    if item.group is not None:
        return f"group {item.group}"
    return f"document {item.evidence[0].document}" if item.evidence else f"input {normalize(item.input)}"
