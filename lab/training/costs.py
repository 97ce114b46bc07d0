"""What a planned training takes, answered at once while settings change: the model's shape and the examples' lengths are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from core.errors import LabError
from core.tasks.folders import find_task
from core.tasks.loading import load_task
from core.tasks.prompting import PASSAGE_TOKENS
from core.tasks.task import Task
from core.values import Example
from finetune.adapters.card import is_number
from finetune.adapters.store import list_adapters
from finetune.config import TrainConfig
from lab.lab import Lab

if TYPE_CHECKING:
    from finetune.plan.estimate import Estimate, Machine, ModelShape
    from finetune.plan.presets import Preset

FRAME_TOKENS = 14  # Of a shown passage's heading and frame, at most.


@dataclass(frozen=True, slots=True)
class Cost:
    """What a training takes.

    Args:
        estimate: Sizes, steps and speed.
        steps: Those that the time budget allows.
        answering: Minutes of answering the held-out examples beside the steps; None where this was never measured here.
        config: The settings, with the held-out examples that the data allow.
    """

    estimate: Estimate
    steps: int
    answering: float | None
    config: TrainConfig


@dataclass(frozen=True, slots=True)
class _Lengths:
    """The examples, the tokens that all prompts share and of shown passages, and by an example's id its own part's and answer's."""

    examples: tuple[Example, ...]
    prefix: int
    passages: int
    own: Mapping[str, int]
    answers: Mapping[str, int]


@dataclass
class Costs:
    """Estimates for trainings of the lab's model. The first of a task reads its examples, which takes seconds."""

    lab: Lab
    _shapes: dict[Path, ModelShape] = field(default_factory=dict)
    _lengths: dict[tuple[Any, ...], _Lengths] = field(default_factory=dict)

    def estimate(self, name: str, config: TrainConfig) -> Cost:
        """Estimate a training of a task.

        Raises:
            LabError: The task or model is absent, or no example can be encoded.
        """
        from finetune.plan.estimate import estimate_training
        from finetune.train.held_out import split_holdout

        lengths = self._measure(name)
        learned, held = split_holdout(lengths.examples, config.holdout, seed=config.seed)
        capped = replace(config, holdout=len(held))
        found = estimate_training(
            self.shape, capped, self._inspect(config.storage), prefix=lengths.prefix,
            own=_add_passages([lengths.own[example.id] for example in learned], config.prompts, lengths.passages),
            answers=[lengths.answers[example.id] for example in learned],
        )  # fmt: skip
        affordable = int(found.minutes * 60 * found.tokens_per_second / found.tokens_per_step)
        return Cost(found, max(1, min(found.steps, affordable)), self._measure_answering(name, capped), capped)

    @property
    def shape(self) -> ModelShape:
        """The sizes of the lab's model.

        Raises:
            LabError: It is not here.
        """
        from core.generation.models import find_model
        from finetune.plan.estimate import read_shape

        folder = find_model(self.lab.settings)
        if folder not in self._shapes:
            self._shapes[folder] = read_shape(folder)
        return self._shapes[folder]

    def choose_preset(self) -> Preset:
        """Return the starting values for the lab's model on this machine.

        Raises:
            LabError: The model is not here.
        """
        from finetune.plan.presets import choose_preset

        return choose_preset(self.shape, self._inspect("nf4").memory)

    def _inspect(self, storage: str) -> Machine:
        from finetune.plan.estimate import inspect_machine

        cards = list_adapters(self.lab.settings)
        return inspect_machine(self.lab.settings.home, cards, model=self.shape.name, storage=storage)

    def _measure(self, name: str) -> _Lengths:
        """Return the lengths of a task's examples, read anew when its files have changed."""
        from core.generation.decoder import common_prefix
        from core.generation.loading import load_tokenizer
        from core.generation.models import find_model
        from finetune.data import encode_examples

        folder, model = find_task(name, self.lab.settings), find_model(self.lab.settings)
        key = (folder, model, *(_stamp(folder / file) for file in ("task.toml", "schema.json", "train.jsonl")))
        if key not in self._lengths:
            task = load_task(folder, lenient=True)
            if not task.train:
                raise LabError(f"The task {name} has no training examples.", f"Fill {folder / 'train.jsonl'}.")
            items, _ = encode_examples(task, task.train, load_tokenizer(model), max_tokens=self.shape.context)
            prefix = common_prefix([item.prompt for item in items])
            own = {item.id: len(item.prompt) - prefix + len(item.answer) for item in items}
            fitting = tuple(example for example in task.train if example.id in own)
            answers = {item.id: len(item.answer) for item in items}
            self._lengths[key] = _Lengths(fitting, prefix, _count_passages(task), own, answers)
        return self._lengths[key]

    def _measure_answering(self, name: str, config: TrainConfig) -> float | None:
        """Return the minutes that past trainings of this task give reason to expect, 0 where nothing is held out."""
        if not config.holdout:
            return 0.0
        spent = [
            evaluation["seconds"] / evaluation["n"]
            for card in list_adapters(self.lab.settings, task=name)
            if card.model == self.shape.name
            for evaluation in _list_evaluations(card.outcome)
        ]
        return fmean(spent) * config.holdout * (config.evaluations + 1) / 60 if spent else None


def _count_passages(task: Task) -> int:
    """Return the most tokens that a prompt's passages have together."""
    return task.prompting.passages * ((task.passage_tokens or PASSAGE_TOKENS) + FRAME_TOKENS)


def _add_passages(own: Sequence[int], prompts: str, passages: int) -> list[int]:
    """Return lengths with the passages that training shows: of a mixture the longer half has them (`finetune.data.measure_own`)."""
    shown = {"plain": 0, "passages": len(own)}.get(prompts, (len(own) + 1) // 2)
    return [length + passages * (place < shown) for place, length in enumerate(sorted(own, reverse=True))]


def _list_evaluations(outcome: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found = outcome.get("evaluations")
    return [
        item
        for item in (found if isinstance(found, list) else ())
        if isinstance(item, dict) and all(is_number(item.get(name)) and item[name] > 0 for name in ("n", "seconds"))
    ]


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0
