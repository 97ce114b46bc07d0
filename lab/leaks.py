"""Where test items of a comparison were seen before: in training, in the prompts' examples, in documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.comparison.arms import Arm
from core.comparison.prompts import choose_shots
from core.errors import LabError
from core.tasks.check import describe_document_leak, describe_document_search, describe_unworded
from core.tasks.document_leaks import DocumentLeak, find_document_leaks, find_too_short
from core.tasks.leakage import find_pairs, find_seen, find_unknown, fingerprint
from core.tasks.task import Task
from core.values import Document, Example
from lab.lab import Lab

if TYPE_CHECKING:
    from finetune.adapters.card import AdapterCard

WORDING = "paraphrases and translations: only wording is compared"


@dataclass(frozen=True, slots=True)
class Leaks:
    """Items that were seen before the exam, and where they were looked for.

    Args:
        adapters: Ids of the adapters whose training is known to have been looked at.
        unknown: Ids of those that do not record what they were trained on.
        items: Ids of the items that one of them was trained on, or an example of the prompts repeats.
        near: Pairs of a row that an arm saw and an item that nearly repeats it, closest first, an item once.
        documents: A sentence for each document that holds items' questions with their answers, if an arm reads documents.
        in_documents: Ids of those items.
        checked: Where items were looked for.
        unchecked: Where they could not be, or not in full.
    """

    adapters: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    near: tuple[tuple[str, str], ...] = ()
    documents: tuple[str, ...] = ()
    in_documents: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def find_leaks(
    lab: Lab, task: Task, items: Sequence[Example], arms: Sequence[Arm], cards: Sequence[AdapterCard]
) -> Leaks:  # fmt: skip
    """Return which items an arm saw before: in its adapter's training, in its prompts' examples, in its documents.

    Equal texts are found in whatever version of the task an adapter was trained on; near copies among those of its
    rows that are still in the task.

    Args:
        lab: Holds the index that arms read.
        task: The task.
        items: What is asked.
        arms: The approaches that answer.
        cards: The cards of their adapters.
    """
    checked: list[str] = []
    unchecked: list[str] = []
    shown = _list_shown(task, arms, checked)
    seen = {example.id for example in shown}
    trained = {mark for card in cards for mark in card.trained_on}
    for card in {card.id: card for card in cards}.values():
        seen.update(find_seen(task.train, card.trained_on))
        checked += [f"{len(card.trained_on)} rows that {card.id} was trained on"] if card.trained_on else []
        unchecked += _list_untold(task, card)
    equal = find_seen(items, (*trained, *(fingerprint(example.input) for example in shown)))
    documents = _search_documents(lab, task, items, checked, unchecked) if any(arm.top_k for arm in arms) else []
    hidden = {example for leak in documents for example in leak.tests}
    return Leaks(
        adapters=tuple(sorted({card.id for card in cards})),
        unknown=tuple(sorted({card.id for card in cards if not card.trained_on})),
        items=tuple(equal),
        near=tuple(_find_near(task, seen, {item.id for item in items}.difference(equal))),
        documents=tuple(map(describe_document_leak, documents)),
        in_documents=tuple(item.id for item in items if item.id in hidden),
        checked=tuple(checked),
        unchecked=(*unchecked, *(describe_unworded(items) if seen else ()), WORDING),
    )


def read_documents(lab: Lab, task: Task) -> tuple[list[Document], list[str]]:
    """Read the documents that a task's index is made of, from their files; and name those that cannot be read, with the reason."""
    return _parse(lab.library.list_files(task, {}))


def read_new_documents(paths: Sequence[Path]) -> tuple[list[Document], list[str]]:
    """Read documents that are to be a task's, and name those that cannot be read, with the reason.

    Raises:
        LabError: A path leads nowhere.
    """
    from retrieval.documents import list_files, list_passed_over

    documents, problems = _parse(list_files(*paths))
    return documents, problems + [f"{problem.path}: {problem.reason}" for problem in list_passed_over(*paths)]


def _parse(files: Sequence[Any]) -> tuple[list[Document], list[str]]:
    from retrieval.documents import Problem, parse_files

    results = list(parse_files(files))
    documents = [result for result in results if isinstance(result, Document)]
    return documents, [f"{result.path}: {result.reason}" for result in results if isinstance(result, Problem)]


def _list_shown(task: Task, arms: Sequence[Arm], checked: list[str]) -> list[Example]:
    """Return the training rows that prompts show as examples: the nearest can be any of them."""
    choices = [task.train if arm.nearest else choose_shots(task, arm.shots, draw=arm.shot_draw) for arm in arms]
    shown = {example.id: example for chosen in choices for example in chosen}
    if len(shown) == 1:
        checked.append("1 row that prompts can show as example")
    elif shown:
        checked.append(f"{len(shown)} rows that prompts can show as examples")
    return list(shown.values())


def _list_untold(task: Task, card: AdapterCard) -> Iterator[str]:
    """Say what of an adapter's training cannot be looked at."""
    if not card.trained_on:
        yield f"{card.id} does not record what it was trained on"
    elif gone := find_unknown((*task.train, *task.test), card.trained_on):
        yield f"{len(gone)} rows that {card.id} was trained on are not in the task any more: only equal texts are found there"


def _find_near(task: Task, seen: set[str], asked: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the closest row seen for each item that is asked and nearly repeats one."""
    if not seen:
        return
    told: set[str] = set()
    # Of the whole task, as `ragft check` finds them: what is a form shows in all rows, not in those of one prompt.
    for pair in find_pairs(task.train, task.test):
        if pair.train in seen and pair.test in asked and pair.test not in told:
            told.add(pair.test)
            yield pair.train, pair.test


def _search_documents(
    lab: Lab, task: Task, items: Sequence[Example], checked: list[str], unchecked: list[str]
) -> list[DocumentLeak]:  # fmt: skip
    """Return which documents of the index give items away."""
    index = lab.library.find_index(task)
    if index is None:
        unchecked.append("documents: there is no index")
        return []
    try:
        leaks = find_document_leaks(items, load_indexed(index), schema=task.schema)
    except LabError as error:
        unchecked.append(f"documents: {error}")
        return []
    checked.append(describe_document_search(len(index.list_documents())))
    if short := find_too_short(items):
        unchecked.append(f"{len(short)} questions too short to be looked for in documents (first: {short[0]!r})")
    return leaks


def load_indexed(index: Any) -> Iterator[Document]:
    """Yield the documents of an index in the order of their names, as they were when it was made."""
    for name in sorted(index.list_documents()):
        document = index.load_document(name)
        if document is not None:
            yield document
