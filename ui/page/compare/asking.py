"""Answers of several approaches as they come: a list of entries, one for each card, that changes until all are done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from core.comparison.arms import ARMS, Arm, fit_arm
from core.errors import LabError
from core.tasks.task import Task
from core.values import DecodeOptions, Example, OnText, Prediction
from finetune.adapters.fit import NoFit
from lab.answering import answer_arms, choose_options, describe_constraint, fix_adapter
from lab.lab import Lab
from lab.limits import check_question
from lab.loading import wait_for_model
from lab.search import judge_hits
from retrieval.evidence.abstention import EvidenceVerdict
from ui.page.compare.streaming import stream

EntryState = Literal["waiting", "working", "writing", "done", "refused"]
Lack = Literal["", "index", "adapter"]
LONGEST_QUESTION = 20_000  # Characters; a CV of several pages. More does not fit into a prompt anyway.


@dataclass(frozen=True, slots=True)
class Entry:
    """One card.

    Args:
        arm: Name of the approach.
        mode: How it decodes.
        state: How far it is.
        text: What was written so far.
        prediction: The answer, once it is done.
        verdict: What is said of the search behind it.
        note: Why it did not answer, or what must be known of how it did.
        lacks: What a button can provide where it did not answer.
        kind: The kind of training that it needs, where it lacks an adapter.
        beside: How many others were answered in the same batch.
    """

    arm: str
    mode: str = "free"
    state: EntryState = "waiting"
    text: str = ""
    prediction: Prediction | None = None
    verdict: EvidenceVerdict | None = None
    note: str = ""
    lacks: Lack = ""
    kind: str = ""
    beside: int = 0


def read_question(task: Task, text: str) -> Example:
    """Return what was typed as an item: the test question of these words, else one without an expected answer.

    Raises:
        LabError: There is no text, or too much of it.
    """
    text = text.strip()
    if not text:
        raise LabError("There is no question.", "Type one or take a test question.")
    if len(text) > LONGEST_QUESTION:
        raise LabError(f"The question has {len(text):,} characters.", f"Ask in at most {LONGEST_QUESTION:,}.")
    return find_question(task, text) or Example("question", text)


def find_question(task: Task, text: str) -> Example | None:
    """Return the test question of these words; None where there is none."""
    return next((item for item in task.test if item.input.strip() == text.strip()), None)


def ask(lab: Lab, task: Task, item: Example, entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Answer a question once for each entry; yields all entries each time that some of them changed.

    Entries with the same adapter and decoding are answered side by side: two of them take little longer than one.
    """
    check_question(lab.settings, item.input)
    for sentence in wait_for_model(lab):
        yield [replace(entry, state="working", note=sentence) for entry in entries]
    shown = list(entries)
    batches: dict[tuple[str, str | None], list[tuple[int, Arm]]] = {}
    for place, entry in enumerate(entries):
        arm, shown[place] = _prepare(lab, task, entry)
        if arm is not None:
            batches.setdefault((entry.mode, arm.adapter), []).append((place, arm))
    for batch in batches.values():
        for place, _ in batch:
            shown[place] = replace(shown[place], state="working")
        yield list(shown)
        for changed in _answer_batch(lab, task, item, [(shown[place], arm) for place, arm in batch]):
            for (place, _), entry in zip(batch, changed, strict=True):
                shown[place] = entry
            yield list(shown)
    if not batches:
        yield list(shown)


def _prepare(lab: Lab, task: Task, entry: Entry) -> tuple[Arm | None, Entry]:
    """Return the arm with its adapter; None, and the entry refused, where something is lacking."""
    if ARMS[entry.arm].top_k and not lab.library.has_index(task):
        return None, replace(entry, state="refused", note="Its documents are not indexed yet.", lacks="index")
    try:
        return fix_adapter(lab, task, fit_arm(ARMS[entry.arm], task)), entry
    except NoFit as error:
        return None, replace(entry, state="refused", note=str(error), lacks="adapter", kind=error.need.kind)
    except LabError as error:
        return None, replace(entry, state="refused", note=str(error))


def _answer_batch(lab: Lab, task: Task, item: Example, batch: Sequence[tuple[Entry, Arm]]) -> Iterator[list[Entry]]:
    """Yield the entries of a batch as their answers are written, at last done or refused."""
    shown = [entry for entry, _ in batch]
    try:
        options = choose_options(lab, task, mode=shown[0].mode)
        for part in stream(partial(_write, lab, task, item, [arm for _, arm in batch], options)):
            if isinstance(part, dict):
                for place, text in part.items():
                    shown[place] = replace(shown[place], state="writing", text=text)
            else:
                note = describe_constraint(lab, task, shown[0].mode)
                shown = [
                    replace(
                        entry, state="done", prediction=part[0][place], note=note, beside=len(batch) - 1,
                        verdict=judge_hits(lab, task, item.input, part[0][place].hits),
                    )
                    for place, entry in enumerate(shown)
                ]  # fmt: skip
            yield list(shown)
    except LabError as error:
        if len(batch) == 1:
            yield [replace(shown[0], state="refused", note=str(error))]
            return
        # What one of them cannot do must not cost the others their answers.
        for place, one in enumerate(batch):
            for (shown[place],) in _answer_batch(lab, task, item, [one]):
                yield list(shown)


def _write(
    lab: Lab, task: Task, item: Example, arms: Sequence[Arm], options: DecodeOptions, on_text: OnText
) -> dict[int, Prediction]:  # fmt: skip
    return dict(answer_arms(lab, task, item, arms, options=options, on_text=on_text))
