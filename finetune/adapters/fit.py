"""Which adapter an approach answers with: one that fits, or none, and then it is said why.

An adapter that learned from another model, under another instruction, for another schema or with other prompts answers
worse than one that fits, and a comparison with it says nothing of fine-tuning. Only who names it and insists gets it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import LabError
from core.settings import Settings
from core.storage import hash_json, verify_folder
from core.tasks.folders import name_task
from core.tasks.prompting import PASSAGE_TOKENS
from core.tasks.task import Task
from finetune.adapters.card import AdapterCard, describe_prompts, rank_adapter, read_card
from finetune.adapters.store import find_folder, find_selected, list_adapters

MIXED = "mixed"  # The kind of adapter that has seen prompts of both kinds.
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
    """

    task: Task
    weights: str
    passages: bool
    title: str = "This approach"

    @property
    def kind(self) -> str:
        """The kind of training that shows prompts like these and no others."""
        return "passages" if self.passages else "plain"

    def name_command(self, settings: Settings) -> str:
        """Return the command that makes a fitting adapter."""
        more = ["--prompts", "passages"] if self.passages else []
        return shlex.join(["ragft", "train", name_task(self.task, settings), *more])


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
        wrong.append("was trained on another model")
    if not card.instruction or not card.schema:
        wrong.append("does not say under which instruction and schema it was trained")
    else:
        if card.instruction != need.task.instruction:
            wrong.append("was trained under another instruction")
        if _mark_schema(card.schema) != _mark_schema(need.task.schema):
            wrong.append("was trained for another schema")
    if card.kind not in (need.kind, MIXED):
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
    # One that was selected for just this kind of prompt comes before one that was selected for both.
    best = max(
        fitting, key=lambda card: (card.id in selected, card.id in selected and card.kind == need.kind, rank_adapter(card))
    )
    return _verify(settings, best.id, remedy)


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
