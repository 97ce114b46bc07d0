"""A comparison as tables in the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from core.comparison.arms import find_title

SHOWN_RECALL = ("1", "2", "3", "5", "10")


def print_comparison(result: dict[str, Any], console: Console) -> None:
    """Print arms, slices, differences, verdict and the report's path."""
    if "verdict" not in result:
        console.print("This run was stopped before any arm had finished.")
        return
    metric = result["primary_metric"]
    if result.get("leakage"):
        console.print(result["leakage"], style="bold red", markup=False, highlight=False)
    console.print(_arms_table(result["arms"], metric))
    for name, arm in result["arms"].items():
        if arm["status"] != "ok":
            console.print(f"{name}: not run. {arm['reason']}", markup=False)
    if result["slices"]:
        console.print(_slices_table(result["slices"], metric))
    console.print(_contrasts_table(result["contrasts"], metric))
    for note in result.get("notes", ()):
        console.print(f"Note: {note}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    console.print(f"Verdict: {result['verdict']['sentence']}", style="bold", markup=False, highlight=False)
    console.print(f"Report: {result['report']}", markup=False, highlight=False, soft_wrap=True)


def print_quality(result: dict[str, Any], console: Console) -> None:
    """Print retrieval quality, a row for each search mode."""
    first = next(iter(result.values()))
    table = _table(
        f"Retrieval on {first['questions']} questions",
        "search",
        *(f"R@{k}" for k in SHOWN_RECALL),
        "MRR@10",
        "nDCG@10",
        "95 %",
    )
    for mode, quality in result.items():
        ndcg = quality["ndcg@10"]
        table.add_row(
            mode,
            *(f"{quality['recall'][k]['mean']:.3f}" for k in SHOWN_RECALL),
            f"{quality['mrr@10']['mean']:.3f}",
            f"{ndcg['mean']:.3f}",
            f"{ndcg['low']:.3f}-{ndcg['high']:.3f}",
        )
    console.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="bold")
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", no_wrap=True)
    return table


def _arms_table(arms: dict[str, Any], metric: str) -> Table:
    table = _table("Approaches", "approach", "n", metric, "95 %", "JSON", "schema", "exact", "s each", "prompt", "new")
    for name, arm in arms.items():
        if arm["status"] == "ok":
            primary = arm["primary"]
            table.add_row(
                find_title(name), str(arm["n"]), f"{primary['mean']:.3f}", f"{primary['low']:.2f}-{primary['high']:.2f}",
                f"{arm['json_valid']:.0%}", f"{arm['schema_valid']:.0%}", f"{arm['exact']:.0%}", f"{arm['latency_p50']:.2f}",
                f"{arm['prompt_tokens']:.0f}", f"{arm['new_tokens']:.0f}",
            )  # fmt: skip
    return table


def _slices_table(slices: dict[str, Any], metric: str) -> Table:
    arms = list(next(iter(slices.values())))
    table = _table(f"{metric} by slice", "slice", "n", *arms)
    for name, values in slices.items():
        table.add_row(name, str(values[arms[0]]["n"]), *(f"{values[arm]['primary']['mean']:.3f}" for arm in arms))
    return table


def _contrasts_table(contrasts: list[dict[str, Any]], metric: str) -> Table:
    """Show the primary family, and of the rest what lies on one side of zero; the report has all."""
    table = _table("Paired differences (the report has all)", "pair", "metric", "slice", "difference", "95 %", "p")
    for item in contrasts:
        primary = (item["metric"], item["slice"]) == (metric, "all")
        known = item["ci_low"] is not None
        if not primary and not (known and (item["ci_low"] > 0 or item["ci_high"] < 0)):
            continue
        p = item["p_holm"] if item["p_holm"] is not None else item["p"]
        table.add_row(
            f"{item['a']} - {item['b']}",
            item["metric"],
            item["slice"],
            f"{item['difference']:+.2f}",
            f"{item['ci_low']:+.2f} to {item['ci_high']:+.2f}" if known else "too few groups",
            f"{p:.3f}" if known else "",
        )
    return table
