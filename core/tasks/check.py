"""What is wrong with a task before anything is trained or compared on it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from core.answers.writing import serialize
from core.comparison.arms import SHOTS
from core.comparison.prompts import build_prompt, choose_shots
from core.tasks.leakage import OverlapPair, find_pairs, find_seen, fingerprint, normalize
from core.tasks.task import Task
from core.values import Example

SHOWN = 20  # Of each list in the report.
SHOWN_TEXT = 120  # Characters of a text in it.
MAX_TOKENS = 2048  # Of prompt and answer: what training and answering take.


def check_task(task: Task, tokenizer: Any | None = None) -> dict[str, Any]:
    """Report counts, bad rows, duplicates, train/test overlap, groups across the split and token lengths, and what can be enforced.

    Args:
        task: Loaded leniently, so that bad rows are in `problems`.
        tokenizer: A transformers tokenizer for the lengths, or None to leave them out.
    """
    pairs = find_pairs(task.train, task.test)
    exact = {example.input for example in task.train} & {example.input for example in task.test}
    equal = {normalize(example.input) for example in task.train} & {normalize(example.input) for example in task.test}
    groups = sorted(_groups(task.train) & _groups(task.test))
    usable = not task.problems and not pairs and not groups
    return {
        "task": task.name,
        "usable": usable,
        "train": len(task.train),
        "test": len(task.test),
        "slices": _count(task.test),
        "invalid": len(task.problems),
        "problems": list(task.problems[:SHOWN]),
        "duplicates_train": _duplicates(task.train),
        "duplicates_test": _duplicates(task.test),
        "overlap_exact": len(exact),
        "overlap_normalized": len(equal),
        "overlap_near": len({pair.test for pair in pairs})
        - len(find_seen(task.test, map(fingerprint, (e.input for e in task.train)))),
        "overlap_examples": [_describe_pair(pair, task) for pair in pairs[:SHOWN]],
        "same_everywhere": _constant_fields(task),
        "balance": _count_labels(task),
        "groups_crossing": groups[:SHOWN],
        "tokens": _token_lengths(task, tokenizer) if tokenizer is not None else None,
        "too_long": _find_long(task, tokenizer) if tokenizer is not None else [],
        "constraint": _describe_constraint(task, tokenizer) if tokenizer is not None else None,
    }


def _describe_pair(pair: OverlapPair, task: Task) -> dict[str, Any]:
    """Show both texts of a pair, so that a person can judge it."""
    texts = {example.id: " ".join(example.input.split())[:SHOWN_TEXT] for example in (*task.train, *task.test)}
    return {**asdict(pair), "train_text": texts[pair.train], "test_text": texts[pair.test]}


def _count_labels(task: Task) -> dict[str, dict[str, int]]:
    """Count the values of each field that is chosen from a list, most frequent first, in both splits."""
    counted = {}
    for name, field in task.schema["properties"].items():
        if isinstance(field, dict) and ("enum" in field or field.get("type") == "boolean"):
            values = Counter(str((example.output or {}).get(name)) for example in (*task.train, *task.test))
            counted[name] = dict(values.most_common(SHOWN))
    return counted


def _constant_fields(task: Task) -> list[str]:
    """Name the fields that have one value in all examples: a mark on them says nothing."""
    outputs = [example.output or {} for example in (*task.train, *task.test)]
    return [name for name in task.schema["properties"] if len({json.dumps(output.get(name)) for output in outputs}) == 1]


def _groups(examples: Sequence[Example]) -> set[str]:
    return {example.group for example in examples if example.group is not None}


def _duplicates(examples: Sequence[Example]) -> int:
    return len(examples) - len({normalize(example.input) for example in examples})


def _count(examples: Sequence[Example]) -> dict[str, int]:
    names = [example.slice or "all" for example in examples]
    return {name: names.count(name) for name in sorted(set(names))}


def _describe_constraint(task: Task, tokenizer: Any) -> dict[str, Any]:
    """Say what constrained decoding would do about the schema."""
    from core.generation.constraint import compile_schema, load_constraint_tokenizer

    compiled = compile_schema(task.decoding_schema, load_constraint_tokenizer(tokenizer, vocabulary=len(tokenizer)))
    return {**asdict(compiled.support), "schema": task.decoding_schema}


def _find_long(task: Task, tokenizer: Any) -> list[str]:
    """Name the examples whose prompt and answer exceed what training takes and the arms with shots may not fit."""
    from core.generation.decoder import encode_prompt

    too_long = []
    for example in (*task.train, *task.test):
        written = len(task.instruction) + len(example.input) + len(serialize(example.output, task.schema))
        if written > MAX_TOKENS // 4:  # In characters, which are at most four tokens each: shorter ones fit in any case.
            answer = tokenizer(serialize(example.output, task.schema))["input_ids"]
            if len(encode_prompt(tokenizer, build_prompt(task, example.input))) + len(answer) > MAX_TOKENS:
                too_long.append(example.id)
    return too_long[:SHOWN]


def _token_lengths(task: Task, tokenizer: Any) -> dict[str, dict[str, float]]:
    """Return the median and the longest prompt, alone and with shots, and answer, in tokens."""
    import numpy as np

    from core.generation.decoder import encode_prompt

    shots = choose_shots(task, SHOTS)
    examples = [*task.train, *task.test]
    lengths = {
        "prompt": [len(encode_prompt(tokenizer, build_prompt(task, example.input))) for example in examples],
        "prompt_with_shots": [
            len(encode_prompt(tokenizer, build_prompt(task, example.input, shots=shots))) for example in examples
        ],
        "answer": [len(tokenizer(serialize(example.output, task.schema))["input_ids"]) for example in examples],
    }
    return {name: {"median": float(np.median(values)), "max": float(max(values))} for name, values in lengths.items()}
