"""One adapter trained on a mixture of prompts, with and without passages, against two adapters of one kind each.

Which is better a minute: `ragft train TASK --prompts mixed` once, whose adapter answers both in QLoRA and in RAG + QLoRA, or
`--prompts plain` and `--prompts passages`, an adapter for each. All three train the same rows for as many passes with one
seed; then each approach answers the same test items with the adapter of its kind, and with the mixed one. Each step is its
`ragft` command in a home of its own that shares only the fetched models.

python -m benchmarks.mixed_training [--task hiring-handbook] [--epochs 3] [--limit 150]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import print_report
from benchmarks.task_table import open_home, run_ragft
from core.errors import LabError
from core.generation.models import fetch_model
from core.settings import DEFAULT_MODEL, Settings, read_settings

KINDS = ("plain", "passages", "mixed")
ARMS = {"qlora": "plain", "hybrid": "passages"}  # With the kind of training that shows prompts like the arm's and no others.
BATCH = "16"
QUICK = {"epochs": 0.05, "limit": 8}


def main() -> None:
    """Train three adapters, let each approach answer with both that fit it, and print what a minute bought."""
    arguments = read_options()
    settings = read_settings()
    try:
        if settings.model == DEFAULT_MODEL:  # Another is a folder of its own.
            fetch_model(settings)
        with tempfile.TemporaryDirectory() as home:
            result = measure(open_home(settings, Path(home)), arguments)
    except LabError as error:
        raise SystemExit(str(error)) from error
    mixed, two = (result[way]["marks"] for way in ("mixed", "two"))
    print_report(
        "mixed_training",
        config={"task": arguments.task, "epochs": arguments.epochs, "limit": arguments.limit, "seed": arguments.seed},
        ours=result["mixed"],
        peer=result["two"],
        ratios={
            "training_minutes": result["two"]["minutes"] / result["mixed"]["minutes"],
            **{arm: mixed[arm] / two[arm] for arm in ARMS if two[arm]},  # A mark of 0 gives no ratio.
        },
    )


def read_options() -> argparse.Namespace:
    """Parse the arguments; a quick run overrides passes and items."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="hiring-handbook")
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--limit", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that it works")
    arguments = parser.parse_args()
    if arguments.quick:
        vars(arguments).update(QUICK)
    return arguments


def measure(settings: Settings, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return minutes, losses, marks and marks a minute of both ways."""
    run_ragft(settings, ["index", arguments.task])
    more = ["--holdout", "0", "--epochs", str(arguments.epochs), "--seed", str(arguments.seed)]
    cards = {kind: run_ragft(settings, ["train", arguments.task, "--prompts", kind, *more]) for kind in KINDS}
    minutes = {kind: card["outcome"]["seconds"] / 60 for kind, card in cards.items()}
    marks = {
        "two": {arm: mark_arm(settings, arguments, arm, cards[kind]["id"]) for arm, kind in ARMS.items()},
        "mixed": {arm: mark_arm(settings, arguments, arm, cards["mixed"]["id"]) for arm in ARMS},
    }
    return {
        "two": describe_way(cards, minutes, marks["two"], [kind for kind in KINDS if kind != "mixed"]),
        "mixed": describe_way(cards, minutes, marks["mixed"], ["mixed"]),
    }


def mark_arm(settings: Settings, arguments: argparse.Namespace, arm: str, adapter: str) -> dict[str, Any]:
    """Return the primary mark of one approach with one adapter, with its interval.

    Raises:
        LabError: It did not answer.
    """
    command = ["compare", arguments.task, "--arms", arm, "--adapter", adapter, "--limit", str(arguments.limit)]
    row = run_ragft(settings, [*command, "--batch-size", BATCH])["arms"][arm]
    if "reason" in row:
        raise LabError(str(row["reason"]))
    return {**row["primary"], "schema_valid": row["schema_valid"]}


def describe_way(
    cards: dict[str, dict[str, Any]], minutes: dict[str, float], marks: dict[str, dict[str, Any]], kinds: list[str]
) -> dict[str, Any]:
    """Return what one way costs and what its approaches are worth."""
    spent = sum(minutes[kind] for kind in kinds)
    means = {arm: row["mean"] for arm, row in marks.items()}
    return {
        "minutes": spent,
        "training": {
            kind: {
                "minutes": minutes[kind],
                **{name: cards[kind]["outcome"][name] for name in ("steps", "tokens", "last_loss")},
            }
            for kind in kinds
        },
        "marks": means,
        "intervals": {arm: [row["low"], row["high"]] for arm, row in marks.items()},
        "schema_valid": {arm: row["schema_valid"] for arm, row in marks.items()},
        "mean_mark": sum(means.values()) / len(means),
        "mean_mark_a_minute": sum(means.values()) / len(means) / spent,
    }


if __name__ == "__main__":
    main()
