"""Every way of answering on every bundled task: the table of `tasks/README.md`, made by `make bench-tasks`.

Each step (index, training, baselines, comparison) is its `ragft` command in a home of its own, `$RAGFT_HOME/bench/TASK-HASH`,
which shares only the fetched models. The hash is of all that the task holds and of the model, so what changed is measured
anew; what was measured there is not measured again, and a training that was stopped goes on. A change of the program is not
seen: delete the homes to measure it. When all tasks are measured, the table in tasks/README.md is rewritten.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.measure import print_report, read_arguments
from core.comparison.arms import ARMS as KNOWN_ARMS
from core.comparison.arms import fit_arm
from core.comparison.runs import load_run
from core.errors import LabError
from core.generation.models import fetch_model
from core.settings import BUNDLED_TASKS, DEFAULT_MODEL, Settings, read_settings
from core.storage import hash_file, hash_json, read_json, write_json, write_text
from core.tasks.loading import load_task
from core.tasks.task import Task

ROOT = Path(__file__).resolve().parents[1]
README = BUNDLED_TASKS / "README.md"
BEGIN, END = "<!-- table: make bench-tasks -->", "<!-- end of table -->"
MODES = ("free", "constrained")
SHOWN = ("primary", "exact", "score", "schema_valid", "latency_p50", "prompt_tokens")
ARMS = ("zero_shot", "base", "rag", "qlora", "hybrid")
LABELS = {
    "majority": "majority value", "nearest": "nearest example, copied", "zero_shot": "base, no examples",
    "base": "few-shot (base, {shots})", "rag": "RAG ({shots}, {passages})", "qlora": "QLoRA", "hybrid": "RAG + QLoRA",
}  # fmt: skip


# Who should win each task, by tasks/README.md.
EXPECTED = {
    "hiring-handbook": ("rag",), "ml-interview": ("rag", "hybrid"), "answer-grading": ("hybrid",), "cv-screening": ("qlora",),
}  # fmt: skip
BATCH = "48"  # Answers decoded together: each step reads all weights, whatever the number of rows.
LIMIT, QUICK_LIMIT = 150, 8


def main() -> None:
    """Measure what is not measured yet; a mistake that can be mended is a sentence."""
    quick = read_arguments(__doc__ or "").quick
    try:
        settings = read_settings()
        fetch_model(settings)
        results = {name: measure_task(settings, name, quick=quick) for name in EXPECTED}
        if not quick and settings.model == DEFAULT_MODEL:
            rewrite_table(README, render_table(results))
    except LabError as error:
        raise SystemExit(str(error)) from error
    print_report("task_table", config={"limit": QUICK_LIMIT if quick else LIMIT, "quick": quick}, ours=results)


def measure_task(settings: Settings, name: str, *, quick: bool) -> dict[str, Any]:
    """Measure a task in its own home; a quick run's home is gone afterwards."""
    if not quick:
        about = hash_json([hash_task(BUNDLED_TASKS / name), settings.model])
        return run_steps(open_home(settings, settings.folder("bench") / f"{name}-{about[:12]}"), name, limit=LIMIT)
    with tempfile.TemporaryDirectory() as home:
        return run_steps(open_home(settings, Path(home)), name, limit=QUICK_LIMIT, more=["--epochs", "0.05"])


def hash_task(folder: Path) -> str:
    """Return a hash of all that a task holds for a run: its settings, schema, examples and documents."""
    read = [folder / file for file in ("task.toml", "schema.json", "train.jsonl", "test.jsonl")]
    read += [path for path in (folder / "documents").rglob("*") if path.is_file()]
    return hash_json({path.relative_to(folder).as_posix(): hash_file(path) for path in read})


def open_home(settings: Settings, home: Path) -> Settings:
    """Return the settings of a home that shares only the fetched models, and make it where it is not there."""
    home.mkdir(parents=True, exist_ok=True)
    settings.folder("models").mkdir(parents=True, exist_ok=True)
    (home / "models").unlink(missing_ok=True)  # It may lead to where the models were.
    (home / "models").symlink_to(settings.folder("models").resolve(), target_is_directory=True)
    return replace(settings, home=home)


def run_steps(settings: Settings, name: str, *, limit: int, more: Sequence[str] = ()) -> dict[str, Any]:
    """Run a task's steps one after the other."""
    run_ragft(settings, ["index", name])
    train = ["train", name, "--if-needed", "--holdout", "0", *more]
    cards = [run_ragft(settings, arguments) for arguments in (train, [*train, "--prompts", "passages"])]
    adapters = {arm: card["id"] for arm, card in zip(("qlora", "hybrid"), cards, strict=True)}
    base = measure_once(settings, ["baselines", name, "--limit", str(limit)], adapters={})
    command = ["compare", name, "--arms", ",".join(ARMS), "--limit", str(limit), "--batch-size", BATCH]
    compared = {mode: measure_once(settings, [*command, "--mode", mode], adapters=adapters) for mode in MODES}
    metric = compared["free"]["primary_metric"]
    seconds = [card["outcome"]["seconds"] for card in cards]
    return {
        "metric": metric,
        "items": compared["free"]["arms"]["base"]["n"],
        "expected": EXPECTED[name],
        "epochs": [card["config"]["epochs"] for card in cards],
        "train_minutes": [round(value / 60, 1) for value in seconds],
        "steps": [card["outcome"]["steps"] for card in cards],
        "seconds": round(sum(seconds) + base["bench_seconds"] + sum(each["bench_seconds"] for each in compared.values())),
        "baselines": {
            kind: {
                "primary": base[kind]["means"][metric],
                **{key: base[kind]["means"][key] for key in ("exact", "schema_valid")},
            }
            for kind in base
        },
        "arms": {
            arm: {mode: {key: each["arms"][arm][key] for key in SHOWN} for mode, each in compared.items()} for arm in ARMS
        },
        "verdicts": {mode: f"{each['leakage']} {each['verdict']['sentence']}".strip() for mode, each in compared.items()},
    }


def measure_once(settings: Settings, arguments: Sequence[str], *, adapters: Mapping[str, str]) -> dict[str, Any]:
    """Run one command, or return what it gave with the same adapters of the same arms before."""
    key = hash_json([list(arguments), list(adapters.values())])
    place = settings.folder("results") / f"{arguments[0]}-{key[:12]}.json"
    if place.is_file():
        return dict(read_json(place))
    start = time.perf_counter()
    result = run_ragft(settings, arguments)
    if adapters:
        check_run(settings, result, adapters)
    result["bench_seconds"] = time.perf_counter() - start
    write_json(place, result)
    return result


def check_run(settings: Settings, result: Mapping[str, Any], adapters: Mapping[str, str]) -> None:
    """Make sure that every arm answered, each with its adapter: a newer one in this home would be asked in its place."""
    absent = [arm["reason"] for arm in result["arms"].values() if "reason" in arm]
    if absent:
        raise LabError(f"The comparison {result['run_id']} is not whole: {' '.join(absent)}")
    arms = load_run(settings, result["run_id"]).config["arms"]
    used = {name: about["adapter"] for name, about in arms.items() if about["adapter"]}
    if used != adapters:
        raise LabError(
            f"The comparison {result['run_id']} used {used} and not {dict(adapters)}.",
            f"Delete what was trained there otherwise: {settings.folder('adapters')}.",
        )


def run_ragft(settings: Settings, arguments: Sequence[str]) -> dict[str, Any]:
    """Run one command in a home; returns its JSON."""
    sys.stderr.write(f"ragft {' '.join(arguments)}\n")
    done = subprocess.run(
        [sys.executable, "-m", "ui.cli", *arguments, "--json"], cwd=ROOT, stdout=subprocess.PIPE, stderr=sys.stderr, text=True,
        env={**os.environ, "RAGFT_HOME": str(settings.home)},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"ragft {' '.join(arguments)} ended with {done.returncode}")
    return dict(json.loads(done.stdout))


def name_approaches(task: Task) -> dict[str, str]:
    """Return what the table calls each approach, with as many examples and passages as the task's prompts show."""
    arm = fit_arm(KNOWN_ARMS["rag"], task)
    shots, passages = count_words(arm.shots, "example"), count_words(arm.top_k, "passage")
    return {name: label.format(shots=shots, passages=passages) for name, label in LABELS.items()}


def count_words(count: int, word: str) -> str:
    """Return a number with its word."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def render_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table as Markdown: primary metric with its interval, exact, valid under the schema."""
    parts = []
    for task, result in results.items():
        labels = name_approaches(load_task(BUNDLED_TASKS / task))
        kinds = ("without passages", "with passages")
        trained = ", ".join(
            f"{kind} {epochs:g} passes ({minutes:g} min)"
            for kind, epochs, minutes in zip(kinds, result["epochs"], result["train_minutes"], strict=True)
        )
        lines = [
            f"**{task}**: {result['items']} test items, {result['metric']}; QLoRA {trained}; {result['seconds'] / 60:.0f} min in all.",
            "",
            f"| approach | {result['metric']}, free (95 %) | all fields right | valid | s each, of {BATCH} together "
            f"| {result['metric']}, constrained (95 %) | all fields right | valid | s each |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for name, marks in result["baselines"].items():
            lines.append(
                f"| {labels[name]} | {marks['primary']:.3f} | {marks['exact']:.0%} | {marks['schema_valid']:.0%} | | | | | |"
            )
        lines += [f"| {labels[name]} | {render_arm(modes)} |" for name, modes in result["arms"].items()]
        parts.append("\n".join([*lines, "", *(name_winner(result, mode, labels) for mode in MODES)]))
    return "\n\n".join(parts)


def render_arm(modes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return an arm's cells, mode by mode."""
    return " | ".join(
        f"{row['primary']['mean']:.3f} ({row['primary']['low']:.2f} to {row['primary']['high']:.2f}) "
        f"| {row['exact']:.0%} | {row['schema_valid']:.0%} | {row['latency_p50']:.2f}"
        for row in (modes[mode] for mode in MODES)
    )


def name_winner(result: Mapping[str, Any], mode: str, labels: Mapping[str, str]) -> str:
    """Return a line: the approach with the highest mean, whether it was expected, what beats it untrained, the verdict."""
    means = {name: result["arms"][name][mode]["primary"]["mean"] for name in ARMS}
    best = max(means, key=lambda name: means[name])
    expected = " or ".join(labels[name] for name in result["expected"])
    outcome = "as expected" if best in result["expected"] else f"expected was {expected}"
    above = [f"{labels[name]} ({marks['primary']:.3f})" for name, marks in result["baselines"].items()
             if marks["primary"] > means[best]]  # fmt: skip
    below = f", **below the {' and the '.join(above)}**" if above else ""
    return f"- {mode.capitalize()} decoding, best approach: {labels[best]} ({outcome}){below}. {result['verdicts'][mode]}"


def rewrite_table(path: Path, table: str) -> None:
    """Put the table between its marks."""
    text, mode = path.read_text(encoding="utf-8"), path.stat().st_mode
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise LabError(f"{path} lacks the lines {BEGIN!r} and {END!r}.", "Put them back where the table belongs.")
    write_text(path, f"{before}{BEGIN}\n{table}\n{END}{after}")
    path.chmod(mode)  # A new file is for its owner alone.


if __name__ == "__main__":
    main()
