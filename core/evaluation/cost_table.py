"""What approaches cost, as tables: measured in seconds and tokens, and in money at a person's prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.comparison.arms import find_title
from core.evaluation.break_even import PAIR, find_break_even, has_earlier_seconds
from core.evaluation.cost import RIGHT_ANSWERS, UPKEEPS, ArmCost, Money, find_costs
from core.evaluation.prices import DEFAULT_PRICES, Prices, write_money
from core.evaluation.table_view import Column, TableRow, TableView

THOUSAND = 1000.0
NOT_KNOWN = "not known"


def lay_out_costs(summary: Mapping[str, Any], mark: str = "", prices: Prices = DEFAULT_PRICES) -> list[TableView]:
    """Lay out what a stored summary tells of cost; empty tables are for the caller to leave out."""
    if not any("cost" in arm for arm in summary["arms"].values()):  # Older runs did not record it.
        return []
    return [lay_out_measured(summary, mark), _lay_out_ratios(summary, mark), lay_out_money(summary, prices, mark=mark)]


def lay_out_measured(summary: Mapping[str, Any], mark: str = "") -> TableView:
    """Lay out seconds and labels; of older runs nothing, for they did not record them."""
    known = {name: arm["cost"] for name, arm in summary["arms"].items() if "cost" in arm}
    titles = (
        ("Seconds per answer", "s each"), ("95 %", "95 %"), ("Search seconds", "search"), ("Prompt tokens", "prompt"),
        ("New tokens", "new"), ("Labelled rows", "labels"), ("Training seconds", "training"), ("Indexing seconds", "index"),
    )  # fmt: skip
    return TableView(
        f"What it takes{mark}",
        (Column("Approach", "approach"), *(Column(title, short, number=True) for title, short in titles)),
        tuple(TableRow((find_title(name), *_write_measured(cost))) for name, cost in known.items()),
        footnote=" ".join(filter(None, (_describe_seconds(summary), _describe_store(known)))),
    )


def _write_measured(cost: Mapping[str, Any]) -> tuple[str, ...]:
    seconds = cost["seconds"]
    return (
        f"{seconds['mean']:.2f}",
        "" if seconds["low"] is None else f"{seconds['low']:.2f} to {seconds['high']:.2f}",
        _write_number(cost.get("search_seconds"), 3),
        f"{cost['prompt_tokens']['mean']:.0f}",
        f"{cost['new_tokens']['mean']:.0f}",
        _write_number(cost.get("labels"), 0),
        _write_number(cost.get("training_seconds"), 0),
        _write_number(cost.get("indexing_seconds"), 0),
    )


def _write_number(number: float | None, digits: int) -> str:
    return NOT_KNOWN if number is None else f"{number:,.{digits}f}" if number else "0"


def _describe_seconds(summary: Mapping[str, Any]) -> str:
    kinds = {arm["cost"].get("upkeep") for arm in summary["arms"].values() if "cost" in arm}
    told = "; ".join(f"{find_title(name)}: {UPKEEPS[kind]}" for name, kind in _list_upkeeps(summary) if kind != "nothing")
    asked = f" When the documents change: {told}." if kinds - {None, "nothing"} else ""
    unknown = any(arm.get("cost", {}).get("indexing_seconds", 0.0) is None for arm in summary["arms"].values())
    hint = " Indexing is timed from now on: `ragft index TASK --rebuild` times it for an older index." if unknown else ""
    return f"Seconds are each answer's share of its batch; searching for passages or examples is apart.{hint}{asked}"


def _list_upkeeps(summary: Mapping[str, Any]) -> list[tuple[str, Any]]:
    arms = summary["arms"].items()
    return [(name, arm["cost"]["upkeep"]) for name, arm in arms if arm.get("cost", {}).get("upkeep") in UPKEEPS]


def _describe_store(costs: Mapping[str, Mapping[str, Any]]) -> str:
    """Say whose answers were timed in an earlier run."""
    taken = [f"{find_title(name)} {cost['from_store']}" for name, cost in costs.items() if cost.get("from_store")]
    if not taken:
        return ""
    return f"Answers whose seconds are those of an earlier run: {', '.join(taken)} (`--fresh` asks anew)."


def find_ratios(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the ratios of seconds of a stored summary, without the pairs that were not timed alike.

    Where answers of either arm come from an earlier run, another hour or machine is compared with this.
    """
    return [item for item in summary.get("latency", ()) if not has_earlier_seconds(summary, (item["a"], item["b"]))]


def _lay_out_ratios(summary: Mapping[str, Any], mark: str) -> TableView:
    ratios = find_ratios(summary)
    left_out = len(summary.get("latency", ())) - len(ratios)
    missing = f" Left out: {left_out} pairs with answers timed in an earlier run." if left_out else ""
    return TableView(
        f"Seconds, item against item{mark}",
        (Column("Pair", "pair"), Column("Times as long", "times", number=True), Column("95 %", "95 %", number=True)),
        tuple(
            TableRow((
                f"{find_title(item['a'])} / {find_title(item['b'])}",
                f"{item['ratio']:.2f}",
                "too few independent groups" if item["low"] is None else f"{item['low']:.2f} to {item['high']:.2f}",
            ))
            for item in ratios
        ),
        footnote=f"The geometric mean of the items' ratios. {_describe_turns(summary)}{missing}",
    )  # fmt: skip


def _describe_turns(summary: Mapping[str, Any]) -> str:
    rounds = summary.get("setting", {}).get("rounds", 1)
    if rounds > 1:
        return f"The approaches took turns in {rounds} rounds, so that a machine that slows down slows all alike."
    return "Each approach answered all items at once: a machine that slowed down meanwhile slowed some of them more."


def lay_out_money(summary: Mapping[str, Any], prices: Prices, *, pair: tuple[str, str] = PAIR, mark: str = "") -> TableView:
    """Lay out what approaches cost at prices, and when one pays back; empty where no model answered."""
    costs = find_costs(summary, prices)
    titles = (
        ("Start", "start"), ("A month's changes", "changes"), ("1,000 queries", "1,000 queries"),
        ("1,000 right answers", "1,000 right"), ("1,000 valid answers", "1,000 valid"),
    )  # fmt: skip
    found = find_break_even(summary, prices, pair)
    sentences = [prices.sentence, "Right: all fields right, and valid. Brackets hold 95 % intervals."]
    return TableView(
        f"What it costs{mark}",
        (Column("Approach", "approach"), *(Column(title, short, number=True) for title, short in titles)),
        tuple(TableRow((find_title(name), *_write_cost(cost))) for name, cost in costs.items()),
        lead="" if found is None else found.sentence,
        footnote=" ".join(sentences),
    )


def _write_cost(cost: ArmCost) -> tuple[str, ...]:
    return (
        write_money(cost.one_off) + ("+" if cost.one_off is not None and "indexing" in cost.unknown else ""),
        write_money(cost.upkeep),
        _write_thousand(cost.query),
        NOT_KNOWN if RIGHT_ANSWERS in cost.unknown else _write_thousand(cost.right) if cost.right else "no right answer",
        _write_thousand(cost.valid) if cost.valid else "no valid answer",
    )


def _write_thousand(money: Money) -> str:
    mean = write_money(money.mean * THOUSAND)
    if money.low is None:
        return mean
    high = "∞" if money.high is None else write_money(money.high * THOUSAND)
    return f"{mean} ({write_money(money.low * THOUSAND)}–{high})"
