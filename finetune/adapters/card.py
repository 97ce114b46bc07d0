"""An adapter's card: what it is, how it was made, what came of it.

Cards are shown, compared and computed with all over the lab. One that was written here is read with its fields' kinds
checked; one that came from elsewhere also has every setting and mark checked, because a text where a number is meant
would break its readers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeGuard, get_type_hints

from core.comparison.description import describe_answer
from core.errors import LabError
from core.generation.adapter import CARD
from core.storage import hash_json
from core.stored import Stored, read_stored
from core.tasks.prompting import PASSAGE_TOKENS
from core.tasks.task import Task
from finetune.config import SHUFFLED, TrainConfig, update_settings
from finetune.train.report import Evaluation, Outcome

SHOWN_VALUE = 80  # Characters of a refused value in the error.


@dataclass(frozen=True, slots=True)
class AdapterCard(Stored):
    """What an adapter is; a field with a default may be absent from cards that were written before it existed.

    Args:
        id: Names its folder.
        task: What it was trained for.
        model: The folder name of its base.
        weights: Hash of the base (`core.generation.loading.hash_weights`).
        data: Hash of the training examples.
        config: The settings of the training.
        outcome: What came of it: losses, steps, seconds, marks.
        created: When, in ISO 8601.
        dropped: Ids of the examples that were too long.
        trained_on: The fingerprint of each example that was used (`core/tasks/leakage.py`).
        licence: Of the `base` and of the `data`.
        environment: Versions and hardware (`core.environment.describe_environment`).
        instruction: What the model was told to do.
        schema: The JSON Schema of the answers it learned.
        prompting: What else its prompts followed from (`describe_prompts`).
    """

    id: str
    task: str
    model: str
    weights: str
    data: str
    config: Mapping[str, Any]
    outcome: Mapping[str, Any]
    created: str
    dropped: tuple[str, ...] = ()
    trained_on: tuple[str, ...] = ()
    licence: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    instruction: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    prompting: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What its prompts showed in training (`finetune.config.PROMPTS`); a control's is `SHUFFLED`, which no approach asks for."""
        if self.config.get("shuffle_labels") is True:
            return SHUFFLED
        return str(update_settings(self.config).get("prompts") or "plain")


def read_card(folder: Path) -> AdapterCard:
    """Read the card of an adapter's folder.

    Raises:
        LabError: The card is absent, or a field is missing or of another kind.
    """
    card = read_stored(AdapterCard, folder / CARD, remedy="Delete the adapter and train it again.")
    return replace(card, config=update_settings(card.config))


def describe_prompts(task: Task, *, passages: bool) -> dict[str, Any]:
    """Return what a task's prompts follow from beside instruction and schema: an adapter is asked as it was trained.

    Args:
        task: The task.
        passages: Whether they show passages.
    """
    about: dict[str, Any] = {"input_label": task.input_label, "answer_form": hash_json(describe_answer(task.schema))}
    if passages:
        shown = task.prompting
        about |= {name: getattr(shown, name) for name in ("passages", "passage_order", "abstain_below")}
        about["passage_tokens"] = task.passage_tokens or PASSAGE_TOKENS
    return about


def date_adapter(card: AdapterCard) -> tuple[datetime, str]:
    """Return when an adapter was made, then its id; one whose date cannot be read is older than all others."""
    try:
        made = datetime.fromisoformat(card.created)
    except ValueError:
        made = datetime.min.replace(tzinfo=UTC)
    return made.replace(tzinfo=made.tzinfo or UTC), card.id


def rank_adapter(card: AdapterCard) -> tuple[bool, datetime, str]:
    """Return what orders adapters: those of a whole training last, then by when they were made; an id is no date."""
    return not card.outcome.get("cancelled"), *date_adapter(card)


def is_number(value: Any) -> TypeGuard[int | float]:
    """Say whether a value of a card is a number, and a finite one."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_values(card: AdapterCard) -> None:
    """Check the settings and the outcome of a card; fields that this version does not know are not read by it.

    Raises:
        LabError: A value is of another kind, or cannot be written; it is named.
    """
    try:
        json.dumps(card.as_json(), allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _refuse("a value", error) from error
    restore_config(card.config)
    _check_fields("outcome", Outcome, card.outcome)
    for evaluation in card.outcome.get("evaluations") or ():
        _check_fields("outcome.evaluations", Evaluation, evaluation)
        if "step" not in evaluation:
            raise _refuse("outcome.evaluations", evaluation)


def restore_config(values: Mapping[str, Any]) -> TrainConfig:
    """Return stored settings; those of another version that mean nothing here are left out.

    Raises:
        LabError: A value is impossible.
    """
    known = update_settings(values)
    _check_fields("config", TrainConfig, known)
    names = {item.name for item in fields(TrainConfig)}
    return TrainConfig(**{name: value for name, value in known.items() if name in names})


def _check_fields(place: str, kind: type, values: Mapping[str, Any]) -> None:
    """Check those fields of a dataclass that an object holds; others may be missing, as in a card from elsewhere.

    Raises:
        LabError: One is of another kind.
    """
    from pydantic import TypeAdapter, ValidationError

    for name, hint in get_type_hints(kind).items():
        if name in values:
            # A whole number may be written as another: peft's alpha can be 22.6, and some programs write 8 as 8.0.
            reader: Any = TypeAdapter(float if hint is int else hint)
            try:
                reader.validate_json(json.dumps(values[name]), strict=True)
            except ValidationError as error:
                raise _refuse(f"{place}.{name}", values[name]) from error


def _refuse(place: str, value: Any) -> LabError:
    return LabError(f"The card says {str(value)[:SHOWN_VALUE]!r} for {place}, which cannot be.", "Nothing was taken in.")
