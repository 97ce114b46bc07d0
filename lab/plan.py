"""The plan of a comparison: all that it follows from, fixed before the first answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.comparison.arms import Arm, find_arms
from core.comparison.prompts import choose_shots
from core.errors import LabError
from core.evaluation.sampling import choose_items
from core.storage import MANIFEST, hash_file
from core.tasks.leakage import find_seen, fingerprint
from core.tasks.task import Task
from core.values import DecodeOptions, Example
from lab.answering import choose_options, fix_adapter
from lab.lab import Lab
from lab.requests import CompareRequest


@dataclass(frozen=True, slots=True)
class Leaks:
    """Items that were seen before the exam.

    Args:
        adapters: Ids of the adapters whose training is known to have been looked at.
        unknown: Ids of those that do not record what they were trained on.
        items: Ids of the items that one of them was trained on, or an example of the prompts repeats.
    """

    adapters: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a comparison follows from, fixed before the first answer.

    Args:
        task: The task.
        items: The test items that every arm answers.
        arms: The approaches, each with the adapter that it answers with.
        missing: Those that have no adapter to answer with, by name, and why.
        options: How answers are decoded, for every arm alike.
        seed: Of the sample of items and the resampling.
        leaks: Which items were seen before.
        notes: What a reader must know of the arms.
        recorded: The arms as the run keeps them, by name.
    """

    task: Task
    items: tuple[Example, ...]
    arms: tuple[Arm, ...]
    missing: Mapping[str, str]
    options: DecodeOptions
    seed: int
    leaks: Leaks
    notes: tuple[str, ...]
    recorded: Mapping[str, Mapping[str, Any]]


def plan_comparison(lab: Lab, request: CompareRequest) -> Plan:
    """Fix what is compared. Each arm's adapter is chosen here: one that finishes training meanwhile must not answer unchecked.

    Raises:
        LabError: There is no such task, arm or mode, or items were trained on and the request does not allow it.
    """
    task = lab.task(request.task)
    options = choose_options(lab, task, mode=request.mode, seed=request.seed, batch_size=request.batch_size)
    items = choose_items(task.test, request.limit, seed=request.seed)
    chosen = find_arms(",".join(request.arms))
    arms, missing = _fix_adapters(lab, task, chosen, request.adapter)
    leaks = find_leaks(task, items, arms)
    if leaks.items and not request.allow_leakage:
        raise LabError(
            f"{len(leaks.items)} of the {len(items)} test items were trained on or stand in the prompts' examples "
            f"(first: {leaks.items[0]!r}), so their marks mean nothing.",
            "Train an adapter without them, or insist with --allow-leakage: every table and report is then stamped.",
        )
    # Recorded before the answers: an adapter that is deleted meanwhile must not cost the run.
    fixed = {arm.name: arm for arm in arms}
    recorded = {arm.name: _record_arm(fixed.get(arm.name, arm)) for arm in chosen}
    notes = tuple(describe_misfits(task, arms))
    return Plan(task, tuple(items), arms, missing, options, request.seed, leaks, notes, recorded)


def _fix_adapters(lab: Lab, task: Task, arms: Sequence[Arm], adapter: str | None) -> tuple[tuple[Arm, ...], dict[str, str]]:
    """Return the arms that can answer, each with its adapter, and why the others cannot: nothing else answers for them."""
    fixed, missing = [], {}
    for arm in arms:
        try:
            fixed.append(fix_adapter(lab, task, arm, adapter=adapter))
        except LabError as error:
            missing[arm.name] = str(error)
    return tuple(fixed), missing


def find_leaks(task: Task, items: Sequence[Example], arms: Sequence[Arm]) -> Leaks:
    """Return which items an adapter was trained on, in whatever version of the task, or an example of the prompts repeats."""
    cards = [card for card in map(_read_card, arms) if card is not None]
    trained = {seen for card in cards for seen in card.trained_on}
    shown = {example.input for arm in arms for example in (task.train if arm.nearest else choose_shots(task, arm.shots))}
    return Leaks(
        adapters=tuple(sorted({card.id for card in cards})),
        unknown=tuple(sorted({card.id for card in cards if not card.trained_on})),
        items=tuple(find_seen(items, (*trained, *map(fingerprint, shown)))),
    )


def describe_misfits(task: Task, arms: Sequence[Arm]) -> list[str]:
    """Return a note for each arm whose adapter learned with other prompts than the arm's: it is below its best.

    On hiring-handbook an adapter trained with passages made RAG + QLoRA six times as good (tasks/README.md).
    """
    notes = []
    for arm in arms:
        card = _read_card(arm)
        if card is not None and (card.kind == "passages") != (arm.top_k > 0):
            trained, option = ("without", " --with-context") if arm.top_k else ("with", "")
            notes.append(
                f"{arm.title} answered with the adapter {card.id}, trained {trained} passages in its prompts; "
                f"one trained as it is asked may do better: `ragft train {task.name}{option}`."
            )
    return notes


def _read_card(arm: Arm) -> Any | None:
    """Return the card of an arm's adapter; None where it has none, which is reported when it is asked."""
    from finetune.adapters.card import read_card

    if arm.adapter is None:
        return None
    with suppress(LabError):
        return read_card(Path(arm.adapter))
    return None


def _record_arm(arm: Arm) -> dict[str, Any]:
    """Return an arm as kept in a run: its adapter by id and by the hash of its manifest, which holds its files' hashes."""
    if arm.adapter is None:
        return asdict(arm)
    folder = Path(arm.adapter)
    adapter_hash = hash_file(folder / MANIFEST) if (folder / MANIFEST).is_file() else None  # Deleted just now.
    return {**asdict(arm), "adapter": folder.name, "adapter_hash": adapter_hash}
