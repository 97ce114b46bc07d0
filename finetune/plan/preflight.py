"""What is wrong with a training before it starts: data, tokens, leakage, memory, time, disk; no weights are loaded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

from core.answers.validation import validate
from core.answers.writing import serialize
from core.errors import LabError
from core.generation.decoder import common_prefix
from core.tasks.check import check_task
from core.tasks.leakage import find_seen, fingerprint
from core.tasks.task import Task
from core.tasks.wording import normalize
from core.values import Example, Hit
from finetune.config import TrainConfig
from finetune.data import Encoded, encode_both, encode_example, measure_own
from finetune.plan.estimate import MARGIN, Estimate, Machine, ModelShape, describe_estimate, estimate_training
from finetune.train.held_out import split_holdout

SHOWN = 3  # Examples that people read token by token.
FEW = 20  # Examples below which a training is a try-out.
PERCENTILES = (5, 50, 95, 100)  # Of the lengths; 100 is the longest.
LONGEST_CHARACTER = 4  # Bytes of one in UTF-8, each of which can be a token.

Part = Literal["given", "learned", "end"]
_PARTS: tuple[Part, Part, Part] = ("given", "learned", "end")


@dataclass(frozen=True, slots=True)
class Piece:
    """A token as text. `given` is masked in the loss, `learned` and the `end` of the turn are trained."""

    text: str
    part: Part


@dataclass(frozen=True, slots=True)
class LabelledExample:
    """An example as the loss sees it."""

    id: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Preflight:
    """The report.

    Args:
        task: Its name.
        problems: What makes the training useless or impossible, or its marks worthless.
        leaks: Those of the problems that say that test examples are learned.
        warnings: What should be known, but stops nothing.
        counts: Examples by what becomes of them, duplicates and leakage.
        lengths: Percentiles of tokens of prompt, answer and both, by "p5", "p50", "p95" and "p100".
        labelled: Three examples, token by token.
        estimate: Memory, time and disk; None where no example can be trained on.
    """

    task: str
    problems: tuple[str, ...]
    leaks: tuple[str, ...]
    warnings: tuple[str, ...]
    counts: Mapping[str, int]
    lengths: Mapping[str, Mapping[str, float]]
    labelled: tuple[LabelledExample, ...]
    estimate: Estimate | None

    @property
    def go(self) -> bool:
        """Whether training may start."""
        return not self.problems

    @property
    def as_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "task": self.task,
            "go": self.go,
            "problems": list(self.problems),
            "warnings": list(self.warnings),
            "counts": dict(self.counts),
            "tokens": {name: dict(values) for name, values in self.lengths.items()},
            "labelled": [asdict(item) for item in self.labelled],
            "estimate": describe_estimate(self.estimate) if self.estimate else None,
        }


@dataclass(frozen=True, slots=True)
class _Encoding:
    """What became of the examples: encoded and fitting, too long, and refused with the reason."""

    fitting: list[Encoded]
    too_long: list[Encoded]
    refused: list[str]


def inspect_training(
    task: Task, tokenizer: Any, config: TrainConfig, *, shape: ModelShape, machine: Machine,
    hits: Sequence[Sequence[Hit]] | None = None,
) -> Preflight:  # fmt: skip
    """Inspect a training before its weights are loaded.

    Args:
        task: Loaded leniently, so that bad rows are in its `problems`.
        tokenizer: Of the model.
        config: The settings.
        shape: Of the model.
        machine: What is free.
        hits: The passages that each training example's prompt will show.
    """
    # The same cut as the training will make: those held out are checked, but nothing is estimated for them.
    learned = {example.id for example in split_holdout(task.train, config.holdout, seed=config.seed)[0]}
    encode = partial(encode_both, max_tokens=shape.context) if config.prompts == "mixed" else encode_example
    encoding = _encode(
        task,
        partial(encode, task, tokenizer=tokenizer),
        hits or [()] * len(task.train),
        max_tokens=shape.context,
        learned=learned,
    )
    estimate = _estimate(encoding.fitting, shape, config, machine) if encoding.fitting else None
    targets = {serialize(example.output, task.schema) for example in task.train}
    report = check_task(task)
    seen = find_seen(task.test, map(fingerprint, (example.input for example in task.train)))
    counts = {
        "train": len(task.train),
        "held_out": len(task.train) - len(learned),
        "trained_on": len(encoding.fitting),
        "too_long": len(encoding.too_long),
        "refused": len(encoding.refused),
        "invalid_rows": len(task.problems),
        "targets": len(targets),
        "duplicates": report["duplicates_train"],
        "contradictions": _count_contradictions(task),
        "test": len(task.test),
        "leaked": len(seen),
        "near_leaked": report["overlap_near"],
    }
    leaks = tuple(_find_leaks(task, seen, report["groups_crossing"]))
    problems = [*_find_problems(task, counts), *encoding.refused[:1], *leaks]
    return Preflight(
        task=task.name,
        # What is wrong with the data first: memory is estimated for the examples that are left.
        problems=(*problems, *(estimate.problems if estimate else ())),
        leaks=leaks,
        warnings=(
            *_find_warnings(counts, report["same_everywhere"], encoding, shape.context),
            *(_warn_of_memory(estimate) if estimate else ()),
        ),
        counts=counts,
        lengths=_measure([*encoding.fitting, *encoding.too_long]),
        labelled=tuple(label_tokens(item, tokenizer) for item in encoding.fitting[:SHOWN]),
        estimate=estimate,
    )


def label_tokens(item: Encoded, tokenizer: Any) -> LabelledExample:
    """Return an example token by token; tokens that only together make a character become one piece."""
    given, learned, end = _PARTS
    parts = [given] * len(item.prompt) + [learned] * (len(item.answer) - 1) + [end]
    pieces: list[Piece] = []
    before: list[int] = []
    group: list[int] = []
    for token, part, following in zip([*item.prompt, *item.answer], parts, [*parts[1:], None], strict=True):
        group.append(token)
        # A token after another shows whether it begins with a space, which decoding it alone may drop.
        text = tokenizer.decode([*before, *group])[len(tokenizer.decode(before)) if before else 0 :]
        if text.endswith("\ufffd") and following == part and len(group) < LONGEST_CHARACTER:
            continue
        pieces.append(Piece(text, part))
        before, group = group, []
    return LabelledExample(item.id, tuple(pieces))


def _encode(
    task: Task, encode: Callable[..., Encoded], hits: Sequence[Sequence[Hit]], *, max_tokens: int, learned: Container[str]
) -> _Encoding:
    """Encode every example as training will, reporting instead of raising. A target is never cut: it fits or is left out.

    Examples that are held out are checked, but not among those that fit.
    """
    encoding = _Encoding([], [], [])
    for example, shown in zip(task.train, hits, strict=True):
        try:
            _check_target(example, task)
            item = encode(example, hits=shown)
        except LabError as error:
            told = str(error)
            encoding.refused.append(told if repr(example.id) in told else f"Example {example.id!r}: {told}")
            continue
        if len(item.prompt) + len(item.answer) > max_tokens:
            encoding.too_long.append(item)
        elif item.id in learned:
            encoding.fitting.append(item)
    return encoding


def _check_target(example: Example, task: Task) -> None:
    """Refuse a target whose written form does not parse or is not valid under the schema."""
    issues = validate(json.loads(serialize(example.output, task.schema)), task.schema)
    if issues:
        raise LabError(
            f"The target of {example.id!r} is not valid: output{issues[0].pointer}: {issues[0].message}.", "Mend it."
        )


def _estimate(examples: Sequence[Encoded], shape: ModelShape, config: TrainConfig, machine: Machine) -> Estimate:
    prefix = common_prefix([item.prompt for item in examples])
    answers = [len(item.answer) for item in examples]
    return estimate_training(shape, config, machine, prefix=prefix, own=measure_own(examples, prefix), answers=answers)


def _find_problems(task: Task, counts: Mapping[str, int]) -> Iterator[str]:
    """Say what makes the training useless or impossible, each with what to do."""
    train = task.folder / "train.jsonl"
    if task.problems:
        yield f"{len(task.problems)} rows are wrong; the first is {task.problems[0]}. Mend or delete them."
    if counts["train"] < 2:
        yield f"{train} has {counts['train'] or 'no'} usable example{'s' * (counts['train'] == 0)}. Give at least 2, better 100."
    elif counts["targets"] == 1:
        yield f"All {counts['train']} examples have the same answer, so nothing but it would be learned. Add others."
    if counts["train"] and not counts["trained_on"] and counts["too_long"]:
        yield f"No example fits into the context: all {counts['too_long']} are longer. Shorten the inputs."


def _find_leaks(task: Task, seen: Sequence[str], crossing: Sequence[str]) -> Iterator[str]:
    """Say which test examples would be learned, so that marks on them would mean nothing."""
    train = task.folder / "train.jsonl"
    if seen:
        yield f"{len(seen)} test inputs are in the training examples too (first: {seen[0]!r}). Remove them from {train}."
    if crossing:
        yield f"{len(crossing)} groups are on both sides of the split (first: {crossing[0]!r}). Move each to one side."


def _warn_of_memory(estimate: Estimate) -> Iterator[str]:
    """Say that the training fits only if something is given up (`finetune/plan/memory.py`)."""
    if estimate.peak * MARGIN > estimate.available and not estimate.problems:
        yield "Memory is short: activations are computed again instead of kept, which takes about a third longer."


def _find_warnings(counts: Mapping[str, int], constant: Sequence[str], encoding: _Encoding, context: int) -> Iterator[str]:
    """Say what should be known."""
    if counts["too_long"]:
        first = encoding.too_long[0]
        size = len(first.prompt) + len(first.answer)
        yield (
            f"{counts['too_long']} examples are longer than {context} tokens and are left out, not cut "
            f"(first: {first.id!r} with {size})."
        )
    if len(encoding.refused) > 1:  # The first is told among the problems, in its own words.
        yield f"{len(encoding.refused)} examples could not be encoded."
    if 2 <= counts["trained_on"] < FEW:
        yield f"There are only {counts['trained_on']} examples to train on: enough to try it out, not to learn a task."
    if counts["duplicates"]:
        yield f"{counts['duplicates']} training inputs repeat another."
    if counts["contradictions"]:
        yield f"{counts['contradictions']} training inputs appear with different answers."
    if counts["near_leaked"]:
        yield f"{counts['near_leaked']} test inputs are nearly those of training examples; `ragft check` shows the pairs."
    for name in constant:
        yield f"The field {name!r} has one value in all examples."


def _count_contradictions(task: Task) -> int:
    """Count the inputs that appear with more than one answer."""
    pairs = {(normalize(example.input), serialize(example.output, task.schema)) for example in task.train}
    return sum(count > 1 for count in Counter(text for text, _ in pairs).values())


def _measure(items: Sequence[Encoded]) -> dict[str, dict[str, float]]:
    """Return percentiles of the lengths in tokens; of two prompts the one with passages counts."""
    if not items:
        return {}
    import numpy as np

    prompts = [len(item.other or item.prompt) for item in items]
    lengths = {
        "prompt": prompts,
        "answer": [len(item.answer) for item in items],
        "both": [prompt + len(item.answer) for prompt, item in zip(prompts, items, strict=True)],
    }
    return {
        name: {f"p{percent}": float(np.percentile(values, percent)) for percent in PERCENTILES}
        for name, values in lengths.items()
    }
