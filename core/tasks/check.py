"""What is wrong with a task before anything is trained or compared on it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from core.answers.view import view_schema
from core.answers.writing import serialize
from core.comparison.arms import ARMS, fit_arm
from core.comparison.prompts import build_prompt, choose_shots
from core.errors import LabError
from core.tasks.document_leaks import NEARBY, DocumentLeak, find_document_leaks, find_too_short
from core.tasks.leakage import OverlapPair, find_pairs
from core.tasks.near_copies import LEAST_ASKED, find_unworded
from core.tasks.task import Task
from core.tasks.wording import normalize
from core.values import Document, Example, Support

SHOWN = 20  # Of each list in the report.
SHOWN_TEXT = 120  # Characters of a text in it.
MAX_TOKENS = 2048  # Of prompt and answer: what training and answering take.


def check_task(
    task: Task, tokenizer: Any | None = None, documents: Sequence[Document] | None = None, unread: Sequence[str] = ()
) -> dict[str, Any]:
    """Report counts, bad rows, duplicates, leaks, groups across the split and token lengths, and what can be enforced.

    `checked` and `unchecked` say in sentences where test items were looked for, and where they could not be.

    Args:
        task: Loaded leniently, so that bad rows are in `problems`.
        tokenizer: A transformers tokenizer for the lengths, or None to leave them out.
        documents: What retrieval reads, to be searched for test questions with their answers; None where nobody read it.
        unread: Documents that could not be read, each with the reason.
    """
    pairs = find_pairs(task.train, task.test)
    exact = {example.input for example in task.train} & {example.input for example in task.test}
    equal = {normalize(example.input) for example in task.train} & {normalize(example.input) for example in task.test}
    groups = sorted(_groups(task.train) & _groups(task.test))
    leaks = find_document_leaks(task.test, documents or (), schema=task.schema)
    usable = not task.problems and not pairs and not groups and not leaks
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
        "overlap_near": len({pair.test for pair in pairs} - {pair.test for pair in pairs if pair.kind == "equal"}),
        "overlap_examples": _describe_pairs(pairs[:SHOWN], task),
        "document_leaks": [describe_document_leak(leak) for leak in leaks[:SHOWN]],
        "checked": _list_checked(task, documents),
        "unchecked": _list_unchecked(task, documents, unread),
        "same_everywhere": _constant_fields(task),
        "balance": _count_labels(task),
        "groups_crossing": groups[:SHOWN],
        "tokens": _token_lengths(task, tokenizer) if tokenizer is not None else None,
        "too_long": _find_long(task, tokenizer) if tokenizer is not None else [],
        "constraint": _describe_constraint(task, tokenizer) if tokenizer is not None else None,
    }


def describe_document_leak(leak: DocumentLeak) -> str:
    """Say in a sentence what a document gives away."""
    if len(leak.tests) == 1:
        return f"{leak.document} holds 1 test question with its answer: {leak.tests[0]!r}"
    return f"{leak.document} holds {len(leak.tests)} test questions with their answers (first: {leak.tests[0]!r})"


def describe_document_search(count: int) -> str:
    """Say how many documents were searched, and for what."""
    documents = "1 document" if count == 1 else f"{count} documents"
    return f"{documents}, for questions word for word with their answer within {NEARBY} words"


def describe_unworded(examples: Sequence[Example]) -> list[str]:
    """Say in a sentence which questions are too short for near copies of them to be looked for, if any is."""
    short = find_unworded(examples)
    if not short:
        return []
    questions = "1 question" if len(short) == 1 else f"{len(short)} questions"
    return [f"{questions} of fewer than {LEAST_ASKED} words: only equal texts (first: {short[0]!r})"]


def _list_checked(task: Task, documents: Sequence[Document] | None) -> list[str]:
    """Say where test items were looked for."""
    checked = [
        f"{len(task.test)} test inputs among {len(task.train)} training inputs: equal, a few words changed (of 3 to 5 words one), "
        "one inside the other",
        "groups on both sides of the split",
    ]
    return checked if not documents else [*checked, describe_document_search(len(documents))]


def _list_unchecked(task: Task, documents: Sequence[Document] | None, unread: Sequence[str]) -> list[str]:
    """Say where test items could not be looked for."""
    unchecked = ["copies in other words, such as paraphrases and translations: only wording is compared"]
    unchecked += describe_unworded(task.test)
    if task.problems:
        unchecked.append(f"{len(task.problems)} rows that are wrong")
    if documents is None:
        return [*unchecked, "documents: they were not read"] if task.documents_folder.is_dir() else unchecked
    if documents and (short := find_too_short(task.test)):
        unchecked.append(f"{len(short)} test questions too short to be looked for in documents (first: {short[0]!r})")
    return unchecked + [f"the document {reason}" for reason in unread[:SHOWN]]


def _describe_pairs(pairs: Sequence[OverlapPair], task: Task) -> list[dict[str, Any]]:
    """Show both texts of each pair, so that a person can judge it."""
    train, test = ({example.id: example.input for example in examples} for examples in (task.train, task.test))
    shown = {pair: (" ".join(text.split())[:SHOWN_TEXT] for text in (train[pair.train], test[pair.test])) for pair in pairs}
    return [{**asdict(pair), **dict(zip(("train_text", "test_text"), texts, strict=True))} for pair, texts in shown.items()]


def _count_labels(task: Task) -> dict[str, dict[str, int]]:
    """Count the values of each field that is chosen from a list, most frequent first, in both splits."""
    counted = {}
    for name, field in view_schema(task.schema).names.items():
        if field.choices is not None or field.kinds == ("boolean",):
            values = Counter(str((example.output or {}).get(name)) for example in (*task.train, *task.test))
            counted[name] = dict(values.most_common(SHOWN))
    return counted


def _constant_fields(task: Task) -> list[str]:
    """Name the fields that have one value in all examples: a mark on them says nothing."""
    outputs = [example.output or {} for example in (*task.train, *task.test)]
    return [name for name in view_schema(task.schema).names if len({json.dumps(output.get(name)) for output in outputs}) == 1]


def _groups(examples: Sequence[Example]) -> set[str]:
    return {example.group for example in examples if example.group is not None}


def _duplicates(examples: Sequence[Example]) -> int:
    return len(examples) - len({normalize(example.input) for example in examples})


def _count(examples: Sequence[Example]) -> dict[str, int]:
    names = [example.slice or "all" for example in examples]
    return {name: names.count(name) for name in sorted(set(names))}


def _describe_constraint(task: Task, tokenizer: Any) -> dict[str, Any]:
    """Say what constrained decoding would do about the schema."""
    from core.generation.constraint import compile_schema
    from core.generation.vocabulary import load_constraint_tokenizer

    try:
        engine = load_constraint_tokenizer(tokenizer, vocabulary=len(tokenizer))
    except LabError as error:  # A task can be used without: answers are free then.
        return {**asdict(Support(False, str(error))), "schema": task.decoding_schema}
    return {**asdict(compile_schema(task.decoding_schema, engine).support), "schema": task.decoding_schema}


def _find_long(task: Task, tokenizer: Any) -> list[str]:
    """Name the examples whose prompt and answer exceed what training takes and the arms with shots may not fit."""
    from core.generation.chat import encode_prompt, encode_text

    too_long = []
    for example in (*task.train, *task.test):
        written = len(task.instruction) + len(example.input) + len(serialize(example.output, task.schema))
        if written > MAX_TOKENS // 4:  # In characters, which are at most four tokens each: shorter ones fit in any case.
            answer = encode_text(tokenizer, serialize(example.output, task.schema))
            if len(encode_prompt(tokenizer, build_prompt(task, example.input))) + len(answer) > MAX_TOKENS:
                too_long.append(example.id)
    return too_long[:SHOWN]


def _token_lengths(task: Task, tokenizer: Any) -> dict[str, dict[str, float]]:
    """Return the median and the longest prompt, alone and with shots, and answer, in tokens."""
    import numpy as np

    from core.generation.chat import encode_prompt, encode_text

    shots = choose_shots(task, fit_arm(ARMS["base"], task).shots)
    examples = [*task.train, *task.test]
    lengths = {
        "prompt": [len(encode_prompt(tokenizer, build_prompt(task, example.input))) for example in examples],
        "prompt_with_shots": [
            len(encode_prompt(tokenizer, build_prompt(task, example.input, shots=shots))) for example in examples
        ],
        "answer": [len(encode_text(tokenizer, serialize(example.output, task.schema))) for example in examples],
    }
    return {name: {"median": float(np.median(values)), "max": float(max(values))} for name, values in lengths.items()}
