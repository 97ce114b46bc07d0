"""A comparison: what a plan says is asked, judged and stored, a function each (the plan: `lab/plan.py`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from core.comparison.exam import write_paper
from core.comparison.runs import REPORT, Run, new_run_id, save_run
from core.environment import describe_environment
from core.errors import Cancelled, LabError
from core.evaluation.board import build_board
from core.evaluation.card import make_card
from core.evaluation.registration import Registration
from core.evaluation.report import render_report
from core.progress import Watcher
from lab.answering import describe_constraint
from lab.judging import close_registration, judge_answers, register_comparison
from lab.kept_answers import open_answers
from lab.lab import Lab
from lab.neighbours import describe_setting
from lab.one_off import stamp_costs
from lab.plan import Plan, plan_comparison
from lab.requests import CompareRequest
from lab.rounds import Answers, answer_in_rounds, cut_answers
from lab.run_names import name_run


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
            "card": make_card(self.run.summary).as_json() if "verdict" in self.run.summary else None,
        }


def compare_arms(lab: Lab, request: CompareRequest, watcher: Watcher) -> Comparison:
    """Let every arm answer the same test items, judge the differences and store the run.

    An arm that lacks its adapter or index is reported with what to do; the others go on. Each answer is kept as it comes,
    so that the same request, made again after whatever stopped this one, goes on from there. Interrupted, the items
    that all arms had answered in whole rounds, or else the arms that had finished, are stored under the status `cancelled`.

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
        answer_in_rounds(lab, plan, generator, answers, watcher)
    except (Cancelled, KeyboardInterrupt):
        part, finished = cut_answers(plan, answers)
        if finished.predictions:
            store_comparison(lab, part, finished, status="cancelled", registration=registration)
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


def store_comparison(
    lab: Lab, plan: Plan, answers: Answers, *, status: Literal["ok", "cancelled"], registration: Registration
) -> Comparison:
    """Judge the answers and store the run with its report."""
    summary = judge_answers(lab, plan, answers.predictions, answers.missing)
    stamp_costs(lab, plan, answers, summary)
    if summary:
        summary["setting"] = describe_setting(lab, plan)
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
        summary=summary,
    )
    report = render_report(run, build_board(plan.task, plan.items, answers.predictions), name=name_run(run))
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
        "test_hash": plan.task.hash_split(plan.task.test),
        "train_hash": plan.task.hash_split(plan.task.train),
    }
