"""Several models beside each other: a comparison repeated over them, and what their runs say together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from core.settings import read_settings
from core.units import format_size
from ui.cli.console import AsJson, Bars, err, out, show, show_table, warn_of

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.requests import CompareRequest

ladder_app = typer.Typer()
RungName = Annotated[str, typer.Option(help="One of the two rungs to compare: model/storage/arm.", show_default=False)]


def climb_models(lab: Lab, requests: Sequence[CompareRequest], *, as_json: bool) -> None:
    """Make a comparison with each request's model and show them beside each other."""
    from lab.ladder import climb, open_ladder

    with Bars() as bars:
        record = climb(lab, requests, bars)
    show({"ladder": record.as_json(), **open_ladder(lab, record).as_json()}, as_json, _print_ladder)


@ladder_app.command()
def ladders(
    ladder: Annotated[str | None, typer.Argument(help="A ladder; all by default.")] = None,
    a: RungName = "",
    b: RungName = "",
    as_json: AsJson = False,
) -> None:
    """List the ladders (`compare` with several --model or --storage), or show one: each model's approaches, and what differs."""
    from lab.lab import Lab
    from lab.ladder import list_ladders, load_ladder, open_ladder

    settings = read_settings()
    if ladder is not None:
        record = load_ladder(settings, ladder)
        found = open_ladder(Lab(settings), record, a=a, b=b)
        show({"ladder": record.as_json(), **found.as_json()}, as_json, _print_ladder)
        return
    listing = list_ladders(settings)
    warn_of(listing.damaged)
    rows = [{"ladder": item.id, "task": item.task, "runs": ", ".join(item.runs)} for item in listing.whole]
    show(rows, as_json, lambda value: show_table(value, empty="No ladder yet: `ragft compare TASK --model A --model B`"))


def _print_ladder(value: dict[str, Any]) -> None:
    out.print(Text(value["sentence"]), soft_wrap=True)
    rows = [
        {
            "model": rung["model"],
            "storage": rung["storage"],
            "approach": rung["title"],
            value["metric"]: _show_interval(rung["mark"]),
            "valid": f"{rung['valid']:.0%}",
            "s an answer": f"{rung['seconds']:.2f}",
            "memory": format_size(int(rung["memory_mib"] * 2**20)) if rung["memory_mib"] is not None else "not measured",
            "items": rung["n"],
        }
        for rung in value["rungs"]
    ]
    show_table(rows, empty="No answer.")
    pairs = [
        {
            "rung": item["a"],
            "against": item["b"],
            "difference (95 %)": _show_difference(item),
            "p, corrected": "-" if item["p_holm"] is None else f"{item['p_holm']:.3f}",
        }
        for item in value["contrasts"]
    ]
    if pairs:
        show_table(pairs, empty="")
    for note in value["notes"]:
        err.print(Text(note), style="yellow", soft_wrap=True)
    out.print(f"Ladder {value['ladder']['id']}; its runs: {', '.join(value['ladder']['runs'])}", soft_wrap=True)


def _show_interval(mark: dict[str, Any]) -> str:
    bounds = f" ({mark['low']:.2f} to {mark['high']:.2f})" if mark["low"] is not None else " (too few groups for an interval)"
    return f"{mark['mean']:.3f}{bounds}"


def _show_difference(item: dict[str, Any]) -> str:
    if item["ci_low"] is None:
        return f"{item['difference']:+.3f} (too few groups)"
    return f"{item['difference']:+.3f} ({item['ci_low']:+.3f} to {item['ci_high']:+.3f})"
