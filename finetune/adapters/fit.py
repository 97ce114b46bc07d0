"""Which adapter an approach answers with: one that fits, or none, and then it is said why.

An adapter that learned from another model, under another instruction, for another schema or with other prompts answers
worse than one that fits, and a comparison with it says nothing of fine-tuning. Only who names it and insists gets it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.settings import DEFAULT_MODEL, DEFAULT_STORAGE, STORAGES, Settings
from core.storage import hash_json, verify_folder
from core.tasks.folders import name_task
from core.tasks.prompting import PASSAGE_TOKENS
from core.tasks.task import Task
from finetune.adapters.card import AdapterCard, describe_prompts, rank_adapter, read_card
from finetune.adapters.store import find_folder, find_selected, list_adapters
from finetune.config import SHUFFLED

MIXED = "mixed"  # The kind of adapter that has seen prompts of both kinds.
MAKING = {"plain": [], "passages": ["--prompts", "passages"], SHUFFLED: ["--shuffle-labels"]}  # Options, by kind.
# Before a task could say so.
UNTOLD = {"passages": 2, "passage_order": "best_last", "abstain_below": None, "passage_tokens": PASSAGE_TOKENS}


@dataclass(frozen=True, slots=True)
class Need:
    """What an approach needs of an adapter.

    Args:
        task: The task: its instruction and its schema.
        weights: Hash of the base that answers.
        passages: Whether the prompts show retrieved passages.
        title: What people call the approach.
        shuffled: Whether it is the control that asks for an adapter of shuffled answers.
        storage: How the base's weights are kept while they answer (`core.settings.STORAGES`).
    """

    task: Task
    weights: str
    passages: bool
    title: str = "This approach"
    shuffled: bool = False
    storage: str = DEFAULT_STORAGE

    @property
    def kind(self) -> str:
        """The kind of training that shows prompts like these and no others."""
        if self.shuffled:
            return SHUFFLED
        return "passages" if self.passages else "plain"

    def name_command(self, settings: Settings) -> str:
        """Return the command that makes a fitting adapter, for the model that answers."""
        model = ["--model", settings.model] if settings.model != DEFAULT_MODEL else []
        return shlex.join(["ragft", "train", name_task(self.task, settings), *MAKING[self.kind], *model])


class NoFit(LabError):
    """No adapter fits an approach.

    Args:
        happened: What is wrong with the nearest.
        remedy: The command that makes one that fits.
        need: What the approach needs.
    """

    def __init__(self, happened: str, remedy: str, need: Need) -> None:
        super().__init__(happened, remedy)
        self.need = need


@dataclass(frozen=True, slots=True)
class Fitting:
    """What answers an approach: folders of adapters, and of those that do not fit what is wrong with them."""

    folders: tuple[Path, ...]
    misfits: tuple[str, ...] = field(default=())


def find_misfits(card: AdapterCard, need: Need) -> list[str]:
    """Return what is wrong with an adapter for an approach, in words that follow its id; nothing where it fits."""
    wrong = []
    if card.weights != need.weights:
        wrong.append(f"was trained on another model, {card.model}")
    if not card.instruction or not card.schema:
        wrong.append("does not say under which instruction and schema it was trained")
    else:
        if card.instruction != need.task.instruction:
            wrong.append("was trained under another instruction")
        if _mark_schema(card.schema) != _mark_schema(need.task.schema):
            wrong.append("was trained for another schema")
    if card.kind != need.kind and SHUFFLED in (card.kind, need.kind):
        wrong.append(f"was trained on {'answers as they stand' if need.shuffled else 'shuffled answers, as a control'}")
    elif card.kind not in (need.kind, MIXED):
        wrong.append(f"was trained {'without' if need.passages else 'with'} passages in its prompts")
    else:
        wrong += _compare_prompts(card, need)
    if card.outcome.get("cancelled"):
        wrong.append("was stopped before its training was complete")
    return wrong


def _compare_prompts(card: AdapterCard, need: Need) -> list[str]:
    """Return what of the prompts is another than in training; what an older card does not say was as `UNTOLD` has it."""
    learned = {**UNTOLD, **card.prompting}
    if learned["passage_tokens"] is None:  # Some cards name the usual length so.
        learned["passage_tokens"] = PASSAGE_TOKENS
    asked = describe_prompts(need.task, passages=need.passages)
    wrong = [
        f"was trained with prompts that show {_say_shown(name, learned[name])}, not {_say_shown(name, value)}"
        for name, value in asked.items()
        if name in learned and learned[name] != value
    ]
    if not isinstance(learned.get("input_label"), str):
        wrong.append(f"does not say whether it was trained with {_say_shown('input_label', need.task.input_label)}")
    return wrong


def _say_shown(name: str, value: object) -> str:
    """Say in words what prompts show by one setting (`describe_prompts`)."""
    if name == "passages":
        return "1 passage" if value == 1 else f"{value} passages"
    if name == "passage_tokens":
        return f"passages of {value} tokens"
    if name == "passage_order":
        return {"best_last": "the best passage last", "best_first": "the best passage first"}.get(
            str(value), f"{value} passages"
        )
    if name == "answer_form":
        return f"the form of the answer in the words of version {str(value)[:8]}"
    if name == "abstain_below":
        return "passages whatever the evidence" if value is None else f"passages from evidence {value} on"
    return f"the input as {str(value)!r}"


def describe_storage(card: AdapterCard, need: Need) -> str:
    """Say that an adapter answers over weights kept in another way than those it learned beside; empty where it does not.

    It fits all the same, for it belongs to the same weights; but the rounding that it learned with is another.
    """
    learned = str(card.config.get("storage") or DEFAULT_STORAGE)
    learned = {"full": "bf16"}.get(learned, learned)
    if learned == need.storage:
        return ""
    kept, trained = (STORAGES.get(name, name) for name in (need.storage, learned))
    return f"{need.title} answered over weights kept in {kept}; the adapter {card.id} was trained beside weights in {trained}."


def _mark_schema(schema: object) -> tuple[str, list[str]]:
    """Return what two schemas have in common that ask for the same: all they say, and the order in which fields are written."""
    fields = schema.get("properties") if isinstance(schema, dict) else None
    return hash_json(schema), list(fields) if isinstance(fields, dict) else []


def choose_adapter(settings: Settings, need: Need) -> Path:
    """Return the folder of the adapter that answers where none is named: of those that fit the selected, else the newest.

    Raises:
        NoFit: None fits: what is wrong with the nearest and the command that makes a fitting one are named.
        LabError: The chosen one is damaged.
    """
    cards = list_adapters(settings, task=need.task.name)
    fitting = [card for card in cards if not find_misfits(card, need)]
    remedy = f"Train one: `{need.name_command(settings)}`."
    if not fitting:
        raise NoFit(_describe_nearest(cards, need), remedy, need)
    selected = find_selected(settings, need.task.name)

    def rank(card: AdapterCard) -> tuple[Any, ...]:
        # One that was selected for just this kind of prompt comes before one that was selected for both.
        chosen = card.id in selected
        return chosen, chosen and card.kind == need.kind, not describe_storage(card, need), rank_adapter(card)

    return _verify(settings, max(fitting, key=rank).id, remedy)


def take_adapters(settings: Settings, adapters: Sequence[str], need: Need, *, allow_misfit: bool = False) -> Fitting:
    """Return those of the named adapters that fit; where none does and it is allowed, all of them, with what is wrong.

    Raises:
        NoFit: None fits.
        LabError: There is no such adapter, or one is damaged.
    """
    folders = {adapter: find_folder(settings, adapter) for adapter in dict.fromkeys(adapters)}
    cards = {adapter: read_card(folder) for adapter, folder in folders.items()}
    remedy = f"Train one that fits: `{need.name_command(settings)}`"
    fitting = [adapter for adapter, card in cards.items() if not find_misfits(card, need)]
    if not fitting and not allow_misfit:
        insist = "; or insist with --allow-misfit: every table and report is then stamped."
        raise NoFit(_describe_nearest(cards.values(), need), f"{remedy}{insist}", need)
    usable = fitting or [adapter for adapter, card in cards.items() if card.weights == need.weights]
    if not usable:  # No option helps: its matrices belong to other weights.
        raise NoFit(_describe_nearest(cards.values(), need), f"{remedy}.", need)
    misfits = tuple(
        f"{need.title} answered with the adapter {adapter}, which {_join(find_misfits(cards[adapter], need))}."
        for adapter in usable
        if adapter not in fitting
    )
    return Fitting(tuple(_verify(settings, adapter, f"{remedy}.") for adapter in usable), misfits)


def _describe_nearest(cards: Iterable[AdapterCard], need: Need) -> str:
    """Say what is wrong with the adapter that misses least, the newest of several."""
    found = sorted(cards, key=rank_adapter, reverse=True)
    if not found:
        return f"There is no adapter for {need.task.name}."
    nearest = min(found, key=lambda card: len(find_misfits(card, need)))
    return f"No adapter fits {need.title}: the adapter {nearest.id} {_join(find_misfits(nearest, need))}."


def _join(parts: Sequence[str]) -> str:
    return " and ".join(parts)


def _verify(settings: Settings, adapter: str, remedy: str) -> Path:
    folder = find_folder(settings, adapter)
    verify_folder(folder, remedy=f"Delete it (`ragft adapters delete {adapter}`) and train again. {remedy}")
    return folder
