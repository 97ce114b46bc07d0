"""The command that says what the approaches of a stored comparison cost, and what is recommended when more counts than marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import LabError
from core.settings import read_settings
from ui.cli.console import AsJson, out, show

if TYPE_CHECKING:
    from core.evaluation.prices import Prices
    from core.evaluation.weights import Weights

cost_app = typer.Typer()  # Joins the commands about runs.


@cost_app.command()
def cost(
    run_id: Annotated[str, typer.Argument(help="A run, as `ragft runs` lists it.")],
    machine_hour: Annotated[float, typer.Option(help="Price of an hour of the machine.")] = 0.10,
    million_prompt: Annotated[float, typer.Option(help="Price of a million tokens of prompts.")] = 0.0,
    million_new: Annotated[float, typer.Option(help="Price of a million tokens of answers.")] = 0.0,
    label: Annotated[float, typer.Option(help="Price of one labelled row.")] = 0.20,
    queries: Annotated[float, typer.Option(help="Questions a month.")] = 10_000.0,
    updates: Annotated[float, typer.Option(help="Times a month that the documents change.")] = 1.0,
    pair: Annotated[str, typer.Option(help="Two arms whose break-even is asked for.")] = "rag,qlora",
    weight: Annotated[
        list[str] | None,
        typer.Option(
            help="What counts how much, may be repeated: quality=1, validity, latency, cost, freshness, traceability."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what approaches cost at your prices, from how many queries on one pays back, and what your weights recommend."""
    from core.comparison.runs import load_run
    from core.evaluation.break_even import find_break_even
    from core.evaluation.cost import draw_curve, find_costs
    from core.evaluation.prices import Prices
    from core.evaluation.weights import recommend

    prices = Prices(machine_hour, million_prompt, million_new, label, queries, updates)
    names, weights = _read_pair(pair), _read_weights(weight or ())
    summary = load_run(read_settings(), run_id).summary
    found, advice = find_break_even(summary, prices, names), recommend(summary, weights, prices)
    value = {
        "run_id": run_id,
        "prices": asdict(prices),
        "arms": {name: asdict(one) for name, one in find_costs(summary, prices).items()},
        "break_even": None if found is None else asdict(found),
        "curve": draw_curve(summary, prices, most=10 * found.queries if found and found.queries else None),
        "weights": asdict(weights),
        "recommendation": {**asdict(advice), "switches": [asdict(switch) for switch in advice.switches]},
    }
    show(value, as_json, lambda _: _print(summary, prices, weights, names))


def _print(summary: Mapping[str, Any], prices: Prices, weights: Weights, names: tuple[str, str]) -> None:
    from core.evaluation.break_even import find_break_even
    from core.evaluation.cost_table import lay_out_measured, lay_out_money
    from core.evaluation.weights import recommend
    from ui.cli.tables import print_table

    for table in (lay_out_measured(summary), lay_out_money(summary, prices, pair=names)):
        if table.rows:
            print_table(table, out)
    found, advice = find_break_even(summary, prices, names), recommend(summary, weights, prices)
    if found is None:
        out.print(f"No break-even: {names[0]} and {names[1]} did not both answer in this run.")
    out.print(advice.sentence)
    for switch in advice.switches:
        out.print(f"It {switch.sentence}.")


def _read_pair(text: str) -> tuple[str, str]:
    """Return the two arms of a pair.

    Raises:
        LabError: They are not two, or one is unknown.
    """
    from core.comparison.arms import find_arms

    names = [arm.name for arm in find_arms(text)]
    if len(names) != 2:
        raise LabError(f"A pair is two arms, and {text!r} names {len(names)}.", "For example: --pair rag,qlora.")
    return names[0], names[1]


def _read_weights(given: Sequence[str]) -> Weights:
    """Return weights as they are typed.

    Raises:
        LabError: One is no criterion with a number.
    """
    from core.evaluation.weights import CRITERIA, Weights

    values = {}
    for text in given:
        name, _, number = text.partition("=")
        try:
            values[name.strip()] = float(number)
        except ValueError as error:
            raise LabError(f"The weight {text!r} has no number.", "For example: --weight latency=0.4.") from error
        if name.strip() not in CRITERIA:
            raise LabError(f"There is no criterion {name.strip()!r}.", f"Known: {', '.join(CRITERIA)}.")
    return Weights(**values)
