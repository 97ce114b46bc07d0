"""Every way of answering on every bundled task: the table of `tasks/README.md`, made by `make bench-tasks`.

Each step (index, training, baselines, comparison) is its `ragft` command in $RAGFT_HOME. Index and trainings do nothing
twice by themselves; what baselines and comparison gave is kept under `$RAGFT_HOME/bench-tasks/` by a hash of the task's
data, the adapters and the arguments, so a run that was stopped goes on where it was, and what changed is measured anew. After each task the table in tasks/README.md is rewritten.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import print_report, read_arguments
from core.settings import Settings, read_settings
from core.storage import hash_json, write_json, write_text
from core.task import find_task, load_task

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "tasks" / "README.md"
BEGIN, END = "<!-- table: make bench-tasks -->", "<!-- end of table -->"
ARMS = ("zero_shot", "base", "rag", "qlora", "hybrid")
LABELS = {
    "majority": "majority value", "nearest": "nearest example, copied", "zero_shot": "base, no examples",
    "base": "few-shot (base, 3 examples)", "rag": "RAG (3 examples, 2 passages)", "qlora": "QLoRA", "hybrid": "RAG + QLoRA",
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """How a task is measured: passes of the plain adapter and of the one trained with passages (0: none)."""

    task: str
    epochs: float
    context_epochs: float
    expected: str


PLANS = (  # Passes that fit, with all answers, into three hours on two cores without bfloat16 arithmetic.
    Plan("hiring-handbook", 2, 0, "rag"),
    Plan("ml-interview", 2, 1, "hybrid"),
    Plan("answer-grading", 1, 0.5, "hybrid"),
    Plan("cv-screening", 1, 0, "qlora"),
)
BATCH = "48"  # Answers decoded together: each step reads all weights, whatever the number of rows.
LIMIT, QUICK_LIMIT = 150, 8


def main() -> None:
    """Measure what is not measured yet; the table grows by each task."""
    quick = read_arguments(__doc__ or "").quick
    settings = read_settings()
    results: dict[str, Any] = {}
    for plan in PLANS:
        results[plan.task] = measure_task(settings, plan, quick=quick)
        if not quick:
            rewrite_table(README, render_table(results))
    print_report("task_table", config={"limit": QUICK_LIMIT if quick else LIMIT, "quick": quick}, ours=results)


def measure_task(settings: Settings, plan: Plan, *, quick: bool) -> dict[str, Any]:
    """Run a task's steps one after the other."""
    limit = str(QUICK_LIMIT if quick else LIMIT)
    trainings = [["train", plan.task, "--if-needed", "--holdout", "0", "--epochs", "0.05" if quick else str(plan.epochs)]]
    if plan.context_epochs:
        epochs = "0.05" if quick else str(plan.context_epochs)
        trainings.append(["train", plan.task, "--if-needed", "--holdout", "0", "--with-context", "--epochs", epochs])
    run_ragft(["index", plan.task])
    cards = [run_ragft(arguments) for arguments in trainings]
    basis = [card["id"] for card in cards]
    base = measure_once(settings, plan.task, ["baselines", plan.task, "--limit", limit], basis=[])
    arms = ",".join(ARMS)
    compared = measure_once(
        settings, plan.task, ["compare", plan.task, "--arms", arms, "--limit", limit, "--batch-size", BATCH], basis=basis
    )
    metric = compared["primary_metric"]
    rows = {
        name: {"primary": marks[metric], "exact": marks["exact"]} for name, marks in base.items() if isinstance(marks, dict)
    }
    for name, arm in compared["arms"].items():
        rows[name] = {key: arm[key] for key in ("primary", "exact", "score", "schema_valid", "latency_p50", "prompt_tokens")}
    return {
        "metric": metric,
        "items": compared["arms"]["base"]["n"],
        "expected": plan.expected,
        "epochs": plan.epochs,
        "context_epochs": plan.context_epochs,
        "train_minutes": [round(card["outcome"]["seconds"] / 60, 1) for card in cards],
        "steps": [card["outcome"]["steps"] for card in cards],
        "seconds": round(sum(card["outcome"]["seconds"] for card in cards) + base["bench_seconds"] + compared["bench_seconds"]),
        "verdict": f"{compared['leakage']} {compared['verdict']['sentence']}".strip(),
        "rows": rows,
    }


def measure_once(settings: Settings, name: str, arguments: Sequence[str], *, basis: Sequence[str]) -> dict[str, Any]:
    """Run one command, or return what it gave on the same data and adapters before."""
    task = load_task(find_task(name, settings))
    key = hash_json([list(arguments), list(basis), task.hash_split(task.train), task.hash_split(task.test), dict(task.schema)])
    place = settings.folder("bench-tasks") / f"{name}-{arguments[0]}-{key[:12]}.json"
    if place.is_file():
        return dict(json.loads(place.read_text(encoding="utf-8")))
    start = time.perf_counter()
    result = run_ragft(arguments)
    absent = [arm["reason"] for arm in result.get("arms", {}).values() if "reason" in arm]
    if absent:
        raise SystemExit(f"{name} was not compared whole: {' '.join(absent)}")
    result["bench_seconds"] = time.perf_counter() - start
    place.parent.mkdir(parents=True, exist_ok=True)
    write_json(place, result)
    return result


def run_ragft(arguments: Sequence[str]) -> dict[str, Any]:
    """Run one command; returns its JSON."""
    sys.stderr.write(f"ragft {' '.join(arguments)}\n")
    done = subprocess.run(
        [sys.executable, "-m", "ui.cli", *arguments, "--json"], cwd=ROOT, stdout=subprocess.PIPE, stderr=sys.stderr, text=True
    )
    if done.returncode:
        raise SystemExit(f"ragft {' '.join(arguments)} ended with {done.returncode}")
    return dict(json.loads(done.stdout))


def render_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table as Markdown: primary metric with its interval, exact, valid under the schema."""
    parts = []
    for task, result in results.items():
        trained = f"QLoRA {result['epochs']:g} epochs ({result['train_minutes'][0]:g} min)"
        if result["context_epochs"]:
            trained += f", with passages {result['context_epochs']:g} ({result['train_minutes'][1]:g} min)"
        lines = [
            f"**{task}**: {result['items']} test items, {result['metric']}; {trained}; {result['seconds'] / 60:.0f} min in all.",
            "",
            f"| approach | {result['metric']} (95 %) | all fields right | valid under schema | s each |",
            "|---|---|---|---|---|",
        ]
        for name, row in result["rows"].items():
            if "latency_p50" in row:
                primary = row["primary"]
                mark = f"{primary['mean']:.3f} ({primary['low']:.2f} to {primary['high']:.2f})"
                lines.append(
                    f"| {LABELS[name]} | {mark} | {row['exact']:.0%} | {row['schema_valid']:.0%} | {row['latency_p50']:.2f} |"
                )
            else:
                lines.append(f"| {LABELS[name]} | {row['primary']:.3f} | {row['exact']:.0%} | 100% | |")
        best = max((name for name in ARMS if name in result["rows"]), key=lambda name: result["rows"][name]["primary"]["mean"])
        outcome = "as expected" if best == result["expected"] else f"expected was {LABELS[result['expected']]}"
        lines += ["", f"Highest mean: {LABELS[best]} ({outcome}). {result['verdict']}"]
        parts.append("\n".join(lines))
    if missing := [plan.task for plan in PLANS if plan.task not in results]:
        parts.append(f"Not measured yet: {', '.join(missing)}.")
    return "\n\n".join(parts)


def rewrite_table(path: Path, table: str) -> None:
    """Put the table between its marks."""
    text = path.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    write_text(path, f"{before}{BEGIN}\n{table}\n{END}{after}")


if __name__ == "__main__":
    main()
