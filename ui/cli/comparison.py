"""The commands that answer: ask one question, compare arms over a test split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.comparison.arms import MAIN_ARMS
from core.errors import LabError
from core.settings import read_settings
from ui.cli.console import AsJson, Bars, TaskName, err, out, show, show_table, warn_of
from ui.cli.options import ModelName, ModelNames, StorageName, StorageNames

if TYPE_CHECKING:
    from core.comparison.arms import Arm
    from core.tasks.task import Task
    from core.values import DecodeOptions, Example
    from lab.lab import Lab

    # Gives an arm its adapters, and says what is wrong with those that do not fit.
    Fix = Callable[[Arm], tuple[list[Arm], tuple[str, ...]]]

comparison_app = typer.Typer()
FOUR = ",".join(MAIN_ARMS)
ArmNames = Annotated[str, typer.Option("--arms", help="Comma-separated arms.")]
AdapterName = Annotated[
    str | None,
    typer.Option("--adapter", help="Adapter id; by default for each arm the selected if it fits, else the newest that does."),
]
AdapterNames = Annotated[
    list[str] | None,
    typer.Option(
        "--adapter",
        help="Adapter id, may be repeated: each answers in the arms that it fits. "
        "By default one for each arm: the selected if it fits, else the newest that does.",
    ),
]
AllowMisfit = Annotated[
    bool, typer.Option(help="Let a named adapter answer in an arm that it does not fit; results are stamped.")
]
DecodingMode = Annotated[
    str, typer.Option("--mode", help="free, constrained (by the schema) or think (draft, then constrained).")
]


@comparison_app.command()
def ask(
    task: TaskName,
    question: str,
    arms: ArmNames = FOUR,
    adapter: AdapterName = None,
    mode: DecodingMode = "free",
    allow_misfit: AllowMisfit = False,
    model: ModelName = "",
    storage: StorageName = "",
    as_json: AsJson = False,
) -> None:
    """Ask one question of several arms."""
    from core.comparison.arms import find_arms
    from core.values import Example
    from lab.answering import choose_options, describe_constraint, fix_adapters
    from lab.lab import Lab

    adapters = (adapter,) if adapter is not None else ()
    _check_misfit(adapters, allow_misfit)
    lab = Lab(read_settings().at_model(model, storage))
    loaded, chosen = lab.task(task), find_arms(arms)
    if not question.strip():
        raise LabError("The question is empty.", "Type something to ask.")
    options = choose_options(lab, loaded, mode=mode)
    if reason := describe_constraint(lab, loaded, mode):
        err.print(reason, markup=False)
    item = Example("question", question)
    fix = partial(fix_adapters, lab, loaded, adapters=adapters, allow_misfit=allow_misfit)
    rows = [_ask_arm(lab, loaded, item, arm, options, fix) for arm in chosen]
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


def _check_misfit(adapters: Sequence[str], allow_misfit: bool) -> None:
    """Refuse a permission that names nobody: which adapter is newest is not what a person insists on."""
    if allow_misfit and not adapters:
        raise LabError("--allow-misfit says that an adapter need not fit, and none is named.", "Name it: --adapter ADAPTER.")


def _ask_arm(lab: Lab, task: Task, item: Example, arm: Arm, options: DecodeOptions, fix: Fix) -> dict[str, Any]:
    """Return one arm's answer as JSON values, or why it has none."""
    from lab.answering import answer_items
    from lab.plan import describe_storages
    from lab.provenance import describe_support
    from lab.search import judge_hits

    try:
        fixed, misfits = fix(arm)
        _, prediction = next(answer_items(lab, task, [item], fixed[0], options=options))
    except LabError as error:
        return {"arm": arm.name, "missing": str(error)}
    for sentence in misfits:
        err.print(f"MISFIT: {sentence}", style="yellow", markup=False, soft_wrap=True)
    warn_of(describe_storages(lab, task, fixed[:1]))
    verdict = judge_hits(lab, task, item.input, prediction.hits)
    return {
        **asdict(prediction),
        "schema_valid": prediction.schema_valid,
        "evidence": asdict(verdict) if verdict is not None else None,
        "support": describe_support(task, prediction, verdict),
        "misfits": list(misfits),
    }


@comparison_app.command()
def compare(
    task: TaskName,
    arms: ArmNames = FOUR,
    limit: Annotated[int | None, typer.Option(help="Test items, a sample that keeps the slices' shares.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Answers decoded together.", min=1)] = 16,
    adapter: AdapterNames = None,
    mode: DecodingMode = "free",
    allow_leakage: Annotated[
        bool, typer.Option(help="Go on with items that were trained on; all results are stamped.")
    ] = False,
    allow_misfit: AllowMisfit = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask everything anew, also what was answered before.")] = False,
    shot_draws: Annotated[
        int, typer.Option(help="Draws of the fixed examples; each answers in the arms that show some.", min=1)
    ] = 1,
    model: ModelNames = None,
    storage: StorageNames = None,
    as_json: AsJson = False,
) -> None:
    """Let several arms answer the same held-out items, and judge the differences; with several models, a run for each."""
    from core.comparison.arms import find_arms
    from lab.comparison import compare_arms
    from lab.lab import Lab
    from lab.requests import CompareRequest
    from ui.cli.ladder import climb_models
    from ui.cli.tables import print_comparison

    request = CompareRequest(
        task=task,
        arms=tuple(arm.name for arm in find_arms(arms)),
        limit=limit,
        seed=seed,
        batch_size=batch_size,
        adapters=tuple(dict.fromkeys(adapter or ())),
        mode=mode,
        allow_leakage=allow_leakage,
        allow_misfit=allow_misfit,
        fresh=fresh,
        shot_draws=shot_draws,
    )
    _check_misfit(request.adapters, allow_misfit)
    requests = [
        replace(request, model=name, storage=kept)
        for name in dict.fromkeys(model or [""])
        for kept in dict.fromkeys(storage or [""])
    ]
    if len(requests) > 1:
        climb_models(Lab(read_settings()), requests, as_json=as_json)
        return
    (request,) = requests
    with Bars() as bars:
        result = compare_arms(Lab(read_settings()), request, bars).as_json()

    def draw(value: Any) -> None:
        print_comparison(value, out)
        out.print(f"Kept: `ragft runs show {value['run_id']}`", soft_wrap=True)

    show(result, as_json, draw)
