"""The plan of a comparison: all that it follows from, fixed before the first answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.comparison.arms import Arm, draw_shots, find_arms, fit_arm
from core.errors import LabError
from core.evaluation.sampling import choose_items
from core.storage import MANIFEST, hash_file
from core.tasks.folders import name_task
from core.tasks.leakage import find_seen
from core.tasks.task import Task
from core.values import DecodeOptions, Example
from lab.answering import choose_options, fix_adapters
from lab.lab import Lab
from lab.leaks import Leaks, find_leaks
from lab.requests import CompareRequest

if TYPE_CHECKING:
    from finetune.adapters.card import AdapterCard


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a comparison follows from, fixed before the first answer.

    Args:
        task: The task.
        items: The test items that every arm answers.
        arms: The approaches as the task wants them, each with the adapter that it answers with; once for each where several
            adapters, or several draws of its examples, answer.
        missing: Those that no adapter fits, by name, and why.
        options: How answers are decoded, for every arm alike.
        seed: Of the sample of items and the resampling.
        leaks: Which items were seen before.
        notes: What a reader must know of the arms.
        recorded: The arms as the run keeps them, by name.
        misfits: A sentence for each adapter that answers although it does not fit, as the request allows.
        tuned: What of the prompts was tuned on which rows (`[tuned]` in task.toml).
        request: What was asked for, by which the comparison can be asked for again.
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
    misfits: tuple[str, ...] = ()
    tuned: Mapping[str, Any] = field(default_factory=dict)
    request: CompareRequest | None = None


def plan_comparison(lab: Lab, request: CompareRequest) -> Plan:
    """Fix what is compared. Each arm's adapter is chosen here: one that finishes training meanwhile must not answer unchecked.

    Raises:
        LabError: There is no such task, arm or mode, or items were trained on and the request does not allow it.
    """
    lab = lab.at_model(request.model, request.storage)
    task = lab.task(request.task)
    options = choose_options(lab, task, mode=request.mode, seed=request.seed, batch_size=request.batch_size)
    items = choose_items(task.test, request.limit, seed=request.seed)
    chosen = [fit_arm(arm, task) for arm in find_arms(",".join(request.arms))]
    arms, missing, misfits = _fix_adapters(lab, task, chosen, request)
    leaks = find_leaks(lab, task, items, arms, [card for card in map(_read_card, arms) if card is not None])
    if leaks.items and not request.allow_leakage:
        raise LabError(
            f"{len(leaks.items)} of the {len(items)} test items were trained on or stand in the prompts' examples "
            f"(first: {leaks.items[0]!r}), so their marks mean nothing.",
            "Train an adapter without them, or insist with --allow-leakage: every table and report is then stamped.",
        )
    # Recorded before the answers: an adapter that is deleted meanwhile must not cost the run.
    recorded = {arm.name: _record_arm(arm, [one for one in arms if one.name == arm.name]) for arm in chosen}
    selection = [] if request.adapters else describe_selection(lab, task, arms)
    notes = (*selection, *describe_adapters(task, arms, request.adapters), *describe_storages(lab, task, arms))
    return Plan(
        task, tuple(items), arms, missing, options, request.seed, leaks, notes, recorded,
        misfits=misfits, tuned=task.tuned, request=replace(request, task=name_task(task, lab.settings)),
    )  # fmt: skip


def _fix_adapters(
    lab: Lab, task: Task, arms: Sequence[Arm], request: CompareRequest
) -> tuple[tuple[Arm, ...], dict[str, str], tuple[str, ...]]:
    """Return the arms that can answer, once for each adapter or draw; why the others cannot; and which adapters do not fit."""
    fixed: list[Arm] = []
    missing: dict[str, str] = {}
    misfits: list[str] = []
    for arm in arms:
        try:
            found, wrong = fix_adapters(lab, task, arm, adapters=request.adapters, allow_misfit=request.allow_misfit)
        except LabError as error:
            missing[arm.name] = str(error)  # Nothing else answers for it.
        else:
            fixed += [drawn for one in found for drawn in draw_shots(one, task, request.shot_draws)]
            misfits += wrong
    return tuple(fixed), missing, tuple(misfits)


def describe_selection(lab: Lab, task: Task, arms: Sequence[Arm]) -> list[str]:
    """Return a sentence for each arm that another adapter answers than the one that a person selected: that one does not fit."""
    from finetune.adapters.fit import Need
    from finetune.adapters.store import read_selected

    selected = read_selected(lab.settings).get(task.name, {})
    notes = []
    for arm in arms:
        kind = Need(task, "", arm.top_k > 0, shuffled=arm.shuffled).kind
        expected = selected.get(kind) or (None if arm.shuffled else selected.get("mixed"))
        if arm.adapter is not None and expected not in (None, Path(arm.adapter).name):
            notes.append(
                f"{arm.title} answered with the adapter {Path(arm.adapter).name}: {expected}, selected for this task, does not fit."
            )
    return notes


def describe_storages(lab: Lab, task: Task, arms: Sequence[Arm]) -> list[str]:
    """Return a sentence for each adapter that answers over weights kept in another way than it was trained beside."""
    from finetune.adapters.fit import describe_storage

    cards = [(arm, card) for arm in arms if (card := _read_card(arm)) is not None]
    said = (describe_storage(card, lab.describe_need(task, arm)) for arm, card in cards)
    return list(dict.fromkeys(sentence for sentence in said if sentence))


def describe_adapters(task: Task, arms: Sequence[Arm], asked: Sequence[str]) -> list[str]:
    """Return what a reader must know of the adapters that answer, a sentence each.

    Args:
        task: The task.
        arms: The arms that answer.
        asked: Ids of the adapters that were asked for.
    """
    cards = {card.id: card for card in map(_read_card, arms) if card is not None}
    used = {Path(arm.adapter).name for arm in arms if arm.adapter is not None}
    notes = [
        f"The adapter {adapter} was named and fits none of the arms: it did not answer."
        for adapter in asked
        if adapter not in used
    ]
    return [*notes, *(note for card in cards.values() for note in (_describe_budget(card), _describe_rows(task, card)) if note)]


def _describe_budget(card: AdapterCard) -> str:
    """Say that a training ended by its minutes: how far it came depends on the machine, and so does its adapter."""
    from finetune.adapters.card import is_number, restore_config
    from finetune.train.schedule import count_steps

    config = restore_config(card.config)
    steps, examples = (card.outcome.get(name) for name in ("steps", "examples"))
    whole = card.outcome.get("stopped_early") or card.outcome.get("cancelled")  # These ended for another reason.
    if config.minutes is None or whole or not (is_number(steps) and is_number(examples)):
        return ""
    if steps >= count_steps(int(examples), config):
        return ""
    passes = steps / max(1, math.ceil(examples / config.batch_size))
    return (
        f"The training of {card.id} was ended by its time budget after {passes:.1f} of {config.epochs:g} passes: "
        "another machine would train another adapter."
    )


def _describe_rows(task: Task, card: AdapterCard) -> str:
    """Say that an adapter learned from fewer rows than those that see training examples in their prompts choose from."""
    learned = len(find_seen(task.train, card.trained_on))
    if not card.trained_on or learned == len(task.train):
        return ""
    return (
        f"The adapter {card.id} learned from {learned} of the {len(task.train)} training rows, all of which nearest examples "
        "are chosen from (`ragft train --holdout 0` learns from all that are not too long)."
    )


def _read_card(arm: Arm) -> AdapterCard | None:
    """Return the card of an arm's adapter; None where it has none, which is reported when it is asked."""
    from finetune.adapters.card import read_card

    if arm.adapter is None:
        return None
    with suppress(LabError):
        return read_card(Path(arm.adapter))
    return None


def _record_arm(arm: Arm, fixed: Sequence[Arm]) -> dict[str, Any]:
    """Return an arm as kept in a run, with the adapters that answered in it: one as `adapter`, several as `adapters`."""
    adapters, about = [_record_adapter(one) for one in fixed if one.adapter is not None], asdict(arm)
    if not arm.is_control:  # Runs from before there were controls say nothing of them: the same arms are recorded alike.
        about = {name: value for name, value in about.items() if name not in {"passages", "shuffled"}}
    if not adapters:
        return about | ({"shot_draws": [one.shot_draw for one in fixed]} if len(fixed) > 1 else {})
    if len(adapters) > 1:
        return {**about, "adapters": adapters}
    (only,) = adapters
    return {**about, "adapter": only["id"], "adapter_hash": only["hash"], "adapter_seed": only["seed"]}


def _record_adapter(arm: Arm) -> dict[str, Any]:
    """Return an arm's adapter by id and by the hash of its manifest, which holds its files' hashes, and its training's seed."""
    folder, card = Path(str(arm.adapter)), _read_card(arm)
    adapter_hash = hash_file(folder / MANIFEST) if (folder / MANIFEST).is_file() else None  # Deleted just now.
    return {"id": folder.name, "hash": adapter_hash, "seed": card.config.get("seed") if card else None}
