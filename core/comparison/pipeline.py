"""The one pipeline: `answer(task, items, arm)` serves a question, a page and a 300-item evaluation alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.answers.parsing import parse
from core.answers.validation import validate
from core.comparison.arms import Arm
from core.comparison.prompts import build_prompt, choose_shots
from core.errors import LabError
from core.evaluation.baselines import find_nearest
from core.tasks.task import Task
from core.values import DecodeOptions, Example, Generation, Generator, Hit, Message, OnText, Prediction, Retriever


@dataclass(frozen=True, slots=True)
class Tools:
    """What arms answer with.

    Args:
        generator: Writes the answers.
        retriever: Finds passages, for arms that retrieve.
        examples: Searches the training examples, for arms that show the nearest ones.
    """

    generator: Generator
    retriever: Retriever | None = None
    examples: Retriever | None = None


@dataclass(frozen=True, slots=True)
class _Packed:
    """A prompt that fits, with the hits that it holds and those that were left out."""

    messages: list[Message]
    hits: tuple[Hit, ...]
    dropped: tuple[Hit, ...]


def answer(
    task: Task,
    items: Sequence[Example],
    arm: Arm,
    tools: Tools,
    *,
    options: DecodeOptions | None = None,
    on_text: OnText | None = None,
) -> Iterator[tuple[int, Prediction]]:
    """Answer items with one arm, yielding (index of the item, prediction) as they finish.

    Raises:
        LabError: The arm needs an adapter or an index that is not there, or a question does not fit.
    """
    options = options or DecodeOptions()
    packed = _pack_all(task, items, arm, tools, options)
    prompts = [pack.messages for pack in packed]
    schema = task.decoding_schema
    answers = tools.generator.generate(prompts, adapter=arm.adapter, options=options, schema=schema, on_text=on_text)
    for index, generation in answers:
        yield index, _predict(task, items[index], arm, packed[index], generation)


def answer_together(
    task: Task, item: Example, sides: Sequence[tuple[Arm, Tools]], *, options: DecodeOptions, on_text: OnText | None = None
) -> Iterator[tuple[int, Prediction]]:
    """Answer one item with several arms side by side, yielding (index of the arm, prediction) as they finish.

    Args:
        task: The task.
        item: The question.
        sides: Arms that answer with the same adapter, or all without one, each with its tools; the first one's generator writes.
        options: How answers are decoded.
        on_text: Is told of each arm's answer so far.

    Raises:
        LabError: An arm needs an adapter or an index that is not there, or the question does not fit.
        ValueError: The arms answer with different adapters.
    """
    adapters = {arm.adapter for arm, _ in sides}
    if len(adapters) != 1:
        raise ValueError(f"arms of {len(adapters)} adapters cannot answer in one batch")
    packed = [_pack_all(task, [item], arm, tools, options)[0] for arm, tools in sides]
    prompts = [pack.messages for pack in packed]
    generator, schema = sides[0][1].generator, task.decoding_schema
    answers = generator.generate(prompts, adapter=adapters.pop(), options=options, schema=schema, on_text=on_text)
    for index, generation in answers:
        yield index, _predict(task, item, sides[index][0], packed[index], generation)


def _pack_all(task: Task, items: Sequence[Example], arm: Arm, tools: Tools, options: DecodeOptions) -> list[_Packed]:
    """Return each item's prompt as an arm makes it, with the passages and examples that it finds."""
    if arm.uses_adapter and arm.adapter is None:
        raise LabError(f"The arm {arm.name!r} needs an adapter for {task.name}.", f"Train one: `ragft train {task.name}`.")
    hits = _search(task, items, arm, tools)
    shots = _choose_examples(task, items, arm, tools)
    return [
        _pack(task, item, shots=shown, hits=passages, generator=tools.generator, options=options)
        for item, shown, passages in zip(items, shots, hits, strict=True)
    ]


def _search(task: Task, items: Sequence[Example], arm: Arm, tools: Tools) -> Sequence[Sequence[Hit]]:
    """Return the passages of each item, best first; none for an arm that does not retrieve."""
    if not arm.top_k:
        return [[]] * len(items)
    if tools.retriever is None:
        raise LabError(f"The arm {arm.name!r} needs an index of {task.name}.", f"Build it: `ragft index {task.name}`.")
    return tools.retriever.search([item.input for item in items], top_k=arm.top_k)


def _choose_examples(task: Task, items: Sequence[Example], arm: Arm, tools: Tools) -> Sequence[Sequence[Example]]:
    """Return the examples that each item's prompt shows: the task's fixed ones, or the nearest."""
    if not arm.nearest:
        return [choose_shots(task, arm.shots, draw=arm.shot_draw)] * len(items)
    if tools.examples is None:
        raise LabError(f"The arm {arm.name!r} needs a search over the training examples of {task.name}.")
    nearest = find_nearest(task, [item.input for item in items], tools.examples, count=arm.shots)
    return [list(reversed(examples)) for examples in nearest]  # A small model copies most from what it read last.


def _pack(
    task: Task, item: Example, *, shots: Sequence[Example], hits: Sequence[Hit], generator: Generator, options: DecodeOptions
) -> _Packed:
    """Fit whole passages, best first, into the context that the answer leaves free."""
    # A draft stands between prompt and answer, and one token ends the answer.
    room = generator.context_tokens - options.max_new_tokens - (options.draft_tokens if options.mode == "think" else 0) - 1
    # Whole passages or none: half a rule reads as another rule.
    for kept in range(len(hits), -1, -1):
        messages = build_prompt(task, item.input, shots=shots, hits=hits[:kept])
        needed = generator.count_tokens(messages)
        if needed <= room:
            return _Packed(messages, tuple(hits[:kept]), tuple(hits[kept:]))
    raise LabError(
        f"The question {item.id!r} needs {needed} tokens but the model leaves room for {room}.", "Shorten the question."
    )


def _predict(task: Task, item: Example, arm: Arm, packed: _Packed, generation: Generation) -> Prediction:
    """Read and validate an answer; a bad one is a prediction like any other, with its issues."""
    parsed = parse(generation.text, task.schema)
    issues = parsed.issues
    if parsed.stage != "failed":
        issues += tuple(validate(parsed.value, task.schema))
    return Prediction(
        arm=arm.name,
        example=item.id,
        hits=packed.hits,
        generation=generation,
        value=parsed.value,
        issues=issues,
        stage=parsed.stage,
        dropped_passages=len(packed.dropped),
        dropped_documents=tuple(hit.passage.document for hit in packed.dropped),
        adapter=Path(arm.adapter).name if arm.adapter is not None else None,
        shot_draw=arm.shot_draw,
    )
