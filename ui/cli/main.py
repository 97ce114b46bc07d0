"""The command line: `ragft`. With `--json` one JSON document goes to stdout; progress and logs go to stderr.

Exit codes: 0 done, 2 something the user or the environment must mend (one sentence), 130 Ctrl-C.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import Cancelled, LabError
from core.settings import prepare_libraries, read_settings
from ui.cli.adapters import adapters_app
from ui.cli.console import AsJson, Bars, TaskName, err, out, run_as_job, show, show_fields, show_table
from ui.cli.jobs import jobs_app
from ui.cli.retrieval import retrieval_app
from ui.cli.tasks import tasks_app
from ui.cli.training import training_app

app = typer.Typer(
    help="Retrieve or fine-tune? Compare both on your task, with evidence.", no_args_is_help=True, add_completion=False
)
models_app = typer.Typer(help="The models on this machine.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(jobs_app, name="jobs")
app.add_typer(adapters_app, name="adapters")
app.add_typer(tasks_app)  # Without a name: its commands stand beside these.
app.add_typer(training_app)
app.add_typer(retrieval_app)

DecodingMode = Annotated[
    str, typer.Option("--mode", help="free, constrained (by the schema) or think (draft, then constrained).")
]
JobFolder = Annotated[Path | None, typer.Option("--job", hidden=True)]


def main() -> None:
    """Run the command line, translating errors once."""
    prepare_libraries()
    try:
        code = app(standalone_mode=False)  # typer returns the code of its Exit, and 130 for Ctrl-C.
    except LabError as error:
        err.print(str(error), style="red", markup=False, highlight=False)
        sys.exit(2)
    except (KeyboardInterrupt, Cancelled, typer.Abort):
        code = 130
    except Exception as error:
        # typer's own usage errors (an unknown option, a missing argument) carry their exit code and sentence.
        if not hasattr(error, "format_message"):
            raise
        err.print(error.format_message(), style="red", markup=False)
        sys.exit(2)
    if code == 130:
        err.print("Stopped. What was finished is kept.")
    sys.exit(code or 0)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what this machine offers and what is missing."""
    from core.comparison.runs import describe_environment
    from core.generation.device import choose_device
    from core.generation.models import model_folder

    settings = read_settings()
    device = choose_device()
    present = model_folder(settings, settings.model).is_dir() or Path(settings.model).is_dir()
    report = {
        "home": str(settings.home),
        "model": settings.model,
        "model_present": present,
        "device": device.name,
        "dtype": device.dtype_name,
        **describe_environment(),
    }
    show(report, as_json, show_fields)
    if not present and not as_json:
        out.print("Next: `ragft models fetch`")


@models_app.command("fetch")
def models_fetch(
    name: Annotated[str | None, typer.Argument(help="A name on the Hub.")] = None, as_json: AsJson = False
) -> None:
    """Make a model available; does nothing when it already is."""
    from core.generation.models import fetch_model

    settings = read_settings()
    folder = fetch_model(settings, name, notify=lambda text: err.print(text, markup=False))
    show({"model": name or settings.model, "folder": str(folder)}, as_json, show_fields)


@models_app.command("list")
def models_list(as_json: AsJson = False) -> None:
    """List the models on this machine."""
    settings = read_settings()
    rows = [
        {"model": path.parent.name, "mib": round(sum(f.stat().st_size for f in path.parent.rglob("*") if f.is_file()) / 2**20)}
        for path in sorted(settings.folder("models").glob("*/config.json"))
    ]
    show(rows, as_json, lambda value: show_table(value, empty="No model yet: `ragft models fetch`"))


@app.command()
def index(
    task: TaskName,
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders of documents to add to the task's.")] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Parse and embed everything anew.")] = False,
    as_json: AsJson = False,
    job: JobFolder = None,
) -> None:
    """Bring the index of a task's documents up to date, adding documents if any are given."""
    from lab.lab import Lab

    settings = read_settings()
    lab = Lab(settings)
    loaded = lab.task(task)

    def work(bars: Bars) -> dict[str, Any]:
        return lab.build_index(loaded, add=paths or (), rebuild=rebuild, notify=bars)

    result = run_as_job(settings, job, work, done="The index is ready.")
    show(result, as_json, lambda value: show_fields({**value, "problems": len(value["problems"])}))
    for problem in result["problems"]:
        err.print(f"Left out: {problem['path']}: {problem['reason']}", style="yellow", markup=False, highlight=False)


@app.command()
def train(
    task: TaskName,
    minutes: Annotated[float | None, typer.Option(help="Time budget of the training steps.")] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the examples.")] = 3.0,
    lr: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-3,
    rank: Annotated[int, typer.Option(help="LoRA rank r.")] = 16,
    alpha: Annotated[int | None, typer.Option(help="LoRA alpha; 2r by default, with rsLoRA r.")] = None,
    batch_size: Annotated[int, typer.Option(help="Examples a step.")] = 8,
    storage: Annotated[str, typer.Option(help="Frozen weights: nf4 (QLoRA), int8 or full.")] = "nf4",
    rslora: Annotated[bool, typer.Option(help="Scale by alpha / sqrt(r).")] = False,
    dora: Annotated[bool, typer.Option(help="Learn each row's magnitude apart (DoRA); slower.")] = False,
    with_context: Annotated[bool, typer.Option(help="Show retrieved passages in training: for the hybrid.")] = False,
    holdout: Annotated[
        int, typer.Option(help="Training examples kept out, answered while training to choose the best adapter; 0: none.")
    ] = 16,
    evaluations: Annotated[int, typer.Option(help="How often they are answered.")] = 4,
    patience: Annotated[int, typer.Option(help="End after so many evaluations without a better score; 0: never.")] = 0,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    if_needed: Annotated[
        bool, typer.Option(help="Keep an adapter that was trained on the same data; go on with a training that was stopped.")
    ] = False,
    allow_leakage: Annotated[bool, typer.Option(help="Train although test examples are among the training examples.")] = False,
    as_json: AsJson = False,
    job: JobFolder = None,
) -> None:
    """Fine-tune a QLoRA adapter, in a process of its own."""
    from finetune.config import TrainConfig, default_alpha
    from lab.lab import Lab
    from lab.training.jobs import find_trained, train_in_process, watch_training
    from lab.training.preflight import require_go, run_preflight

    settings = read_settings()
    lab = Lab(settings)
    loaded = lab.task(task)
    config = TrainConfig(
        rank=rank,
        alpha=default_alpha(rank, rslora=rslora) if alpha is None else alpha,
        learning_rate=lr,
        epochs=epochs,
        minutes=minutes,
        batch_size=batch_size,
        storage=storage,
        rslora=rslora,
        dora=dora,
        with_context=with_context,
        holdout=holdout,
        evaluations=evaluations,
        patience=patience,
        seed=seed,
    )

    def work(bars: Bars) -> dict[str, Any]:
        require_go(run_preflight(lab, task, config), allow_leakage=allow_leakage)
        return train_in_process(lab, loaded, config, bars, job=job)

    card = find_trained(lab, loaded, config) if if_needed else None
    if card is not None:
        err.print(f"The adapter {card['id']} was trained on this data already.")
    elif job is not None:
        card = run_as_job(settings, job, work, done="The adapter is ready.")
    else:
        require_go(run_preflight(lab, task, config), allow_leakage=allow_leakage)
        card = watch_training(settings, loaded, config, allow_leakage=allow_leakage, go_on=if_needed)
    show(
        card,
        as_json,
        lambda value: show_fields({"id": value["id"], "model": value["model"], **_without_lists(value["outcome"])}),
    )


def _without_lists(outcome: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in outcome.items() if not isinstance(value, list | tuple)}


@app.command()
def ask(
    task: TaskName,
    question: str,
    arms: Annotated[str, typer.Option(help="Comma-separated arms.")] = "base,rag,qlora,hybrid",
    adapter: Annotated[str | None, typer.Option(help="Adapter id; the newest by default.")] = None,
    mode: DecodingMode = "free",
    as_json: AsJson = False,
) -> None:
    """Ask one question of several arms."""
    from dataclasses import asdict

    from core.comparison.arms import find_arms
    from core.values import Example
    from lab.lab import Lab
    from ui.page.passages_view import describe_support

    lab = Lab(read_settings())
    loaded, chosen = lab.task(task), find_arms(arms)
    if not question.strip():
        raise LabError("The question is empty.", "Type something to ask.")
    rows = []
    options = lab.choose_options(loaded, mode=mode)
    if reason := lab.describe_support(loaded, mode):
        err.print(reason, markup=False)
    for arm in chosen:
        try:
            _, prediction = next(lab.answer(loaded, [Example("question", question)], arm, options=options, adapter=adapter))
            support = describe_support(loaded, prediction)
            rows.append({**asdict(prediction), "schema_valid": prediction.schema_valid, "support": support})
        except LabError as error:
            rows.append({"arm": arm.name, "missing": str(error)})
    if all("missing" in row for row in rows):
        raise LabError("No arm could answer. " + " ".join(str(row["missing"]) for row in rows))
    short = [
        {
            "arm": row["arm"],
            "valid": row.get("schema_valid", "-"),
            "answer": row["generation"]["text"] if "generation" in row else row["missing"],
        }
        for row in rows
    ]
    show(rows if as_json else short, as_json, lambda value: show_table(value, empty="No arm."))


@app.command()
def compare(
    task: TaskName,
    arms: Annotated[str, typer.Option(help="Comma-separated arms.")] = "base,rag,qlora,hybrid",
    limit: Annotated[int | None, typer.Option(help="Test items, a sample that keeps the slices' shares.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Answers decoded together.", min=1)] = 16,
    adapter: Annotated[str | None, typer.Option(help="Adapter id; the newest by default.")] = None,
    mode: DecodingMode = "free",
    allow_leakage: Annotated[
        bool, typer.Option(help="Go on with items that were trained on; all results are stamped.")
    ] = False,
    as_json: AsJson = False,
    job: JobFolder = None,
) -> None:
    """Let several arms answer the same held-out items, and judge the differences."""
    from core.comparison.arms import find_arms
    from lab.lab import Lab
    from ui.cli.tables import print_comparison

    settings = read_settings()
    lab = Lab(settings)
    loaded, chosen = lab.task(task), find_arms(arms)

    def work(bars: Bars) -> dict[str, Any]:
        options = lab.choose_options(loaded, mode=mode, seed=seed, batch_size=batch_size)
        if reason := lab.describe_support(loaded, mode):
            err.print(reason, markup=False)
        done = lab.compare(
            loaded, chosen, limit=limit, seed=seed, options=options, adapter=adapter, allow_leakage=allow_leakage, notify=bars
        )
        return {"run_id": done.run.id, "task": done.run.task, "report": str(done.folder / "report.html"), **done.run.summary}

    result = run_as_job(settings, job, work, done="The comparison is ready.")
    show(result, as_json, lambda value: print_comparison(value, out))


@app.command()
def runs(run_id: Annotated[str | None, typer.Argument(help="A run; all by default.")] = None, as_json: AsJson = False) -> None:
    """List the stored comparisons, or show one."""
    from dataclasses import asdict

    from core.comparison.runs import list_runs, load_run
    from ui.cli.tables import print_comparison

    settings = read_settings()
    if run_id is not None:
        run = load_run(settings, run_id)
        report = str(settings.folder("runs") / run.id / "report.html")
        show(asdict(run), as_json, lambda _: print_comparison({"run_id": run.id, "report": report, **run.summary}, out))
        return
    whole, damaged = list_runs(settings)
    for sentence in damaged:
        err.print(sentence, style="yellow", markup=False)
    rows = [
        {"run": run.id, "status": run.status, "verdict": run.summary.get("verdict", {}).get("sentence", "")} for run in whole
    ]
    show(rows, as_json, lambda value: show_table(value, empty="No run yet: `ragft compare TASK`"))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 7860,
) -> None:
    """Start the web page."""
    from ui.page.app import launch

    launch(read_settings(), host=host, port=port)
