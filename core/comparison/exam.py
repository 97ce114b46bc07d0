"""The exam paper of a run: the task as it was asked and the items as they were, so that a stored run can be read for ever."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.comparison.arms import Arm
from core.comparison.prompts import choose_shots
from core.errors import LabError
from core.stored import Stored, read_stored
from core.tasks.prompting import Prompting
from core.tasks.task import Task
from core.values import Example

EXAM = "exam.json"
OWN = "own"  # Key of the examples that the task itself chooses for its prompts.


@dataclass(frozen=True, slots=True)
class ExamPaper(Stored):
    """What was asked, complete enough to mark the answers again when the task was changed or removed since.

    Args:
        name: The task's.
        title: The task's.
        instruction: What the model was told to do.
        input_label: What stands before a question.
        primary_metric: What decides.
        schema: Of the answers.
        items: What was asked, with what is right.
        description: The task's.
        licence: The task's.
        shots: Ids of the examples that the task names for its prompts.
        margins: Differences too small to matter, by metric.
        passage_tokens: Length of the documents' passages; None is the default.
        prompting: What else prompts showed.
        tuned: What of the prompts was chosen on which rows.
        shown: The training examples that prompts showed, by draw: `own` or its number. Nearest examples are not among them.
    """

    name: str
    title: str
    instruction: str
    input_label: str
    primary_metric: str
    schema: Mapping[str, Any]
    items: tuple[Example, ...]
    description: str = ""
    licence: str = "unknown"
    shots: tuple[str, ...] = ()
    margins: Mapping[str, float] = field(default_factory=dict)
    passage_tokens: int | None = None
    prompting: Prompting = field(default_factory=Prompting)
    tuned: Mapping[str, Any] = field(default_factory=dict)
    shown: Mapping[str, tuple[Example, ...]] = field(default_factory=dict)

    def restore_task(self, folder: Path) -> Task:
        """Return the task as it was asked; of its examples it has the items and those that prompts showed.

        Args:
            folder: Where the task lies, or lay: its documents are not kept here.
        """
        shown = {example.id: example for examples in self.shown.values() for example in examples}
        return Task(
            name=self.name,
            folder=folder,
            title=self.title,
            description=self.description,
            instruction=self.instruction,
            input_label=self.input_label,
            primary_metric=self.primary_metric,
            licence=self.licence,
            schema=self.schema,
            shots=self.shots,
            train=tuple(shown.values()),
            test=self.items,
            passage_tokens=self.passage_tokens,
            margins=self.margins,
            tuned=self.tuned,
            prompting=self.prompting,
        )

    def find_shots(self, count: int, *, draw: int | None = None) -> tuple[Example, ...]:
        """Return the fixed examples that prompts showed.

        Args:
            count: How many the arm shows.
            draw: `Prediction.shot_draw` of the answer.
        """
        return tuple(self.shown.get(_name_draw(draw), ())[:count])


def write_paper(task: Task, items: Sequence[Example], arms: Sequence[Arm]) -> ExamPaper:
    """Write down what arms were asked.

    Args:
        task: The task.
        items: The test items.
        arms: Who answered; their fixed examples are kept.
    """
    fixed = [arm for arm in arms if arm.shots and not arm.nearest]
    shown = {
        _name_draw(arm.shot_draw): tuple(choose_shots(task, arm.shots, draw=arm.shot_draw))
        for arm in sorted(fixed, key=lambda arm: arm.shots)  # The longest of a draw's lists is kept: it begins with the others.
    }
    return ExamPaper(
        name=task.name,
        title=task.title,
        instruction=task.instruction,
        input_label=task.input_label,
        primary_metric=task.primary_metric,
        schema=task.schema,
        items=tuple(items),
        description=task.description,
        licence=task.licence,
        shots=task.shots,
        margins=task.margins,
        passage_tokens=task.passage_tokens,
        prompting=task.prompting,
        tuned=task.tuned,
        shown=shown,
    )


def dump_paper(paper: ExamPaper) -> str:
    """Return a paper as JSON; the order of the schema's properties stays, for it is that of the answers."""
    values = paper.as_json()
    values["items"] = [_drop_empty(item) for item in values["items"]]
    return json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n"


def read_paper(path: Path, *, remedy: str) -> ExamPaper:
    """Read a run's paper.

    Raises:
        LabError: It is damaged; `remedy` says what to do.
    """
    paper = read_stored(ExamPaper, path, remedy=remedy)
    ids = [item.id for item in paper.items]
    if len(set(ids)) < len(ids):
        raise LabError(f"{path} is damaged: an item stands in it twice.", remedy)
    return paper


def _name_draw(draw: int | None) -> str:
    return OWN if draw is None else str(draw)


def _drop_empty(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if value not in (None, (), [], {}) or key == "output"}
