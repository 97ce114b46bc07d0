"""What earlier runs of the same items say: with other decoding, with another model. The card of a run names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.comparison.runs import Run, list_runs
from lab.lab import Lab
from lab.plan import Plan
from lab.rounds import split_rounds

OVERLAP = 0.5  # Share of the items that another run asked too, from which on its marks stand beside these.


def describe_setting(lab: Lab, plan: Plan) -> dict[str, Any]:
    """Return how a plan's answers are made, and the newest finished run of each other way of making them.

    Returns:
        `task`, `mode`, `model`, `storage`, `rounds` (in which the arms took turns), and `others`: of each such run its `run`, `mode`, `model`, `storage` and the `means`
        of its arms and baselines on the primary metric.
    """
    own = {"mode": plan.options.mode, **_name_model(lab.load_generator().description)}
    others: dict[tuple[Any, ...], dict[str, Any]] = {}
    for run in list_runs(lab.settings).whole:  # Newest first.
        about = {"mode": run.config.get("decoding", {}).get("mode"), **_name_model(run.config.get("generator", {}))}
        if about != own and _is_comparable(run, plan):
            others.setdefault(tuple(about.values()), {"run": run.id, **about, "means": _read_means(run)})
    rounds = split_rounds(len(plan.items), batch_size=plan.options.batch_size, seed=plan.seed)
    return {"task": plan.task.name, **own, "rounds": len(rounds), "others": list(others.values())}


def _name_model(description: Mapping[str, Any]) -> dict[str, Any]:
    return {"model": description.get("model"), "storage": description.get("storage")}


def _is_comparable(run: Run, plan: Plan) -> bool:
    """Say whether a finished run asked at least half of the items, as they are now, by the same metric."""
    asked = set(run.config.get("items", ()))
    shared = sum(item.id in asked for item in plan.items)
    return (
        run.task == plan.task.name
        and run.status == "ok"
        and run.summary.get("primary_metric") == plan.task.primary_metric
        and run.config.get("test_hash") == plan.task.hash_split(plan.task.test)
        and shared >= OVERLAP * len(plan.items)
    )


def _read_means(run: Run) -> dict[str, float]:
    arms = run.summary.get("arms", {})
    return {name: arm["primary"]["mean"] for name, arm in arms.items() if "primary" in arm}
