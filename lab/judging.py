"""Judging: what is fixed before the first answer, and what the answers are worth afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

from core.comparison.arms import find_title
from core.comparison.runs import Run, list_runs
from core.errors import LabError
from core.evaluation.baselines import Material, answer_baselines, measure_baselines
from core.evaluation.registration import Registration, register
from core.evaluation.sampling import choose_items
from core.evaluation.summary import ALL, Answered, stamp_leaks, stamp_misfits, summarize
from core.storage import hash_json, write_json
from core.stored import read_stored
from core.tasks.task import Task
from core.values import Document, Example, Prediction
from lab.lab import Lab
from lab.leaks import load_indexed, read_documents
from lab.plan import Plan

REGISTERED = "registered"  # Folder of what was written down for comparisons that have not ended.
OVERLAP = 0.5  # Share of the items that an earlier run asked, from which on it was a look at them.


def register_comparison(lab: Lab, plan: Plan) -> Registration:
    """Write down what is compared before the first answer; the same comparison, made again after it was stopped, keeps it."""
    key = _hash_plan([item.id for item in plan.items], plan.recorded, asdict(plan.options))
    file = _find_file(lab, key)
    if file.is_file():
        with suppress(LabError):
            return replace(read_stored(Registration, file, remedy="Delete it."), extra={})
    registration = _register(lab, plan.task, plan.items, [arm.name for arm in plan.arms], seed=plan.seed, own=key)
    file.parent.mkdir(parents=True, exist_ok=True)
    # With what was asked for: an unfinished comparison can be asked for again (`lab/unfinished.py`).
    asked = {"request": plan.request.as_json()} if plan.request is not None else {}
    write_json(file, {**registration.as_json(), **asked})
    return registration


def close_registration(lab: Lab, plan: Plan) -> None:
    """Forget what was written down, once the run that keeps it is stored."""
    _find_file(lab, _hash_plan([item.id for item in plan.items], plan.recorded, asdict(plan.options))).unlink(missing_ok=True)


def preview_comparison(lab: Lab, name: str, arms: Sequence[str], *, limit: int | None, seed: int = 0) -> Registration:
    """Write down a comparison that is not begun, without loading a model.

    Raises:
        LabError: There is no such task, or the limit is impossible.
    """
    task = lab.task(name)
    return _register(lab, task, choose_items(task.test, limit, seed=seed), arms, seed=seed)


# The plan's hash is known for a comparison that begins, not for a preview.
def _register(
    lab: Lab, task: Task, items: Sequence[Example], arms: Sequence[str], *, seed: int, own: str | None = None
) -> Registration:
    looks = [run for run in list_runs(lab.settings).whole if _is_look(run, task, items)]
    plans = {_hash_plan(run.config["items"], run.config["arms"], run.config["decoding"]) for run in looks} - {own}
    earlier = next(
        filter(None, (_measure_spread(run) for run in looks if run.summary["primary_metric"] == task.primary_metric)), None
    )
    return register(task, items, arms, seed=seed, looks=len(plans), earlier=earlier)


def _hash_plan(items: Sequence[str], arms: Mapping[str, Any], decoding: Mapping[str, Any]) -> str:
    """Return what tells comparisons of one task apart."""
    return str(hash_json([list(items), dict(arms), dict(decoding)]))


def _find_file(lab: Lab, key: str) -> Path:
    return lab.settings.folder(REGISTERED) / f"{key[:32]}.json"


def _is_look(run: Run, task: Task, items: Sequence[Example]) -> bool:
    """Say whether a run, stopped or not, compared arms on at least half of the items, as they are now: its marks were seen."""
    asked = set(run.config.get("items", ()))
    shared = sum(item.id in asked for item in items)
    same = run.task == task.name and run.config.get("test_hash") == task.hash_split(task.test)
    return same and run.status in {"ok", "cancelled"} and bool(run.summary.get("contrasts")) and shared >= OVERLAP * len(items)


def _measure_spread(run: Run) -> tuple[float, str] | None:
    """Return the usual spread of a run's differences from group to group, and its id; runs of before do not keep it."""
    metric = run.summary["primary_metric"]
    spreads = [
        item["error"] * item["clusters"] ** 0.5
        for item in run.summary["contrasts"]
        if item.get("error") and (item["metric"], item["slice"]) == (metric, ALL) and item.get("p_holm") is not None
    ]
    return (median(spreads), run.id) if spreads else None


def judge_answers(
    lab: Lab, plan: Plan, predictions: Mapping[str, Sequence[Prediction]], missing: Mapping[str, str]
) -> dict[str, Any]:
    """Return the summary of a comparison; empty where no arm had finished.

    Args:
        lab: Where the training examples' index is.
        plan: What was compared.
        predictions: By arm: adapter by adapter, each in the items' order.
        missing: Arms without answers, and why.
    """
    if not predictions:
        return {}
    baselines, unanswered = _answer_baselines(lab, plan)
    summary = summarize(plan.task, plan.items, Answered(predictions, baselines)).as_json()
    stamp_leaks(summary, asdict(plan.leaks), len(plan.items))
    stamp_misfits(summary, plan.misfits)
    summary["notes"] = [*plan.notes, *unanswered, *_name_let_go(predictions)]
    summary["arms"] |= {name: {"status": "missing", "reason": reason} for name, reason in missing.items()}
    return summary


def _name_let_go(predictions: Mapping[str, Sequence[Prediction]]) -> list[str]:
    """Say how many answers were not held to the schema to their end, though they were to be."""
    counts = {arm: sum(answer.generation.let_go for answer in answers) for arm, answers in predictions.items()}
    told = [f"{count} of {len(predictions[arm])} of {find_title(arm)}" for arm, count in counts.items() if count]
    return [f"The engine that holds answers to the schema gave up in {', '.join(told)}; they went on freely."] if told else []


def _answer_baselines(lab: Lab, plan: Plan) -> tuple[dict[str, list[Mapping[str, Any] | None]], list[str]]:
    """Return the baselines' answers, none where there is nothing to learn from, and a sentence where they cannot be had."""
    if not plan.task.train:
        return {}, []
    try:
        return answer_baselines(plan.task, plan.items, _open_material(lab, plan.task)), []
    except LabError as error:  # The arms' answers are worth as much without them.
        return {}, [f"The baselines, which need no model, are missing: {error}"]


def _open_material(lab: Lab, task: Task) -> Material:
    return Material(lab.library.load_examples(task), lambda: _read_texts(lab, task))


def _read_texts(lab: Lab, task: Task) -> Sequence[Document]:
    """Return a task's documents as its index has read them already; without an index they are read now."""
    index = lab.library.find_index(task)
    return read_documents(lab, task)[0] if index is None else list(load_indexed(index))


def mark_baselines(lab: Lab, task: Task, *, limit: int | None = None, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Mark the answers that need no model on the items that a comparison would choose."""
    return measure_baselines(task, choose_items(task.test, limit, seed=seed), _open_material(lab, task))
