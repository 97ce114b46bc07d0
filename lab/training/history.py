"""All trainings of a task, from the files of jobs and adapters: what was set, what came of it, what differs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.jobs import CONFIG, list_configs, read_config, read_status
from core.settings import Settings
from core.stored import Listing, read_each
from finetune.adapters.card import AdapterCard, is_number, rank_adapter
from finetune.adapters.store import list_adapters, list_cards, read_selected
from finetune.config import TrainConfig, default_alpha, update_settings
from lab.jobs import read_request
from lab.requests import TrainRequest
from lab.training.events import read_training_events

HEADERS = [
    "Training",
    "State",
    "Steps",
    "Minutes",
    "First loss",
    "Last loss",
    "Field score",
    "Best step",
    "Settings",
    "Answers",
]
EVALUATED = ("step", "n", "held_loss", "parsed", "schema_valid", "score", "exact", "ended")


@dataclass(frozen=True, slots=True)
class Training:
    """One training.

    Args:
        id: Of its job, else of its adapter.
        state: Of the job; of an adapter without one, made on the command line or imported, `done` or `cancelled`.
        config: Its settings, where they are known.
        outcome: What came of it; empty where it stored no adapter.
        adapter: The id of its adapter, None where there is none any more.
        kind: What its adapter's prompts showed (`finetune.config.PROMPTS`).
        job: The folder of its job.
        model: Name of the model that learned, where it is known.
    """

    id: str
    state: str
    config: Mapping[str, Any]
    outcome: Mapping[str, Any] = field(default_factory=dict)
    adapter: str | None = None
    kind: str = "plain"
    job: Path | None = None
    model: str = ""

    @property
    def title(self) -> str:
        """When it was started and the end of its id, for lists."""
        found = re.match(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)\d\d-.*?(\w+)$", self.id)
        if found is None:
            return self.id
        year, month, day, hour, minute, end = found.groups()
        return f"{year}-{month}-{day} {hour}:{minute} · {end}"

    @property
    def best(self) -> Mapping[str, Any] | None:
        """The evaluation of the weights that were stored; None where they were not evaluated."""
        kept = [item for item in list_evaluations(self.outcome) if item["step"] == (self.outcome.get("best_step") or None)]
        return next(reversed(kept), None)


def list_evaluations(outcome: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the evaluations of an outcome whose numbers are numbers."""
    found = outcome.get("evaluations")
    return [
        item
        for item in (found if isinstance(found, list | tuple) else ())
        if isinstance(item, Mapping) and all(is_number(item.get(name)) for name in EVALUATED)
    ]


def list_trainings(settings: Settings, task: str) -> Listing[Training]:
    """Return the trainings of a task, newest first, and a sentence for each damaged one; an adapter counts once, with its job."""
    adapters = list_cards(settings, task=task)
    cards = {card.id: card for card in adapters.whole}
    jobs = [folder for folder, _ in list_configs(settings, "train", task)]
    listing = read_each(jobs, lambda folder: _read_job(folder, cards))
    told = {training.adapter for training in listing.whole}
    trainings = listing.whole + [_read_card(card) for card in cards.values() if card.id not in told]
    return Listing(sorted(trainings, key=lambda training: training.id, reverse=True), [*listing.damaged, *adapters.damaged])


def _read_job(folder: Path, cards: Mapping[str, AdapterCard]) -> Training:
    status = read_status(folder)
    card = cards.get(str(status.result.get("id")))
    outcome = _take_object(status.result.get("outcome"))
    return Training(
        id=folder.name,
        state=_name_state(status.state, outcome),
        config=update_settings(_take_object(status.result.get("config"))) or _read_settings(folder),
        outcome=outcome,
        adapter=card.id if card else None,
        kind=card.kind if card else "plain",
        job=folder,
        model=str(status.result.get("model") or ""),
    )


def _read_settings(folder: Path) -> Mapping[str, Any]:
    """Return what a job was asked to train with; a job of an older version, which kept a command instead, does not say."""
    config = read_config(folder)
    if not config.request:
        return {}
    request = read_request(config, origin=str(folder / CONFIG))
    return asdict(request.config) if isinstance(request, TrainRequest) else {}


def _take_object(value: Any) -> Mapping[str, Any]:
    """Return a value of a job's result where it is an object, as it must be."""
    return value if isinstance(value, Mapping) else {}


def _read_card(card: AdapterCard) -> Training:
    return Training(card.id, _name_state("done", card.outcome), card.config, card.outcome, card.id, card.kind, model=card.model)


def _name_state(state: str, outcome: Mapping[str, Any]) -> str:
    """Return a training's state: one that was stopped and kept its adapter was cancelled, whatever its job says."""
    return "cancelled" if state == "done" and outcome.get("cancelled") else state


def list_rows(trainings: Iterable[Training], selected: Iterable[str], newest: Mapping[str, str]) -> list[list[str]]:
    """Return the rows of the history.

    Args:
        trainings: Of one task.
        selected: The ids of the adapters that were chosen to answer.
        newest: The adapter that answers without a choice, by kind of prompt.
    """
    chosen = set(selected)
    return [
        [
            training.title,
            training.state,
            _number(training.outcome.get("steps"), digits=0),
            _number(training.outcome.get("seconds"), 1 / 60, 1),
            _number(training.outcome.get("first_loss")),
            _number(training.outcome.get("last_loss")),
            _number(training.best["score"]) if training.best else "",
            _number(training.outcome.get("best_step") or None, digits=0),
            describe_config(training.config),
            _describe_use(training, chosen, newest),
        ]
        for training in trainings
    ]


def read_use(settings: Settings, task: str, trainings: Sequence[Training]) -> tuple[set[str], dict[str, str]]:
    """Return the adapters selected for a task, and by kind of prompt the one that answers where none is selected.

    Those of stopped trainings answer nowhere. That a task's instruction or schema has changed since is not looked at here:
    who asks is told (`finetune/adapters/fit.py`).
    """
    try:
        chosen = read_selected(settings).get(task, {})
    except LabError:
        chosen = {}  # The command line names the damage; the history stays readable.
    shown = {training.adapter for training in trainings}
    newest: dict[str, str] = {}
    for card in sorted(list_adapters(settings, task=task), key=rank_adapter, reverse=True):
        served = [kind for kind in ("plain", "passages") if card.kind in (kind, "mixed")]
        if card.id in shown and not card.outcome.get("cancelled"):
            newest |= {kind: card.id for kind in served if kind not in newest and not {kind, "mixed"} & set(chosen)}
    return set(chosen.values()), newest


def _describe_use(training: Training, chosen: set[str], newest: Mapping[str, str]) -> str:
    if training.adapter is None:
        return "" if training.state in {"starting", "queued", "running"} else "no adapter"
    if training.adapter in chosen:
        return "selected"
    return "newest" if training.adapter in newest.values() else ""


def _number(value: Any, scale: float = 1.0, digits: int = 3) -> str:
    if value is None:
        return ""
    return f"{scale * value:.{digits}f}" if is_number(value) else "unknown"


def describe_config(config: Mapping[str, Any]) -> str:
    """Return the settings that are not the usual ones, in a few words."""
    if not config:
        return "unknown"
    usual = asdict(TrainConfig())
    said = []
    for name, value in config.items():
        if name in usual and value != usual[name] and name not in {"holdout", "checkpoint_seconds"}:
            rank = config.get("rank")
            if name == "alpha" and is_number(rank) and value == default_alpha(int(rank), rslora=bool(config.get("rslora"))):
                continue
            said.append(name.replace("_", " ") if value is True else f"{name.replace('_', ' ')} {_short(value)}")
    return ", ".join(said) or "usual"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def compare_settings(one: Training, other: Training) -> list[tuple[str, str, str]]:
    """Return (setting, value of one, value of the other) where they differ."""
    if not one.config or not other.config:
        return [("settings", *("unknown" if not training.config else "known" for training in (one, other)))]  # type: ignore[list-item]
    usual = asdict(TrainConfig())
    rows = []
    for name in usual:
        values = [{**usual, **training.config}[name] for training in (one, other)]
        if values[0] != values[1]:
            rows.append((name.replace("_", " "), *("none" if value is None else _short(value) for value in values)))
    return rows  # type: ignore[return-value]


def compare_outcomes(one: Training, other: Training) -> list[tuple[str, str, str]]:
    """Return what came of two trainings, line by line."""
    lines = []
    for title, name, scale, digits in (
        ("steps", "steps", 1.0, 0), ("minutes", "seconds", 1 / 60, 1), ("last loss", "last_loss", 1.0, 3),
        ("trainable parameters", "trainable_parameters", 1.0, 0),
    ):  # fmt: skip
        lines.append((title, *(_number(training.outcome.get(name), scale, digits) for training in (one, other))))
    for title, name in (("field score", "score"), ("valid under the schema", "schema_valid"), ("held-out loss", "held_loss")):
        lines.append((title, *(_number(training.best[name]) if training.best else "" for training in (one, other))))
    return lines  # type: ignore[return-value]


def read_curves(training: Training) -> list[dict[str, Any]]:
    """Return a training's events; of an adapter without its job only the evaluations are known."""
    if training.job is not None:
        return read_training_events(training.job)
    return [{"kind": "evaluation", **item} for item in list_evaluations(training.outcome)]
