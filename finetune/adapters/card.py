"""The values of a card that came from elsewhere: each of the kind that its readers expect, or the card is refused.

Cards are shown, compared and computed with all over the lab; a text where a number is wanted must not get that far.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from core.errors import LabError
from finetune.adapters.store import AdapterCard, is_number
from finetune.config import TrainConfig
from finetune.train.held_out import Evaluation
from finetune.train.trainer import Outcome


def check_values(card: AdapterCard) -> None:
    """Check the settings, outcome and licence of a card; fields that this version does not know are not read by it.

    Raises:
        LabError: A value is of another kind, or cannot be written; it is named.
    """
    try:
        json.dumps(asdict(card), allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _refuse("a value", error) from error
    _check_fields("config", TrainConfig, card.config)
    restore_config(card.config)
    _check_fields("outcome", Outcome, card.outcome)
    for item in card.outcome.get("evaluations") or ():
        _check_fields("outcome.evaluations", Evaluation, item)
        if "step" not in item:
            raise _refuse("outcome.evaluations", item)
    for name, value in card.licence.items():
        if not isinstance(value, str):
            raise _refuse(f"licence.{name}", value)


def restore_config(values: Mapping[str, Any]) -> TrainConfig:
    """Return stored settings; those of another version that mean nothing here are left out.

    Raises:
        LabError: A value is impossible.
    """
    _check_fields("config", TrainConfig, values)
    known = {item.name for item in fields(TrainConfig)}
    return TrainConfig(**{name: value for name, value in values.items() if name in known})


def _check_fields(place: str, kind: Any, values: Mapping[str, Any]) -> None:
    """Check the fields of an object that a dataclass names.

    Raises:
        LabError: One is of another kind.
    """
    for item in fields(kind):
        if item.name in values and not _fits(str(item.type), values[item.name]):
            raise _refuse(f"{place}.{item.name}", values[item.name])


def _fits(kind: str, value: Any) -> bool:
    """Say whether a JSON value is of the kind that an annotation names; whole numbers may be written as others."""
    if value is None:
        return "None" in kind
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "str":
        return isinstance(value, str)
    if kind.startswith("tuple"):
        return isinstance(value, list | tuple) and all(isinstance(item, Mapping) for item in value)
    return is_number(value)


def _refuse(place: str, value: Any) -> LabError:
    return LabError(f"The card says {str(value)[:80]!r} for {place}, which cannot be.", "Nothing was taken in.")
