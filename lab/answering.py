"""Asking: an arm is given what it needs (adapter, index, examples) and answers items through the one pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.answers.writing import serialize
from core.comparison.arms import Arm, fit_arm
from core.comparison.pipeline import Tools, answer, answer_together
from core.errors import LabError
from core.tasks.task import Task
from core.values import MODES, DecodeOptions, Example, Message, OnText, Prediction
from lab.lab import Lab
from lab.shown_passages import open_passages

MAX_NEW_TOKENS = 256  # Of an answer where no example tells how long answers are.
MARGIN = 8  # Tokens beyond the longest known answer.
HELD_FACTOR = 4  # Held texts and lists may be twice as long as known ones (`core/answers/bounds.py`), lists of lists more.


def answer_items(
    lab: Lab, task: Task, items: Sequence[Example], arm: Arm, *, options: DecodeOptions, on_text: OnText | None = None
) -> Iterator[tuple[int, Prediction]]:
    """Answer items with one arm, yielding (index of the item, prediction) as they finish.

    Args:
        lab: Where model, indexes and adapters are.
        task: The task.
        items: What to answer.
        arm: How, with the task's number of passages and examples. An arm that uses an adapter and names none answers with
            the selected or newest that fits.
        options: How answers are decoded.
        on_text: Is told of every answer so far.

    Raises:
        LabError: The arm lacks its adapter or index; how to make it is said. Or as `core.comparison.pipeline.answer`.
    """
    fixed = fix_adapter(lab, task, fit_arm(arm, task))
    yield from answer(
        task, items, fixed, gather_tools(lab, task, fixed, items, seed=options.seed), options=options, on_text=on_text
    )


def answer_arms(
    lab: Lab, task: Task, item: Example, arms: Sequence[Arm], *, options: DecodeOptions, on_text: OnText | None = None
) -> Iterator[tuple[int, Prediction]]:
    """Answer one question with several arms side by side, yielding (index of the arm, prediction) as they finish.

    Args:
        lab: Where model, indexes and adapters are.
        task: The task.
        item: The question.
        arms: As `fix_adapter` returns them, all with the same adapter, or all without one.
        options: How answers are decoded.
        on_text: Is told of each arm's answer so far.

    Raises:
        LabError: As `answer_items`.
    """
    sides = [(arm, gather_tools(lab, task, arm, [item], seed=options.seed)) for arm in arms]
    yield from answer_together(task, item, sides, options=options, on_text=on_text)


def gather_tools(lab: Lab, task: Task, arm: Arm, items: Sequence[Example], *, seed: int = 0) -> Tools:
    """Return what an arm answers with: the generator, and the searches that it needs.

    Args:
        lab: Where model and indexes are.
        task: The task.
        arm: The approach.
        items: All that it will be asked: a control gives them passages together.
        seed: Of which question's passages a control gives to another.

    Raises:
        LabError: The index of the task's documents is absent or damaged, or a control has no passages to give.
    """
    return Tools(
        lab.load_generator(),
        retriever=open_passages(lab, task, arm, items, seed=seed) if arm.top_k else None,
        examples=lab.library.load_examples(task) if arm.nearest else None,
    )


def fix_adapter(lab: Lab, task: Task, arm: Arm) -> Arm:
    """Return an arm with the adapter that it answers with where none was named.

    Raises:
        LabError: None fits, or it is damaged; how to make one that fits is said.
    """
    return fix_adapters(lab, task, arm)[0][0]


def fix_adapters(
    lab: Lab, task: Task, arm: Arm, *, adapters: Sequence[str] = (), allow_misfit: bool = False
) -> tuple[list[Arm], tuple[str, ...]]:
    """Return an arm once for each adapter that it answers with, and what is wrong with those that do not fit.

    Args:
        lab: Where the adapters are.
        task: The task.
        arm: One without an adapter, or with its own, is returned as it is.
        adapters: Ids of those asked for; each that fits answers. None takes the selected or newest that fits.
        allow_misfit: Whether those asked for answer although none of them fits.

    Raises:
        LabError: None fits, or one is absent or damaged; how to make one that fits is said.
    """
    if not arm.uses_adapter or arm.adapter is not None:
        return [arm], ()
    choice = lab.find_adapters(task, arm, adapters=adapters, allow_misfit=allow_misfit)
    return [arm.with_adapter(str(folder)) for folder in choice.folders], choice.misfits


def choose_options(lab: Lab, task: Task, *, mode: str = "free", seed: int = 0, batch_size: int = 16) -> DecodeOptions:
    """Return greedy decoding with room for the longest known answer and a margin, for every arm alike.

    Raises:
        LabError: There is no such mode.
    """
    if mode not in MODES:
        raise LabError(f"There is no decoding mode {mode!r}.", f"Choose one of {', '.join(MODES)}.")
    generator = lab.load_generator()
    lengths = [
        generator.count_tokens([Message("system", ""), Message("assistant", serialize(example.output, task.schema))])
        for example in task.train
    ]
    longest = max(lengths, default=MAX_NEW_TOKENS) + MARGIN
    longest *= 1 if mode == "free" else HELD_FACTOR
    return DecodeOptions(mode=mode, max_new_tokens=longest, seed=seed, batch_size=batch_size)


def describe_constraint(lab: Lab, task: Task, mode: str) -> str:
    """Say in a sentence what of the schema answers are not held to while they are written; empty when it is all of it."""
    if mode == "free":
        return ""
    support = lab.load_generator().check_support(task.decoding_schema)
    if not support.enforced:
        return f"Decoded freely and validated afterwards: {support.reason}."
    return f"Only validated afterwards: {', '.join(support.afterwards)}." if support.afterwards else ""
