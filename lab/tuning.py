"""Tuning: what a task's prompts show is tried on a part of its training rows, chosen, and written into the task."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from core.comparison.answers import AnswerNotKept, RememberingGenerator
from core.comparison.arms import ARMS, fit_arm
from core.comparison.pipeline import Tools, answer
from core.comparison.tuning import (
    Fold,
    Setting,
    Trial,
    change_setting,
    choose_value,
    mark_setting,
    read_setting,
    split_fold,
)
from core.errors import Cancelled, LabError
from core.evaluation.acceptance import score_example
from core.evaluation.intervals import mean_interval
from core.progress import Watcher
from core.storage import hash_json
from core.tasks.prompting import PASSAGE_TOKENS as USUAL_TOKENS
from core.tasks.settings_file import FILE, is_writable, write_settings
from core.tasks.task import Task
from core.values import DecodeOptions, Retriever
from lab.answering import choose_options
from lab.kept_answers import open_answers
from lab.lab import Lab
from lab.passages import guard_passages, load_passages
from lab.requests import TuneRequest

SHOTS = (1, 3, 5)
DRAWS = (0, 1, 2, 3)
PASSAGES = (1, 2, 3, 5)
PASSAGE_TOKENS = (64, 96, 160, 240)  # The default embedder sees 256.
ORDERS = ("best_last", "best_first")
REFUSED = (0.05, 0.1, 0.2)  # Shares of the other rows' questions that a threshold leaves without passages.
SAMPLE = 200  # Questions that thresholds are taken from.


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was tried and what came of it.

    Args:
        task: The task's name.
        chosen: The values of what was tuned, by key of `task.toml`.
        changed: Those keys that say something else now.
        tried: Every value that was tried.
        not_tried: What there was no time for, or no way, and why.
        about: What was tuned on which rows, as `[tuned]` keeps it.
        written: The file that keeps it; None where none does.
        notes: What to do next.
    """

    task: str
    chosen: Mapping[str, Any]
    changed: tuple[str, ...]
    tried: tuple[Trial, ...]
    not_tried: tuple[str, ...]
    about: Mapping[str, Any]
    written: str | None
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        lists = {name: list(getattr(self, name)) for name in ("changed", "not_tried", "notes")}
        tried = [trial.as_json() for trial in self.tried]
        return {
            "task": self.task, "chosen": dict(self.chosen), "tried": tried, "about": dict(self.about),
            "written": self.written, **lists,
        }  # fmt: skip


def tune_task(
    lab: Lab, request: TuneRequest, watcher: Watcher, *, now: Callable[[], float] = time.monotonic
) -> Tuning:  # fmt: skip
    """Choose passages, their length and order, examples and the threshold of evidence, by the arms without an adapter.

    Only training rows are read: a fifth of their groups is asked, the others give the examples. Each answer is kept as it
    comes, so that what was stopped goes on where it was when asked again.

    Args:
        lab: Where model, indexes and task are.
        request: Which task, in how much time.
        watcher: Told of every answer.
        now: The clock, in seconds.

    Raises:
        LabError: There are too few training groups, no time at all, or the disk refuses.
        Cancelled: Stopped; the task is as it was.
    """
    if not request.minutes > 0:  # So is one that is no number.
        raise LabError(f"{request.minutes:g} minutes are no time.", "Give at least 1: --minutes 1.")
    began = now()
    lab = lab.at_model(request.model)
    task = lab.task(request.task)
    fold = split_fold(task, seed=request.seed)
    options = choose_options(lab, fold.task, mode=request.mode, seed=request.seed, batch_size=request.batch_size)
    generator = open_answers(lab)
    with ExitStack() as copies:
        bench = _Bench(lab, fold, options, generator, watcher, now, copies)
        try:
            settings = bench.plan()
            bench.deadline = now() + 60 * request.minutes  # Loading the model is none of the time for trying.
            for setting in settings:
                bench.tune(setting)
        except (Cancelled, KeyboardInterrupt):
            watcher.say("Stopped. The task is as it was; the answers are kept: the same tuning goes on from there.")
            raise
        return _finish(task, request, bench, minutes=(now() - began) / 60)


class _Late(Exception):
    """There is no time left."""


@dataclass
class _Bench:
    """Where values are tried: the rows, the time, and the task as it was chosen so far.

    Args:
        lab: Where model and indexes are.
        fold: The rows that are asked, and the task with the others; it takes every chosen value.
        options: How answers are decoded.
        generator: Answers, and keeps what it answered.
        watcher: Told of every answer.
        now: The clock, in seconds.
        copies: Holds indexes in other lengths of passages until the end.
        trials: What was tried.
        not_tried: What was not, and why.
        chosen: The values of what was tuned.
        measured: How many values were answered for.
        own_tokens: The length of the passages of the task's own index.
        deadline: When to stop, by the clock.
    """

    lab: Lab
    fold: Fold
    options: DecodeOptions
    generator: RememberingGenerator
    watcher: Watcher
    now: Callable[[], float]
    copies: ExitStack
    trials: list[Trial] = field(default_factory=list)
    not_tried: list[str] = field(default_factory=list)
    chosen: dict[str, Any] = field(default_factory=dict)
    measured: int = 0
    own_tokens: int = 0
    deadline: float = 0.0
    _marks: dict[str, tuple[list[float], float]] = field(default_factory=dict)
    _searches: dict[int, Retriever] = field(default_factory=dict)
    _planned: int = 0
    _done: int = 0

    def plan(self) -> list[Setting]:
        """Return what is tuned, in the order in which it is: examples first, for they are in every prompt."""
        self.own_tokens = self.fold.task.passage_tokens or USUAL_TOKENS
        task = change_setting(self.fold.task, "passage_tokens", self.own_tokens)
        self.fold = replace(self.fold, task=task)
        named = bool(task.shots)
        present = read_setting(task, "shots")
        counts = sorted({count for count in SHOTS if count <= len(task.train)} | ({present} if not named else set()))
        settings = [Setting("shots", "base", (*([present] if named else []), *counts))]
        settings.append(Setting("shot_draw", "base", _join(task.prompting.shot_draw, DRAWS)))
        try:
            thresholds = self._list_thresholds()
        except LabError as error:
            self.not_tried.append(f"passages: {error}")
        else:
            below = task.prompting.abstain_below
            settings += [
                Setting("passages", "rag", tuple(sorted({*PASSAGES, task.prompting.passages}))),
                Setting("passage_tokens", "rag", tuple(sorted({*PASSAGE_TOKENS, self.own_tokens}))),
                Setting("passage_order", "rag", _join(task.prompting.passage_order, ORDERS)),
                Setting("abstain_below", "rag", (None, *sorted({*thresholds, *([] if below is None else [below])}))),
            ]
        self._planned = sum(len(setting.values) for setting in settings) * len(self.fold.items)
        return settings

    def tune(self, setting: Setting) -> None:
        """Try the values of a setting, the present one first, and go on with the one that is chosen."""
        if setting.name == "shot_draw" and self.fold.task.shots:
            self.not_tried.append("shot_draw: the task names its examples.")
            return
        present = read_setting(self.fold.task, setting.name)
        values = [value for value in setting.values if mark_setting(value) != mark_setting(present)]
        marks: dict[str, list[float]] = {}
        tried: dict[str, Trial] = {}
        for place, value in enumerate([present, *values]):
            try:
                found, seconds = self._measure(change_setting(self.fold.task, setting.name, value), setting)
            except AnswerNotKept:
                raise
            except LabError as error:  # So many long examples, for instance, that the question does not fit.
                self.not_tried.append(f"{setting.name} = {_show(value)}: {error}")
                if not tried:
                    return
                continue
            except _Late:
                left = ", ".join(_show(value) for value in [present, *values][place:])
                self.not_tried.append(f"{setting.name} = {left}: there was no time.")
                break
            marks[mark_setting(value)] = found
            mean = mean_interval(found, self.fold.clusters)
            tried[mark_setting(value)] = Trial(
                setting.name, value, setting.arm, mean.mean, mean.low, mean.high, len(found), seconds
            )  # fmt: skip
        if len(tried) < 2:
            return
        order = [mark_setting(value) for value in setting.values if mark_setting(value) in marks]
        best = choose_value({name: marks[name] for name in order}, mark_setting(present), self.fold.clusters)
        self.chosen[setting.name] = tried[best].value
        self.fold = replace(self.fold, task=change_setting(self.fold.task, setting.name, tried[best].value))
        self.trials += [replace(tried[name], chosen=name == best) for name in order]

    def _measure(self, task: Task, setting: Setting) -> tuple[list[float], float]:
        """Return the marks of the fold's rows with a task's settings, and how long answering took.

        Raises:
            _Late: The time is up before the last answer.
        """
        arm = fit_arm(ARMS[setting.arm], task)
        key = hash_json([setting.arm, task.describe_prompting()])
        self._done += len(self.fold.items)
        if key in self._marks:
            return self._marks[key]
        began = self.now()
        if began >= self.deadline:
            raise _Late
        tools = Tools(self.generator, retriever=self._search(task) if arm.top_k else None)
        marks = [0.0] * len(self.fold.items)
        note = f"{setting.name} = {_show(read_setting(task, setting.name))}"
        before = self._done - len(self.fold.items)
        self.watcher("tune", before, self._planned, note)
        for count, (index, prediction) in enumerate(answer(task, self.fold.items, arm, tools, options=self.options), start=1):
            marks[index] = score_example(prediction.value, self.fold.items[index], task.schema).metric(task.primary_metric)
            self.watcher("tune", before + count, self._planned, note)
            if self.now() >= self.deadline and count < len(marks):
                raise _Late
        self._marks[key] = marks, self.now() - began
        self.measured += 1
        return self._marks[key]

    def _search(self, task: Task) -> Retriever:
        """Return a search in passages of a task's length: its own index, or one that is made for as long as tuning takes."""
        tokens = task.passage_tokens or self.own_tokens
        if tokens == self.own_tokens:
            return load_passages(self.lab, task)
        if tokens not in self._searches:
            copy = self.lab.library.open_copy(task, passage_tokens=tokens, notify=self.watcher)
            self._searches[tokens] = self.copies.enter_context(copy)
        return guard_passages(task, self._searches[tokens])

    def _list_thresholds(self) -> list[float]:
        """Return thresholds below which some of the other rows' questions fall; those that are asked set none.

        Raises:
            LabError: There is no index, or it has passages of another length than the task says.
        """
        import numpy as np

        from retrieval.evidence.abstention import DEPTH, measure_evidence

        questions = [example.input for example in self.fold.task.train]
        questions = Random(self.options.seed).sample(questions, min(SAMPLE, len(questions)))
        search = load_passages(self.lab, change_setting(self.fold.task, "abstain_below", None))
        results = search.search(questions, top_k=DEPTH)
        evidence = [measure_evidence(query, hits)[0] for query, hits in zip(questions, results, strict=True)]
        return sorted({round(float(value), 3) for value in np.quantile(evidence, REFUSED)} - {0.0})


def _finish(task: Task, request: TuneRequest, bench: _Bench, *, minutes: float) -> Tuning:
    """Write what was chosen into the task, unless that is not wanted, or not possible, which is said."""
    chosen = bench.chosen
    if not chosen:
        raise LabError(
            f"Nothing could be tuned in {request.minutes:g} minutes. {' '.join(bench.not_tried)}",
            "Give it more: --minutes 30. What was answered is kept.",
        )
    usual = {**task.describe_prompting(), "passage_tokens": bench.own_tokens}
    changed = tuple(name for name, value in chosen.items() if value != usual[name])
    about = _describe(task, request, bench, minutes=minutes)
    notes = [*_advise(task, changed)]
    written = None
    if request.dry_run:
        notes.insert(0, "Nothing was written (--dry-run).")
    elif not is_writable(task.folder):
        notes.insert(0, f"{task.folder / FILE} cannot be written: copy the task to a folder of your own and tune it there.")
    else:
        # A length that is the usual one is not written: adapters that learned with it go on fitting.
        kept = {name: value for name, value in chosen.items() if name in changed or name != "passage_tokens"}
        write_settings(task.folder, kept, tuned=about)
        written = str(task.folder / FILE)
    return Tuning(task.name, chosen, changed, tuple(bench.trials), tuple(bench.not_tried), about, written, tuple(notes))


def _describe(task: Task, request: TuneRequest, bench: _Bench, *, minutes: float) -> dict[str, Any]:
    """Return what was tuned on which rows, for `[tuned]`."""
    fold, model = bench.fold, bench.lab.load_generator().description
    return {
        "settings": list(bench.chosen),
        "metric": task.primary_metric,
        "fold": f"{len(fold.items)} training rows of {fold.groups} groups",
        "items": len(fold.items),
        "groups": fold.groups,
        "seed": request.seed,
        "fold_hash": task.hash_split(fold.items),
        "mode": request.mode,
        "model": str(model.get("model", "")),
        "weights": str(model.get("weights", "")),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "minutes": round(minutes, 2),
        "tried": bench.measured,
        "not_tried": list(bench.not_tried),
    }


def _advise(task: Task, changed: Sequence[str]) -> list[str]:
    """Say what of the task's other things follows from a setting that changed."""
    advice = []
    if "passage_tokens" in changed:
        advice.append(f"Passages have another length: `ragft index {task.name}`.")
    if any(name.startswith("passage") or name == "abstain_below" for name in changed):
        advice.append(
            f"Adapters that learned with other passages in their prompts fit no more: `ragft train {task.name} --prompts passages`."
        )
    return advice


def _join(present: Any, values: Sequence[Any]) -> tuple[Any, ...]:
    """Return the present value and the others: none is simpler than another."""
    return (present, *(value for value in values if value != present))


def _show(value: Any) -> str:
    return "none" if value is None else ",".join(value) if isinstance(value, list) else str(value)
