"""A comparison: a plan that is fixed before the first answer, then plan, answer, judge, store, a function each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from core.comparison.arms import Arm, find_arms
from core.comparison.prompts import choose_shots
from core.comparison.runs import REPORT, Run, new_run_id, save_run
from core.environment import describe_environment
from core.errors import Cancelled, LabError
from core.evaluation.baselines import measure_baselines
from core.evaluation.report import render_report
from core.evaluation.sampling import choose_items
from core.evaluation.summary import stamp_leaks, summarize
from core.progress import Watcher
from core.storage import MANIFEST, hash_file
from core.tasks.leakage import find_seen, fingerprint
from core.tasks.task import Task
from core.values import DecodeOptions, Example, Prediction
from lab.answering import answer_items, choose_options, describe_constraint, fix_adapter
from lab.lab import Lab
from lab.requests import CompareRequest


@dataclass(frozen=True, slots=True)
class Leaks:
    """Items that were seen before the exam.

    Args:
        adapters: Ids of the adapters whose training is known to have been looked at.
        unknown: Ids of those that do not record what they were trained on.
        items: Ids of the items that one of them was trained on, or an example of the prompts repeats.
    """

    adapters: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a comparison follows from, fixed before the first answer.

    Args:
        task: The task.
        items: The test items that every arm answers.
        arms: The approaches, each with the adapter that it answers with.
        missing: Those that have no adapter to answer with, by name, and why.
        options: How answers are decoded, for every arm alike.
        seed: Of the sample of items and the resampling.
        leaks: Which items were seen before.
        notes: What a reader must know of the arms.
        recorded: The arms as the run keeps them, by name.
    """

    task: Task
    items: tuple[Example, ...]
    arms: tuple[Arm, ...]
    missing: Mapping[str, str]
    options: DecodeOptions
    seed: int
    leaks: Leaks
    notes: tuple[str, ...]
    recorded: Mapping[str, Mapping[str, Any]]


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
    if reason := describe_constraint(lab, plan.task, request.mode):
        watcher.say(reason)
    answers = Answers(missing=dict(plan.missing))
    try:
        for arm in plan.arms:
            answer_arm(lab, plan, arm, answers, watcher)
    except (Cancelled, KeyboardInterrupt):
        store_comparison(lab, plan, answers, status="cancelled")
        raise
    if not answers.predictions:
        raise LabError("No arm could answer. " + " ".join(answers.missing.values()))
    return store_comparison(lab, plan, answers, status="ok")


def plan_comparison(lab: Lab, request: CompareRequest) -> Plan:
    """Fix what is compared. Each arm's adapter is chosen here: one that finishes training meanwhile must not answer unchecked.

    Raises:
        LabError: There is no such task, arm or mode, or items were trained on and the request does not allow it.
    """
    task = lab.task(request.task)
    options = choose_options(lab, task, mode=request.mode, seed=request.seed, batch_size=request.batch_size)
    items = choose_items(task.test, request.limit, seed=request.seed)
    chosen = find_arms(",".join(request.arms))
    arms, missing = _fix_adapters(lab, task, chosen, request.adapter)
    leaks = find_leaks(task, items, arms)
    if leaks.items and not request.allow_leakage:
        raise LabError(
            f"{len(leaks.items)} of the {len(items)} test items were trained on or stand in the prompts' examples "
            f"(first: {leaks.items[0]!r}), so their marks mean nothing.",
            "Train an adapter without them, or insist with --allow-leakage: every table and report is then stamped.",
        )
    # Recorded before the answers: an adapter that is deleted meanwhile must not cost the run.
    fixed = {arm.name: arm for arm in arms}
    recorded = {arm.name: _record_arm(fixed.get(arm.name, arm)) for arm in chosen}
    notes = tuple(describe_misfits(task, arms))
    return Plan(task, tuple(items), arms, missing, options, request.seed, leaks, notes, recorded)


def _fix_adapters(lab: Lab, task: Task, arms: Sequence[Arm], adapter: str | None) -> tuple[tuple[Arm, ...], dict[str, str]]:
    """Return the arms that can answer, each with its adapter, and why the others cannot: nothing else answers for them."""
    fixed, missing = [], {}
    for arm in arms:
        try:
            fixed.append(fix_adapter(lab, task, arm, adapter=adapter))
        except LabError as error:
            missing[arm.name] = str(error)
    return tuple(fixed), missing


def find_leaks(task: Task, items: Sequence[Example], arms: Sequence[Arm]) -> Leaks:
    """Return which items an adapter was trained on, in whatever version of the task, or an example of the prompts repeats."""
    cards = [card for card in map(_read_card, arms) if card is not None]
    trained = {seen for card in cards for seen in card.trained_on}
    shown = {example.input for arm in arms for example in (task.train if arm.nearest else choose_shots(task, arm.shots))}
    return Leaks(
        adapters=tuple(sorted({card.id for card in cards})),
        unknown=tuple(sorted({card.id for card in cards if not card.trained_on})),
        items=tuple(find_seen(items, (*trained, *map(fingerprint, shown)))),
    )


def describe_misfits(task: Task, arms: Sequence[Arm]) -> list[str]:
    """Return a note for each arm whose adapter learned with other prompts than the arm's: it is below its best.

    On hiring-handbook an adapter trained with passages made RAG + QLoRA six times as good (tasks/README.md).
    """
    notes = []
    for arm in arms:
        card = _read_card(arm)
        if card is not None and (card.kind == "passages") != (arm.top_k > 0):
            trained, option = ("without", " --with-context") if arm.top_k else ("with", "")
            notes.append(
                f"{arm.title} answered with the adapter {card.id}, trained {trained} passages in its prompts; "
                f"one trained as it is asked may do better: `ragft train {task.name}{option}`."
            )
    return notes


def _read_card(arm: Arm) -> Any | None:
    """Return the card of an arm's adapter; None where it has none, which is reported when it is asked."""
    from finetune.adapters.card import read_card

    if arm.adapter is None:
        return None
    with suppress(LabError):
        return read_card(Path(arm.adapter))
    return None


def _record_arm(arm: Arm) -> dict[str, Any]:
    """Return an arm as kept in a run: its adapter by id and by the hash of its manifest, which holds its files' hashes."""
    if arm.adapter is None:
        return asdict(arm)
    folder = Path(arm.adapter)
    adapter_hash = hash_file(folder / MANIFEST) if (folder / MANIFEST).is_file() else None  # Deleted just now.
    return {**asdict(arm), "adapter": folder.name, "adapter_hash": adapter_hash}


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


def judge_answers(plan: Plan, answers: Answers) -> dict[str, Any]:
    """Return the summary of a comparison; empty where no arm had finished."""
    if not answers.predictions:
        return {}
    summary = summarize(plan.task, plan.items, answers.predictions, seed=plan.seed).as_json()
    stamp_leaks(summary, asdict(plan.leaks), len(plan.items))
    summary["notes"] = list(plan.notes)
    absent = {name: {"status": "missing", "reason": reason} for name, reason in answers.missing.items()}
    summary["arms"] = {**summary["arms"], **absent}
    return summary


def store_comparison(lab: Lab, plan: Plan, answers: Answers, *, status: Literal["ok", "cancelled"]) -> Comparison:
    """Judge the answers and store the run with its report."""
    run = Run(
        id=new_run_id(plan.task.name),
        task=plan.task.name,
        status=status,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        config=_describe_plan(lab, plan, asked={*answers.predictions, *answers.missing}),
        environment=describe_environment(),
        summary=judge_answers(plan, answers),
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


def mark_baselines(lab: Lab, task: Task, *, limit: int | None = None, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Mark the majority answer and the copied nearest example on the items that a comparison would choose."""
    return measure_baselines(task, choose_items(task.test, limit, seed=seed), lab.library.load_examples(task))
