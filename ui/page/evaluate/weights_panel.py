"""What if more counts than marks: movable weights and a person's own prices; the recommendation follows as they move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import gradio as gr
from markupsafe import Markup

from core.comparison.arms import find_title, is_control
from core.comparison.runs import load_run
from core.evaluation.charts.break_even import draw_costs
from core.evaluation.charts.chart import render_charts
from core.evaluation.cost import RIGHT_ANSWERS, ArmCost, Money, find_costs
from core.evaluation.prices import Prices, write_money
from core.evaluation.weights import CRITERIA, Weights, recommend
from lab.lab import Lab
from ui.page.errors import explain
from ui.page.markup import render
from ui.page.polling import QUIET

LABELS = {
    "machine_hour": "Machine, an hour", "million_prompt": "Million prompt tokens", "million_new": "Million answer tokens",
    "label": "One labelled row", "queries": "Queries a month", "updates": "Updates a month",
}  # fmt: skip
WEIGHTS, PRICES = [item.name for item in fields(Weights)], [item.name for item in fields(Prices)]
NOTHING = "This run holds no marks to weigh."


def build_weights(lab: Lab, run: gr.Dropdown) -> None:
    """Build the panel under a list of runs."""
    with gr.Accordion("If more counts than marks: weights, prices, break-even", open=False, elem_id="weights"):
        with gr.Row():
            weights = [
                gr.Slider(0, 1, value=1.0 if name == "quality" else 0.0, step=0.05, label=name.capitalize(), min_width=300)
                for name in WEIGHTS
            ]
        with gr.Row():
            prices = [gr.Number(getattr(Prices(), name), label=LABELS[name], minimum=0, min_width=160) for name in PRICES]
        shown = gr.HTML("", label="Recommendation", padding=False)

    @explain
    def weigh(run_id: str | None, *values: float | None) -> Markup:
        if not run_id:
            return Markup("")
        count = len(WEIGHTS)
        return weigh_run(load_run(lab.settings, run_id).summary, read_weights(values[:count]), read_prices(values[count:]))

    moved = [*(slider.input for slider in weights), *(number.input for number in prices)]
    gr.on([run.change, *moved], weigh, [run, *weights, *prices], shown, trigger_mode="multiple", concurrency_limit=1, **QUIET)


def read_weights(values: Any) -> Weights:
    """Return the weights of the sliders; an empty one counts as 0."""
    return Weights(**{name: float(value or 0.0) for name, value in zip(WEIGHTS, values, strict=True)})


def read_prices(values: Any) -> Prices:
    """Return the prices of the fields; an empty one is the default."""
    given = {name: float(value) for name, value in zip(PRICES, values, strict=True) if value is not None}
    return Prices(**given)


def weigh_run(summary: Mapping[str, Any], weights: Weights, prices: Prices) -> Markup:
    """Show what a run recommends under weights and prices, when that changes, and what approaches cost.

    Args:
        summary: A run's, of any age.
        weights: What counts, and how much.
        prices: What is paid.
    """
    if not summary.get("verdict"):
        return render("shared/note", text=NOTHING)
    found = recommend(summary, weights, prices)
    worth = sorted(found.worth.items(), key=lambda entry: -entry[1])
    return render(
        "evaluate/weights",
        sentence=found.sentence,
        worth=[(find_title(name), f"{value:.2f}", f"{100 * min(max(value, 0.0), 1.0):.1f}") for name, value in worth],
        switches=[item.sentence for item in found.switches],
        left_out=[f"{name.capitalize()} was not measured for every approach." for name in found.left_out],
        criteria=[(name.capitalize(), about) for name, about in CRITERIA.items()],
        costs=[_list_costs(cost) for name, cost in find_costs(summary, prices).items() if not is_control(name)],
        prices=prices.sentence,
        charts=render_charts(draw_costs(summary, prices), level=4),
    )


def _list_costs(cost: ArmCost) -> tuple[str, ...]:
    """Return what an approach costs, cell by cell."""
    thousand = Money(*(None if value is None else 1000 * value for value in (cost.query.mean, cost.query.low, cost.query.high)))  # type: ignore[arg-type]
    return (
        find_title(cost.arm),
        _write(thousand),
        "not known" if RIGHT_ANSWERS in cost.unknown else _write(cost.right) if cost.right else "none was right",
        _write(cost.valid) if cost.valid else "none was valid",
        write_money(cost.one_off),
        write_money(cost.upkeep),
    )


def _write(money: Money) -> str:
    if money.low is None:
        return write_money(money.mean)
    high = "no limit" if money.high is None else write_money(money.high)
    return f"{write_money(money.mean)} ({write_money(money.low)} to {high})"
