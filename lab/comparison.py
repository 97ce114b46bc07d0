"""A comparison: what a plan says is asked, judged and stored, a function each (the plan: `lab/plan.py`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from core.comparison.answers import AnswerNotKept, RememberingGenerator
from core.comparison.exam import write_paper
from core.comparison.pipeline import answer
from core.comparison.runs import REPORT, Run, new_run_id, save_run
from core.environment import describe_environment, measure_memory
from core.errors import Cancelled, LabError
from core.evaluation.registration import Registration
from core.evaluation.report import render_report
from core.progress import Watcher
from core.values import Prediction
from lab.answering import describe_constraint, gather_tools
from lab.judging import close_registration, judge_answers, register_comparison
from lab.kept_answers import open_answers
from lab.lab import Lab
from lab.plan import Plan, plan_comparison
from lab.requests import CompareRequest


@dataclass(frozen=True, slots=True)
class Answers:
    """What the arms of a plan answered, and why an arm could not.

    Args:
        predictions: By arm: adapter by adapter, each in the order of the items.
        missing: Arms without answers, and why.
        served: By arm, how many of the answers were known from before.
    """

    predictions: dict[str, list[Prediction]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)


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

    An arm that lacks its adapter or index is reported with what to do; the others go on. Each answer is kept as it comes,
    so that the same request, made again after whatever stopped this one, goes on from there. Interrupted, the arms that
    had finished are stored under the status `cancelled`.

    Raises:
        LabError: No arm could answer, the disk is full, or items were trained on and the request does not allow it.
        Cancelled: Stopped by the user, after storing.
        KeyboardInterrupt: The same, from the terminal.
    """
    lab = lab.at_model(request.model, request.storage)
    plan = plan_comparison(lab, request)
    registration = register_comparison(lab, plan)
    watcher.say(registration.sentence)
    if reason := describe_constraint(lab, plan.task, request.mode):
        watcher.say(reason)
    generator = open_answers(lab, fresh=request.fresh)
    answers = Answers(missing=dict(plan.missing))
    try:
        for name in dict.fromkeys(arm.name for arm in plan.arms):
            answer_arm(lab, plan, name, generator, answers, watcher)
    except (Cancelled, KeyboardInterrupt):
        if answers.predictions:
            store_comparison(lab, plan, answers, status="cancelled", registration=registration)
        if generator.kept:
            how = "the same comparison without --fresh" if request.fresh else "the same comparison"
            watcher.say(f"Stopped. {generator.kept} answers are kept: {how} goes on from there.")
        raise
    if not answers.predictions:
        raise LabError("No arm could answer. " + " ".join(answers.missing.values()))
    if generator.served:
        watcher.say(f"{generator.served} of {generator.kept} answers were known from before (--fresh asks anew).")
    comparison = store_comparison(lab, plan, answers, status="ok", registration=registration)
    close_registration(lab, plan)
    return comparison


# What is asked, who answers, and where answers and progress go.
def answer_arm(lab: Lab, plan: Plan, name: str, generator: RememberingGenerator, answers: Answers, watcher: Watcher) -> None:
    """Let an arm of a plan answer its items, with each of its adapters, and add what came of it to `answers`.

    That is all predictions, or why there are none.

    Raises:
        AnswerNotKept: The disk refuses; further arms would ask in vain.
    """
    arms = [arm for arm in plan.arms if arm.name == name]
    count, done, before = len(plan.items), 0, generator.served
    predictions: dict[int, Prediction] = {}
    watcher(name, 0, count * len(arms))
    try:
        for number, arm in enumerate(arms):
            tools = replace(gather_tools(lab, plan.task, arm, plan.items, seed=plan.seed), generator=generator)
            for index, prediction in answer(plan.task, plan.items, arm, tools, options=plan.options):
                predictions[number * count + index] = prediction
                done += 1
                watcher(name, done, count * len(arms))
    except AnswerNotKept:
        raise
    except LabError as error:
        answers.missing[name] = str(error)
    else:
        answers.predictions[name] = [predictions[index] for index in range(count * len(arms))]
        answers.served[name] = generator.served - before


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
            "from_store": dict(answers.served),
        },
        environment=describe_environment(),
        summary=judge_answers(lab, plan, answers.predictions, answers.missing),
    )
    report = render_report(plan.task, plan.items, run, answers.predictions)
    paper = write_paper(plan.task, plan.items, plan.arms)
    return Comparison(run, save_run(lab.settings, run, answers.predictions, report, paper=paper))


def _describe_plan(lab: Lab, plan: Plan, *, asked: set[str]) -> dict[str, Any]:
    """Return what was asked for as a run keeps it; of the arms those that were asked."""
    generator, schema = lab.load_generator(), plan.task.decoding_schema
    held = plan.options.mode != "free"
    return {
        "request": plan.request.as_json() if plan.request is not None else None,
        "title": plan.task.title,
        "input_label": plan.task.input_label,
        "seed": plan.seed,
        "items": [item.id for item in plan.items],
        "decoding": asdict(plan.options),
        "constraint": {**asdict(generator.check_support(schema)), "schema": schema} if held else None,
        "arms": {name: about for name, about in plan.recorded.items() if name in asked},
        "prompting": plan.task.describe_prompting(),
        "tuned": dict(plan.tuned),
        "generator": dict(generator.description),
        "memory_mib": measure_memory(),
        "test_hash": plan.task.hash_split(plan.task.test),
        "train_hash": plan.task.hash_split(plan.task.train),
    }
