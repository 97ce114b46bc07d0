"""Comparisons as HTML: the verdict card, the charts, the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from core.comparison.arms import find_title
from core.comparison.runs import Run
from core.evaluation.board import Board
from core.evaluation.board_filters import BoardFilter, write_filter
from core.evaluation.charts.chart import Chart, render_charts
from core.evaluation.charts.drawing import draw_charts
from core.evaluation.charts.scatter import choose_pair, count_wins, match_marks
from core.evaluation.layout import lay_out
from core.evaluation.verdict import VerdictState
from lab.run_names import write_day
from ui.page.markup import render

# What a state means, with a sign of its own: colour never tells it alone.
STATES: Mapping[VerdictState, tuple[str, str]] = {
    "better": ("▲", "A clear lead"),
    "equivalent": ("=", "Equal, so the simplest"),
    "inconclusive": ("?", "Not settled"),
    "invalid": ("✕", "Not to be trusted"),
}
PRICED = frozenset({"break-even", "money"})  # Charts that follow a person's prices: those stand beside the prices.
MODES = {"free": "free decoding", "constrained": "held to the schema", "think": "draft, then held to the schema"}


def render_verdict(run: Run, *, name: str = "", stored: str = "", board: Board | None = None, missing: str = "") -> Markup:
    """Show what came of a run: recommendation, sentence, reasons, the items that decided it.

    Args:
        run: The run.
        name: What people call it.
        stored: Where it is none of one's own: what it is.
        board: Its answers item by item; None where they cannot be opened.
        missing: Why not.
    """
    view = lay_out(run.summary)
    state = view.card.state if view.card is not None else None
    sign, word = STATES.get(state, ("–", "No verdict")) if state else ("–", "No verdict")
    return render(
        "evaluate/verdict",
        view=view,
        card=view.card,
        name=name,
        stored=stored,
        sign=sign,
        word=word,
        wins=count_decided(run.summary, board) if board is not None else None,
        facts=list_facts(run),
        missing=missing,
    )


@dataclass(frozen=True, slots=True)
class DecidedItems:
    """On how many items an approach is better, worse and equal.

    Args:
        first: Its title.
        second: Its rival's.
        better: Items on which it has the higher mark.
        worse: Those on which the rival has.
        equal: The others.
        links: Words and filters of the item browser that lead to those that decided it, best first.
    """

    first: str
    second: str
    better: int
    worse: int
    equal: int
    links: tuple[tuple[str, str], ...]

    @property
    def total(self) -> int:
        """All items."""
        return self.better + self.worse + self.equal

    @property
    def parts(self) -> list[tuple[str, int, str]]:
        """What there is, as (kind, items, share in percent)."""
        counts = (("better", self.better), ("equal", self.equal), ("worse", self.worse))
        return [(kind, count, f"{100 * count / self.total:.2f}") for kind, count in counts if count]


def count_decided(summary: Mapping[str, Any], board: Board) -> DecidedItems | None:
    """Count the items of the recommended approach and its simplest rival; None without two approaches."""
    pair = choose_pair(summary, board.arms)
    pairs = match_marks(board, *pair) if pair is not None else []
    if pair is None or not pairs:
        return None
    first, second = find_title(pair[0]), find_title(pair[1])
    better, worse, equal = count_wins(pairs)
    ways = [(better, "gained", f"Where {first} gains most"), (worse, "lost", f"Where {second} is ahead")]
    links = tuple((words, write_filter(BoardFilter(*pair, sort=sort))) for count, sort, words in ways if count)
    return DecidedItems(first, second, better, worse, equal, links)


def list_facts(run: Run) -> list[str]:
    """Return in a few words what was asked of whom, and when; older runs say less."""
    config, generator = run.config, run.config.get("generator") or {}
    count = len(config.get("items", ()))
    clusters = (config.get("registration") or {}).get("clusters")
    items = f"{count} item{'' if count == 1 else 's'}" if count else ""
    if items and clusters and clusters < count:
        items += f" in {clusters} independent groups"
    model = str(generator.get("model", ""))
    storage = generator.get("storage")
    mode = (config.get("decoding") or {}).get("mode")
    when = write_day(run.created, clock=True)
    facts = [items, MODES.get(str(mode), ""), f"{model} ({storage})" if model and storage else model, when]
    return [fact for fact in [*facts, "stopped early" if run.status != "ok" else ""] if fact]


def render_gallery(run: Run, board: Board | None, extra: Sequence[Chart] = ()) -> Markup:
    """Show a run's charts under a heading.

    Args:
        run: The run.
        board: Its answers item by item.
        extra: Charts beside those that a summary alone can show.
    """
    charts = [*(chart for chart in draw_charts(run.summary, board) if chart.name not in PRICED), *extra]
    return render("evaluate/gallery", charts=render_charts(charts, level=4)) if charts else Markup("")


def render_tables(summary: Mapping[str, Any]) -> Markup:
    """Show all numbers of a run as tables."""
    return render("evaluate/tables", view=lay_out(summary))


def render_summary(summary: Mapping[str, Any]) -> Markup:
    """Show a run's summary alone: stamp, verdict, notes, tables."""
    return render("evaluate/summary", view=lay_out(summary))
