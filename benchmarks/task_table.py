"""Every way of answering on every bundled task: the table of `tasks/README.md`, made by `make bench-tasks`.

Each step (index, training, baselines, comparison) is its `ragft` command in a home of its own, `$RAGFT_HOME/bench/TASK-HASH`,
which shares only the fetched models. The hash is of all that the task holds and of the model, so what changed is measured
anew; what was measured there is not measured again, and a training that was stopped goes on. A change of the program is not
seen: delete the homes to measure it. When all tasks are measured, the table in tasks/README.md is rewritten. `support-triage`
is made of the public rows of BANKING77 where they are at hand (`benchmarks/tasks/public.py`), and left out where not.

One adapter, trained on prompts with and without passages, answers in both approaches that have one, as in the demo
(`benchmarks/mixed_training.py` measures it against two). On a small machine `--epochs`, `--limit` and `--seeds` cut the work;
the table says what was done. Controls (the right passage, the wrong one) answer freely only; held to the schema the four
approaches of the question answer.

python -m benchmarks.task_table [--task NAME] [--epochs 3] [--limit 150] [--seeds N] [--mode free]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.measure import print_report
from benchmarks.tasks.public import ADAPTERS, find_rows
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
ARMS = ("zero_shot", "base", "rag", "rag_examples", "qlora", "hybrid")
CONTROLS = ("oracle_hybrid", "wrong_hybrid")
HELD = ("base", "rag", "qlora", "hybrid")  # The approaches that answer held to the schema too.
LABELS = {
    "majority": "majority value", "nearest": "nearest example, copied", "sentence": "most similar sentence",
    "length": "length alone", "dictionary": "dictionary", "zero_shot": "base, no examples", "base": "few-shot (base, {shots})",
    "rag": "RAG ({shots}, {passages})", "rag_examples": "nearest {shots}", "qlora": "QLoRA", "hybrid": "RAG + QLoRA",
    "oracle_hybrid": "control: right passage, QLoRA", "wrong_hybrid": "control: wrong passage, QLoRA",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A task in the table.

    Args:
        expected: Who should win it, by tasks/README.md.
        arms: Who answers.
        seeds: Trainings.
    """

    expected: tuple[str, ...]
    arms: tuple[str, ...] = ARMS + CONTROLS
    seeds: int = 1


ENTRIES = {
    "hiring-handbook": Entry(("rag",), seeds=3),
    "ml-interview": Entry(("rag", "hybrid")),
    "answer-grading": Entry(("hybrid",)),
    "cv-screening": Entry(("qlora",), arms=ARMS),  # Its answers have no one passage as evidence.
    "cv-match": Entry(("hybrid", "qlora"), arms=ARMS),  # As in cv-screening.
    "support-triage": Entry(("qlora",), arms=("zero_shot", "base", "rag_examples", "qlora")),  # It has no documents.
}
PUBLIC = {"support-triage": "banking77"}
PUBLIC_ROWS = ["--input", "text", "--output", "intent", "--train", "2000", "--test", "300"]
QUICK_EPOCHS, QUICK_LIMIT = 0.05, 8


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    Args:
        epochs: Passes of a training.
        limit: Test items of a task.
        seeds: Trainings; 0 is as many as the task's entry says.
        batch: Answers decoded together.
        modes: How they are decoded.
    """

    epochs: float
    limit: int
    seeds: int
    batch: int
    modes: tuple[str, ...] = MODES


def main() -> None:
    """Measure what is not measured yet; a mistake that can be mended is a sentence."""
    arguments = read_options()
    modes = tuple(mode for mode in MODES if mode in (arguments.mode or MODES))
    effort = Effort(arguments.epochs, arguments.limit, arguments.seeds, arguments.batch_size, modes)
    try:
        settings = read_settings()
        fetch_model(settings)
        names = arguments.task or [name for name in ENTRIES if is_here(name)]
        measure = measure_quickly if arguments.quick else measure_task
        results = {name: measure(settings, name, effort) for name in names}
        if not arguments.quick and settings.model == DEFAULT_MODEL:
            rewrite_table(README, render_table(results))
    except LabError as error:
        raise SystemExit(str(error)) from error
    print_report("task_table", config={"effort": asdict(effort), "quick": arguments.quick}, ours=results)


def read_options() -> argparse.Namespace:
    """Parse the arguments; a quick run overrides passes, items and trainings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=list(ENTRIES), action="append", help="these alone stand in the table then; repeat it")
    parser.add_argument("--epochs", type=float, default=3.0, help="passes of a training")
    parser.add_argument("--limit", type=int, default=150, help="test items of a task")
    parser.add_argument("--seeds", type=int, default=0, help="trainings of a task; by default three of hiring-handbook")
    parser.add_argument("--mode", choices=MODES, action="append", help="decode so alone; by default both")
    parser.add_argument("--batch-size", type=int, default=16, help="answers decoded together")
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that it works")
    arguments = parser.parse_args()
    if arguments.quick:
        vars(arguments).update(epochs=QUICK_EPOCHS, limit=QUICK_LIMIT, seeds=1)
    return arguments


def is_here(name: str) -> bool:
    """Say whether a task can be measured, and say on stderr where its rows are absent."""
    here = name not in PUBLIC or find_rows(PUBLIC[name]).is_dir()
    if not here:
        sys.stderr.write(f"{name} is left out: {find_rows(PUBLIC[name])} is not here.\n")
    return here


def measure_quickly(settings: Settings, name: str, effort: Effort) -> dict[str, Any]:
    """Measure a task in a home that is gone afterwards."""
    with tempfile.TemporaryDirectory() as home:
        return run_steps(open_home(settings, Path(home)), name, effort)


def measure_task(settings: Settings, name: str, effort: Effort) -> dict[str, Any]:
    """Measure a task in its own home."""
    source = hash_folder(find_rows(PUBLIC[name])) if name in PUBLIC else hash_task(BUNDLED_TASKS / name)
    own = settings.folder("bench") / f"{name}-{hash_json([source, settings.model])[:12]}"
    return run_steps(open_home(settings, own), name, effort)


def hash_folder(folder: Path) -> str:
    """Return a hash of the files of a folder."""
    return hash_json({path.name: hash_file(path) for path in folder.iterdir() if path.is_file()})


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


def run_steps(settings: Settings, name: str, effort: Effort) -> dict[str, Any]:
    """Run a task's steps one after the other."""
    entry, folder, limit = ENTRIES[name], BUNDLED_TASKS / name, ["--limit", str(effort.limit)]
    together = [*limit, "--batch-size", str(effort.batch)]
    if name in PUBLIC:
        folder = settings.folder("tasks") / name
        make_public(settings, name)
    if (folder / "documents").is_dir():
        run_ragft(settings, ["index", name])
    cards = train_adapters(settings, name, effort)
    adapters = {arm: [card["id"] for card in cards] for arm in entry.arms if KNOWN_ARMS[arm].uses_adapter}
    base = measure_once(settings, ["baselines", name, *limit], adapters={})
    compared = {mode: compare_arms(settings, name, mode, together, adapters) for mode in effort.modes}
    first = next(iter(compared.values()))
    metric = first["primary_metric"]
    seconds = sum(card["outcome"]["seconds"] for card in cards)
    return {
        "metric": metric,
        "items": first["arms"]["base"]["n"],
        "expected": entry.expected,
        "labels": name_approaches(load_task(folder)),
        "trained": {
            "prompts": cards[0]["config"]["prompts"], "epochs": cards[0]["config"]["epochs"], "seeds": len(cards),
            "minutes": round(seconds / 60, 1),
        },
        "together": effort.batch,
        "seconds": round(seconds + base["bench_seconds"] + sum(each["bench_seconds"] for each in compared.values())),
        "baselines": {
            kind: {
                "primary": each["means"][metric], **{key: each["means"][key] for key in ("exact", "schema_valid")},
                "slices": each["slices"],
            }
            for kind, each in base.items() if kind != "bench_seconds"
        },
        "arms": {
            arm: {
                mode: {key: each["arms"][arm][key] for key in SHOWN} for mode, each in compared.items() if arm in each["arms"]
            }
            for arm in entry.arms
        },
        "slices": {
            part: {arm: marks[arm]["primary"]["mean"] for arm in entry.arms if arm in marks}
            for part, marks in first["slices"].items()
        },
        "verdicts": {mode: f"{each['leakage']} {each['verdict']['sentence']}".strip() for mode, each in compared.items()},
    }  # fmt: skip


def train_adapters(settings: Settings, name: str, effort: Effort) -> list[dict[str, Any]]:
    """Train what a task's approaches answer with, where it is not there yet, and return the cards."""
    entry = ENTRIES[name]
    seeds, kind = effort.seeds or entry.seeds, "mixed" if "hybrid" in entry.arms else "plain"
    options = ["--prompts", kind, "--epochs", str(effort.epochs), "--seeds", str(seeds)]
    cards = run_ragft(settings, ["train", name, "--if-needed", "--holdout", "0", *options])
    return list(cards) if seeds > 1 else [cards]


def compare_arms(
    settings: Settings, name: str, mode: str, options: Sequence[str], adapters: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Let a task's approaches answer in a mode: all of them freely, held to the schema the four of the question."""
    arms = [arm for arm in ENTRIES[name].arms if mode == "free" or arm in HELD]
    used = {arm: ids for arm, ids in adapters.items() if arm in arms}
    command = ["compare", name, "--arms", ",".join(arms), *options, "--mode", mode]
    command += [word for one in dict.fromkeys(one for ids in used.values() for one in ids) for word in ("--adapter", one)]
    return measure_once(settings, command, adapters=used)


def make_public(settings: Settings, name: str) -> None:
    """Make a task of public rows in a home, once."""
    if (settings.folder("tasks") / name).is_dir():
        return
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in ADAPTERS[PUBLIC[name]]())
        file.flush()
        run_ragft(settings, ["new-task", name, "--examples", file.name, *PUBLIC_ROWS])


def measure_once(settings: Settings, arguments: Sequence[str], *, adapters: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Run one command, or return what it gave with the same adapters of the same arms before."""
    key = hash_json([list(arguments), list(adapters.values())])
    place = settings.folder("results") / f"{arguments[0]}-{key[:12]}.json"
    if place.is_file():
        return dict(read_json(place))
    start = time.perf_counter()
    result = dict(run_ragft(settings, arguments))
    if adapters:
        check_run(settings, result, adapters)
    result["bench_seconds"] = time.perf_counter() - start
    write_json(place, result)
    return result


def check_run(settings: Settings, result: Mapping[str, Any], adapters: Mapping[str, Sequence[str]]) -> None:
    """Make sure that every arm answered, each with its adapters: a newer one in this home would be asked in its place."""
    absent = [arm["reason"] for arm in result["arms"].values() if "reason" in arm]
    if absent:
        raise LabError(f"The comparison {result['run_id']} is not whole: {' '.join(absent)}")
    arms = load_run(settings, result["run_id"]).config["arms"]
    used = {name: list_used(about) for name, about in arms.items() if list_used(about)}
    if used != {arm: list(ids) for arm, ids in adapters.items()}:
        raise LabError(
            f"The comparison {result['run_id']} used {used} and not {dict(adapters)}.",
            f"Delete what was trained there otherwise: {settings.folder('adapters')}.",
        )


def list_used(about: Mapping[str, Any]) -> list[str]:
    """Return the adapters that answered in an arm, as a run keeps them."""
    return [one["id"] for one in about.get("adapters", ())] or [one for one in [about["adapter"]] if one]


def run_ragft(settings: Settings, arguments: Sequence[str]) -> Any:
    """Run one command in a home; returns its JSON."""
    sys.stderr.write(f"ragft {' '.join(arguments)}\n")
    done = subprocess.run(
        [sys.executable, "-m", "ui.cli", *arguments, "--json"], cwd=ROOT, stdout=subprocess.PIPE, stderr=sys.stderr, text=True,
        env={**os.environ, "RAGFT_HOME": str(settings.home)},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"ragft {' '.join(arguments)} ended with {done.returncode}")
    return json.loads(done.stdout)


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
        labels = result["labels"]
        about = result["trained"]
        passes = f"{about['epochs']:g} pass{'' if about['epochs'] == 1 else 'es'}"
        trained = f"on {about['prompts']} prompts, {passes} x {count_words(about['seeds'], 'seed')} ({about['minutes']:g} min)"
        modes, metric = list(result["verdicts"]), result["metric"]
        cells = [f"{metric}, {mode} (95 %) | all fields right | valid | s each" for mode in modes]
        lines = [
            f"**{task}**: {result['items']} test items, {metric}; trained {trained}; {result['together']} answers together; "
            f"{result['seconds'] / 60:.0f} min in all.",
            "",
            f"| approach | {' | '.join(cells)} |",
            "|---|" + "---|" * 4 * len(modes),
        ]
        for name, marks in result["baselines"].items():
            shown = f"{marks['primary']:.3f} | {marks['exact']:.0%} | {marks['schema_valid']:.0%} | |"
            lines.append(f"| {labels[name]} | {shown}{' |' * 4 * (len(modes) - 1)}")
        lines += [f"| {labels[name]} | {render_arm(each, modes)} |" for name, each in result["arms"].items()]
        lines += ["", *(name_winner(result, mode, labels) for mode in modes)]
        parts.append("\n".join([*lines, *render_slices(result, labels)]))
    return "\n\n".join(parts)


def render_slices(result: Mapping[str, Any], labels: Mapping[str, str]) -> list[str]:
    """Return a line with the primary metric of every approach and baseline on each slice, in the first mode measured."""
    if not result["slices"]:
        return []
    rows = {name: {**marks} for name, marks in result["slices"].items()}
    for kind, marks in result["baselines"].items():
        for name, mean in marks["slices"].items():
            rows.setdefault(name, {})[kind] = mean
    names = [name for name in labels if any(name in marks for marks in rows.values())]
    head = [
        "",
        f"| slice, {result['metric']}, {next(iter(result['verdicts']))} | {' | '.join(labels[name] for name in names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    return head + [
        f"| {part} | {' | '.join(f'{marks[name]:.2f}' if name in marks else '' for name in names)} |"
        for part, marks in rows.items()
    ]


def render_arm(rows: Mapping[str, Mapping[str, Any]], modes: Sequence[str]) -> str:
    """Return an arm's cells, mode by mode."""
    return " | ".join(
        f"{row['primary']['mean']:.3f} ({row['primary']['low']:.2f} to {row['primary']['high']:.2f}) "
        f"| {row['exact']:.0%} | {row['schema_valid']:.0%} | {row['latency_p50']:.2f}"
        if row
        else " | | | "
        for row in (rows.get(mode) for mode in modes)
    )


def name_winner(result: Mapping[str, Any], mode: str, labels: Mapping[str, str]) -> str:
    """Return a line: the approach with the highest mean, whether it was expected, what beats it untrained, the verdict."""
    means = {name: modes[mode]["primary"]["mean"] for name, modes in result["arms"].items()
             if mode in modes and name not in CONTROLS}  # fmt: skip
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
