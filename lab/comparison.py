"""A comparison: what a plan says is asked, judged and stored, a function each (the plan: `lab/plan.py`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from core.comparison.arms import Arm
from core.comparison.runs import REPORT, Run, new_run_id, save_run
from core.environment import describe_environment
from core.errors import Cancelled, LabError
from core.evaluation.registration import Registration
from core.evaluation.report import render_report
from core.progress import Watcher
from core.values import Prediction
from lab.answering import answer_items, describe_constraint
from lab.judging import judge_answers, register_comparison
from lab.lab import Lab
from lab.plan import Plan, plan_comparison
from lab.requests import CompareRequest


@dataclass(frozen=True, slots=True)
class Answers:
    """What the arms of a plan answered, in the order of the items; and why an arm could not."""

    predictions: dict[str, list[Prediction]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """A stored comparison and where it lies."""

    run: Run
    folder: Path

    def as_json(self) -> dict[str, Any]:
        """Return the summary with the run's id and the place of its report."""
        return {
            "run_id": self.run.id,
            "task": self.run.task,
            "report": str(self.folder / REPORT),
            **self.run.summary,
        }


def compare_arms(lab: Lab, request: CompareRequest, watcher: Watcher) -> Comparison:
    """Let every arm answer the same test items, judge the differences and store the run.

    An arm that lacks its adapter or index is reported with what to do; the others go on. Interrupted, the
    arms that had finished are stored under the status `cancelled`.

    Raises:
        LabError: No arm could answer, or items were trained on and the request does not allow it.
        Cancelled: Stopped by the user, after storing.
        KeyboardInterrupt: The same, from the terminal.
    """
    plan = plan_comparison(lab, request)
    registration = register_comparison(lab, plan.task, plan.items, [arm.name for arm in plan.arms], seed=plan.seed)
    watcher.say(registration.sentence)
    if reason := describe_constraint(lab, plan.task, request.mode):
        watcher.say(reason)
    answers = Answers(missing=dict(plan.missing))
    try:
        for arm in plan.arms:
            answer_arm(lab, plan, arm, answers, watcher)
    except (Cancelled, KeyboardInterrupt):
        store_comparison(lab, plan, answers, status="cancelled", registration=registration)
        raise
    if not answers.predictions:
        raise LabError("No arm could answer. " + " ".join(answers.missing.values()))
    return store_comparison(lab, plan, answers, status="ok", registration=registration)


def answer_arm(lab: Lab, plan: Plan, arm: Arm, answers: Answers, watcher: Watcher) -> None:
    """Let an arm answer the items of a plan and add to `answers` what came of it: all predictions, or why there are none."""
    count = len(plan.items)
    predictions: dict[int, Prediction] = {}
    watcher(arm.name, 0, count)
    try:
        for index, prediction in answer_items(lab, plan.task, plan.items, arm, options=plan.options):
            predictions[index] = prediction
            watcher(arm.name, len(predictions), count)
    except LabError as error:
        answers.missing[arm.name] = str(error)
    else:
        answers.predictions[arm.name] = [predictions[index] for index in range(count)]


def store_comparison(
    lab: Lab, plan: Plan, answers: Answers, *, status: Literal["ok", "cancelled"], registration: Registration
) -> Comparison:
    """Judge the answers and store the run with its report."""
    run = Run(
        id=new_run_id(plan.task.name),
        task=plan.task.name,
        status=status,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        config={
            **_describe_plan(lab, plan, asked={*answers.predictions, *answers.missing}),
            "registration": asdict(registration),
        },
        environment=describe_environment(),
        summary=judge_answers(lab, plan, answers.predictions, answers.missing),
    )
    report = render_report(plan.task, plan.items, run, answers.predictions)
    return Comparison(run, save_run(lab.settings, run, answers.predictions, report))


def _describe_plan(lab: Lab, plan: Plan, *, asked: set[str]) -> dict[str, Any]:
    """Return what was asked for as a run keeps it; of the arms those that were asked."""
    generator, schema = lab.load_generator(), plan.task.decoding_schema
    held = plan.options.mode != "free"
    return {
        "seed": plan.seed,
        "items": [item.id for item in plan.items],
        "decoding": asdict(plan.options),
        "constraint": {**asdict(generator.check_support(schema)), "schema": schema} if held else None,
        "arms": {name: about for name, about in plan.recorded.items() if name in asked},
        "generator": dict(generator.description),
        "test_hash": plan.task.hash_split(plan.task.test),
        "train_hash": plan.task.hash_split(plan.task.train),
    }
