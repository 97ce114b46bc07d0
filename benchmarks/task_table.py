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
from core.runs import load_run
from core.settings import Settings, read_settings
from core.storage import hash_json, write_json, write_text
from core.task import find_task, load_task

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "tasks" / "README.md"
BEGIN, END = "<!-- table: make bench-tasks -->", "<!-- end of table -->"
MODES = ("free", "constrained")
SHOWN = ("primary", "exact", "score", "schema_valid", "latency_p50", "prompt_tokens")
ARMS = ("zero_shot", "base", "rag", "qlora", "hybrid")
LABELS = {
    "majority": "majority value", "nearest": "nearest example, copied", "zero_shot": "base, no examples",
    "base": "few-shot (base, 3 examples)", "rag": "RAG (3 examples, 2 passages)", "qlora": "QLoRA", "hybrid": "RAG + QLoRA",
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """How a task is measured: who should win, and whether RAG + QLoRA has an adapter trained with passages."""

    task: str
    expected: str
    with_context: bool = False


PLANS = (
    Plan("hiring-handbook", "rag"),
    Plan("ml-interview", "hybrid", with_context=True),
    Plan("answer-grading", "hybrid", with_context=True),
    Plan("cv-screening", "qlora"),
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
    train = ["train", plan.task, "--if-needed", "--holdout", "0", *(["--epochs", "0.05"] if quick else [])]
    trainings = [train, [*train, "--with-context"]] if plan.with_context else [train]
    run_ragft(["index", plan.task])
    cards = [run_ragft(arguments) for arguments in trainings]
    basis = [card["id"] for card in cards]
    base = measure_once(settings, plan.task, ["baselines", plan.task, "--limit", limit], basis=[])
    command = ["compare", plan.task, "--arms", ",".join(ARMS), "--limit", limit, "--batch-size", BATCH]
    compared = {mode: measure_once(settings, plan.task, [*command, "--mode", mode], basis=basis) for mode in MODES}
    for each in compared.values():
        check_adapters(settings, each["run_id"], basis)
    metric = compared["free"]["primary_metric"]
    seconds = [card["outcome"]["seconds"] for card in cards]
    return {
        "metric": metric,
        "items": compared["free"]["arms"]["base"]["n"],
        "expected": plan.expected,
        "epochs": [card["config"]["epochs"] for card in cards],
        "train_minutes": [round(value / 60, 1) for value in seconds],
        "steps": [card["outcome"]["steps"] for card in cards],
        "seconds": round(sum(seconds) + base["bench_seconds"] + sum(each["bench_seconds"] for each in compared.values())),
        "baselines": {
            name: {"primary": marks[metric], "exact": marks["exact"]} for name, marks in base.items() if isinstance(marks, dict)
        },
        "arms": {
            arm: {mode: {key: each["arms"][arm][key] for key in SHOWN} for mode, each in compared.items()} for arm in ARMS
        },
        "verdicts": {mode: f"{each['leakage']} {each['verdict']['sentence']}".strip() for mode, each in compared.items()},
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


def check_adapters(settings: Settings, run_id: str, adapters: Sequence[str]) -> None:
    """Make sure that a comparison used these adapters: another, newer or selected, would be asked in their place."""
    used = {arm["adapter"] for arm in load_run(settings, run_id).config["arms"].values() if arm["adapter"]}
    if used != set(adapters):
        raise SystemExit(
            f"{run_id} used {', '.join(sorted(used))} and not {', '.join(adapters)}: delete or deselect the others."
        )


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
        kinds = ("QLoRA", "with passages")
        trained = ", ".join(
            f"{kind} {epochs:g} passes ({minutes:g} min)"
            for kind, epochs, minutes in zip(kinds, result["epochs"], result["train_minutes"], strict=False)
        )
        lines = [
            f"**{task}**: {result['items']} test items, {result['metric']}; {trained}; {result['seconds'] / 60:.0f} min in all.",
            "",
            f"| approach | {result['metric']}, free (95 %) | all fields right | valid | s each "
            f"| {result['metric']}, constrained (95 %) | all fields right | s each |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for name, marks in result["baselines"].items():
            lines.append(f"| {LABELS[name]} | {marks['primary']:.3f} | {marks['exact']:.0%} | 100% | | | | |")
        lines += [f"| {LABELS[name]} | {render_arm(modes)} |" for name, modes in result["arms"].items()]
        parts.append("\n".join([*lines, "", *(name_winner(result, mode) for mode in MODES)]))
    if missing := [plan.task for plan in PLANS if plan.task not in results]:
        parts.append(f"Not measured yet: {', '.join(missing)}.")
    return "\n\n".join(parts)


def render_arm(modes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return an arm's cells: a grammar makes every finished answer valid, so validity is told of free decoding alone."""
    free, constrained = ([f"{row['primary']['mean']:.3f} ({row['primary']['low']:.2f} to {row['primary']['high']:.2f})",
                          f"{row['exact']:.0%}", f"{row['schema_valid']:.0%}", f"{row['latency_p50']:.2f}"]
                         for row in (modes[mode] for mode in MODES))  # fmt: skip
    return " | ".join([*free, constrained[0], constrained[1], constrained[3]])


def name_winner(result: Mapping[str, Any], mode: str) -> str:
    """Return a line: the highest mean, whether it was expected, and the verdict."""
    best = max(ARMS, key=lambda name: result["arms"][name][mode]["primary"]["mean"])
    outcome = "as expected" if best == result["expected"] else f"expected was {LABELS[result['expected']]}"
    return f"- {mode.capitalize()} decoding, highest mean: {LABELS[best]} ({outcome}). {result['verdicts'][mode]}"


def rewrite_table(path: Path, table: str) -> None:
    """Put the table between its marks."""
    text = path.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    write_text(path, f"{before}{BEGIN}\n{table}\n{END}{after}")


if __name__ == "__main__":
    main()
