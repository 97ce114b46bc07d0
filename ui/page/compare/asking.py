"""Answers of several approaches as they come: a list of entries, one for each card, that changes until all are done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from core.comparison.arms import ARMS
from core.errors import LabError
from core.tasks.task import Task
from core.values import DecodeOptions, Example, OnText, Prediction
from finetune.adapters.fit import NoFit
from lab.answering import answer_items, choose_options, describe_constraint
from lab.lab import Lab
from lab.search import judge_hits
from retrieval.evidence.abstention import EvidenceVerdict
from ui.page.compare.streaming import stream

EntryState = Literal["waiting", "working", "writing", "done", "refused"]
Lack = Literal["", "index", "adapter"]


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


def ask(lab: Lab, task: Task, item: Example, entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Answer a question once for each entry; yields all entries each time that one of them changed.

    They go one after the other: one model answers them. Whoever draws them must expect several to change at once.
    """
    shown = list(entries)
    for place, entry in enumerate(shown):
        shown[place] = replace(entry, state="working")
        yield list(shown)
        for shown[place] in _answer(lab, task, item, entry):
            yield list(shown)


def _answer(lab: Lab, task: Task, item: Example, entry: Entry) -> Iterator[Entry]:
    """Yield one entry as its answer is written, at last done or refused."""
    try:
        if ARMS[entry.arm].top_k and not lab.library.index_folder(task).is_dir():
            yield replace(entry, state="refused", note="Its documents are not indexed yet.", lacks="index")
            return
        options = choose_options(lab, task, mode=entry.mode)
        for part in stream(partial(_answer_one, lab, task, item, entry.arm, options)):
            if isinstance(part, str):
                yield replace(entry, state="writing", text=part)
            else:
                verdict = judge_hits(lab, task, item.input, part[0].hits)
                note = describe_constraint(lab, task, entry.mode)
                yield replace(entry, state="done", prediction=part[0], verdict=verdict, note=note or "")
    except NoFit as error:
        yield replace(entry, state="refused", note=str(error), lacks="adapter", kind=error.need.kind)
    except LabError as error:
        yield replace(entry, state="refused", note=str(error))


def _answer_one(lab: Lab, task: Task, item: Example, arm: str, options: DecodeOptions, on_text: OnText) -> Prediction:
    return next(answer_items(lab, task, [item], ARMS[arm], options=options, on_text=on_text))[1]
