"""What a mark is worth: the marks of answers that need no language model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from core.answers.validation import validate
from core.answers.view import view_schema
from core.errors import LabError
from core.evaluation.acceptance import score_example
from core.evaluation.dictionary import answer_by_dictionary, list_looked_up
from core.evaluation.length_rule import answer_by_length, list_graded
from core.evaluation.sentence_reader import answer_with_spans, find_text_field, read_sentences
from core.tasks.task import Task
from core.values import Document, Example, Retriever

ABSENT = ""  # No JSON.


def choose_majority(task: Task) -> dict[str, Any]:
    """Return the object that has in every field the most frequent value of the training examples, absence among them.

    Raises:
        LabError: There are no training examples.
    """
    _require_train(task)
    answer, outputs = {}, [example.output or {} for example in task.train]
    known = [name for output in outputs for name in output]  # A map has names that its schema does not list.
    for name in dict.fromkeys([*view_schema(task.schema).names, *known]):
        # As JSON, because lists and objects cannot be counted.
        counts = Counter(json.dumps(output[name]) if name in output else ABSENT for output in outputs)
        value = counts.most_common(1)[0][0]
        if value != ABSENT:
            answer[name] = json.loads(value)
    return answer


def find_nearest(task: Task, inputs: Sequence[str], examples: Retriever, *, count: int) -> list[list[Example]]:
    """Return for each input the nearest training examples, nearest first.

    Args:
        task: Holds the training examples.
        inputs: What is asked.
        examples: Searches passages whose document is the id of a training example.
        count: How many examples an input gets, if there are as many.

    Raises:
        LabError: There are no training examples.
    """
    _require_train(task)
    by_id = {example.id: example for example in task.train}
    nearest = []
    for hits in examples.search(inputs, top_k=4 * count):  # A long example has several passages.
        example_ids = dict.fromkeys(hit.passage.document for hit in hits)
        nearest.append([by_id[example_id] for example_id in example_ids][:count])
    return nearest


@dataclass(frozen=True, slots=True)
class Material:
    """What baselines draw on beside the training examples.

    Args:
        examples: Searches passages whose document is the id of a training example.
        documents: Loads the task's documents; called only where a baseline reads them.
    """

    examples: Retriever
    documents: Callable[[], Sequence[Document]] = tuple


def list_baselines(task: Task) -> list[str]:
    """Return the names of the baselines that a task can have: two need training examples alone, the others its kind of field."""
    if not task.train:
        return []
    fitting = {
        "sentence": find_text_field(task) is not None and task.documents_folder.is_dir(),
        "length": bool(list_graded(task)),
        "dictionary": bool(list_looked_up(task)),
    }
    return ["majority", "nearest", *(name for name, fits in fitting.items() if fits)]


def answer_baselines(task: Task, items: Sequence[Example], material: Material) -> dict[str, list[Mapping[str, Any] | None]]:
    """Return what each baseline of the task answers to each item; `nearest` has None where no example is found.

    The others give the majority value in the fields that they know nothing of.

    Raises:
        LabError: There are no training examples.
    """
    nearest = find_nearest(task, [item.input for item in items], material.examples, count=1)
    usual, names = choose_majority(task), list_baselines(task)
    answers: dict[str, list[Mapping[str, Any] | None]] = {
        "majority": [usual] * len(items),
        "nearest": [closest[0].output if closest else None for closest in nearest],
    }
    if "sentence" in names and (documents := material.documents()):
        spans = read_sentences(task, items, documents)
        answers["sentence"] = [*answer_with_spans(usual, task.primary_metric, spans)]
    if "length" in names:
        answers["length"] = [*answer_by_length(task, items, usual)]
    if "dictionary" in names:
        answers["dictionary"] = [*answer_by_dictionary(task, items, usual)]
    return answers


def measure_baselines(task: Task, items: Sequence[Example], material: Material) -> dict[str, dict[str, Any]]:
    """Mark the answers of the task's baselines.

    Returns:
        For each `n` items, the `means` of the metrics over them, and under `slices` the primary metric's mean on each.

    Raises:
        LabError: There are no items or no training examples.
    """
    if not items:
        raise LabError(f"The task {task.name} has no test examples.", f"Fill {task.folder / 'test.jsonl'}.")
    return {name: _measure(task, items, values) for name, values in answer_baselines(task, items, material).items()}


def _measure(task: Task, items: Sequence[Example], answers: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Mark one answer an item and average, over all items and over each slice."""
    marks = [score_example(value, item, task.schema) for value, item in zip(answers, items, strict=True)]
    means = {name: fmean(mark.metric(name) for mark in marks) for name in ("score", "exact", task.primary_metric)}
    means["schema_valid"] = fmean(value is not None and not validate(value, task.schema) for value in answers)
    slices: dict[str, list[float]] = {}
    for item, mark in zip(items, marks, strict=True):
        if item.slice:
            slices.setdefault(item.slice, []).append(mark.metric(task.primary_metric))
    return {"n": len(marks), "means": means, "slices": {name: fmean(values) for name, values in sorted(slices.items())}}


def _require_train(task: Task) -> None:
    if not task.train:
        raise LabError(f"The task {task.name} has no training examples.", f"Fill {task.folder / 'train.jsonl'}.")
