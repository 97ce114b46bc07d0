"""What earlier runs of the same items say: with other decoding, with another model. The card of a run names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.comparison.runs import Run, list_runs
from lab.lab import Lab
from lab.plan import Plan
from lab.rounds import split_rounds


def describe_setting(lab: Lab, plan: Plan) -> dict[str, Any]:
    """Return how a plan's answers are made, and the newest finished run of each other way of making them.

    Returns:
        `task`, `mode`, `model`, `storage`, `rounds` (in which the arms took turns), and `others`: of each such run its `run`, `mode`, `model`, `storage`, and of its arms
        and baselines the `means` on the primary metric with their `intervals` (low and high).
    """
    own = {"mode": plan.options.mode, **_name_model(lab.load_generator().description)}
    others: dict[tuple[Any, ...], dict[str, Any]] = {}
    for run in list_runs(lab.settings).whole:  # Newest first.
        about = {"mode": run.config.get("decoding", {}).get("mode"), **_name_model(run.config.get("generator", {}))}
        # Of a run that differs in two ways neither would be told to be the cause.
        if [name for name in own if about[name] != own[name]] in (["mode"], ["model"]) and _is_comparable(run, plan):
            others.setdefault(tuple(about.values()), {"run": run.id, **about, **_read_marks(run)})
    rounds = split_rounds(len(plan.items), batch_size=plan.options.batch_size, seed=plan.seed)
    return {"task": plan.task.name, **own, "rounds": len(rounds), "others": list(others.values())}


def _name_model(description: Mapping[str, Any]) -> dict[str, Any]:
    return {"model": description.get("model"), "storage": description.get("storage")}


def _is_comparable(run: Run, plan: Plan) -> bool:
    """Say whether a finished run asked the same items, as they are now, by the same metric, and its marks tell what they should."""
    prompting = plan.task.describe_prompting()
    return (
        run.task == plan.task.name
        and run.status == "ok"
        and run.summary.get("primary_metric") == plan.task.primary_metric
        and run.config.get("test_hash") == plan.task.hash_split(plan.task.test)
        and set(run.config.get("items", ())) == {item.id for item in plan.items}
        and run.config.get("prompting", prompting) == prompting  # Older runs do not keep it.
        and run.summary.get("verdict", {}).get("state") not in {None, "invalid"}
    )


def _read_marks(run: Run) -> dict[str, dict[str, Any]]:
    marks = {name: arm["primary"] for name, arm in run.summary.get("arms", {}).items() if "primary" in arm}
    return {
        "means": {name: mark["mean"] for name, mark in marks.items()},
        "intervals": {name: [mark.get("low"), mark.get("high")] for name, mark in marks.items()},
    }
