"""A comparison, and the quality of retrieval, as tables in the terminal. Every cell is shown as written: it is no markup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.evaluation.layout import Card, Column, TableRow, TableView, lay_out

SHOWN_RECALL = ("1", "2", "3", "5", "10")


def print_comparison(result: Mapping[str, Any], console: Console) -> None:
    """Print stamp, tables, notes, card and the report's path, the card last because the eye is there."""
    view = lay_out(result)
    if view.stamp:
        console.print(Text(view.stamp, style="bold red"))
    for table in view.tables:
        print_table(table, console)
    for note in view.notes:
        console.print(Text(f"Note: {note}", style="yellow"), soft_wrap=True)
    console.print(Text(f"Verdict: {view.verdict}", style="bold"))
    if view.card is not None:
        print_card(view.card, console)
    console.print(Text(f"Report: {result['report']}"), soft_wrap=True)


def print_card(card: Card, console: Console) -> None:
    """Print what a verdict rests on, what the run could see, and what would flip it; its sentence stands above."""
    groups = {"Because": card.reasons, "Effects": card.effects, "It could see": (card.smallest,), "Flipped by": card.flips}
    grid = Table.grid(padding=(0, 2, 0, 0))
    for title, sentences in groups.items():
        for number, sentence in enumerate(filter(None, sentences)):
            grid.add_row(Text("" if number else title), Text(sentence))
    console.print(grid)


def print_quality(result: Mapping[str, Any], console: Console) -> None:
    """Print retrieval quality, a row for each search mode."""
    titles = (*(f"R@{k}" for k in SHOWN_RECALL), "MRR@10", "nDCG@10", "95 %")
    rows = []
    for mode, quality in result.items():
        ndcg = quality["ndcg@10"]
        means = (*(quality["recall"][k]["mean"] for k in SHOWN_RECALL), quality["mrr@10"]["mean"], ndcg["mean"])
        rows.append(TableRow((mode, *(f"{mean:.3f}" for mean in means), f"{ndcg['low']:.3f}-{ndcg['high']:.3f}")))
    questions = next(iter(result.values()))["questions"]
    columns = (Column("search", "search"), *(Column(title, title, number=True) for title in titles))
    print_table(TableView(f"Retrieval on {questions} questions", columns, tuple(rows)), console)


def print_table(table: TableView, console: Console) -> None:
    """Print a table under the short titles of its columns; rows with a remark and the count of what is left out stand below."""
    drawn = Table(title=Text(table.title), title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in table.columns:
        # In a narrow terminal a cell goes on in the next line: an ellipsis would lose digits.
        side: Literal["left", "right"] = "right" if column.number else "left"
        drawn.add_column(Text(column.short), justify=side, overflow="fold", min_width=len(column.short))
    for row in table.rows:
        if not row.remark and not row.minor:
            drawn.add_row(*map(Text, row.cells))
    console.print(drawn)
    for row in table.rows:
        if row.remark:
            console.print(Text(f"{row.cells[0]}: {row.remark}"))
    if hidden := sum(row.minor for row in table.rows):
        console.print(Text(f"{hidden} more rows, none clear of 0, stand in the report.", style="dim"))
    for sentence in (table.lead, table.footnote):
        if sentence:
            console.print(Text(sentence, style="dim"))
    console.print()
