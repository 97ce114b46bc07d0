"""The items of a run as HTML: what may be filtered with how many items each choice leaves, and items by approaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from core.comparison.arms import find_title, sort_by_simplicity
from core.evaluation.board import STATES, BoardRow, Cell
from core.evaluation.board_filters import (
    NOT_RIGHT,
    ONLY,
    OUTCOMES,
    SORTS,
    WHY,
    BoardFilter,
    BoardView,
    ItemDigest,
    complete_pair,
    count_causes_by_item,
    view_board,
    write_filter,
)
from core.evaluation.causes import CAUSES
from lab.items import OpenRun
from ui.page.markup import render

PAGE = 50  # Items in one table: three times as many took three times as long to draw anew at each choice.
SHOWN_QUESTION = 160  # Characters; the column shows one or two lines.
# A sign for each state beside its colour, and its place in the legend.
SIGNS: Mapping[str, str] = {"right": "✓", "partly": "◐", "wrong": "✗", "invalid": "!", "not found": "?"}
ARM_COLOURS = ("base", "rag", "qlora", "hybrid")  # Those that have a colour of their own in `styles/page.css`.


@dataclass(frozen=True, slots=True)
class ListPage:
    """A run's items as a filter shows them, one page of them.

    Args:
        opened: The run.
        wanted: The filter.
        view: What it leaves.
        number: Of the page, from 0.
    """

    opened: OpenRun
    wanted: BoardFilter
    view: BoardView
    number: int

    @property
    def pair(self) -> tuple[str, str]:
        """The two arms that are compared."""
        return complete_pair(self.wanted, self.opened.pair)

    @property
    def places(self) -> Sequence[int]:
        """Places in the board of the items on this page."""
        return self.view.places[self.number * PAGE : (self.number + 1) * PAGE]

    @property
    def arms(self) -> list[str]:
        """The approaches as columns, the simplest first."""
        return sort_by_simplicity(self.opened.board.arms)


def open_page(opened: OpenRun, wanted: BoardFilter, *, number: int = 0) -> ListPage:
    """Filter a run's items; a page beyond the last is the last."""
    view = view_board(opened.digests, wanted, complete_pair(wanted, opened.pair))
    last = max(0, (len(view.places) - 1) // PAGE)
    return ListPage(opened, wanted, view, min(max(0, number), last))


def render_frame() -> Markup:
    """Show the places of all parts, still empty, and what the signs mean."""
    return render("evaluate/items_frame", signs=list(SIGNS.items()))


def render_pair(page: ListPage) -> Markup:
    """Show the two arms that are compared and how often each was right where the other was not."""
    titles = {"a": find_title(page.pair[0]), "b": find_title(page.pair[1])}
    counts = page.view.counts.get("outcome", {})
    return render(
        "evaluate/items_pair",
        sides=[
            {"key": key, "label": label, "options": [(arm, find_title(arm), arm == chosen) for arm in page.arms]}
            for key, label, chosen in (("first", "Compare", page.pair[0]), ("second", "with", page.pair[1]))
        ],
        outcomes=[
            {"value": name, "text": text.format(**titles), "count": counts.get(name, 0), "chosen": page.wanted.outcome == name}
            for name, text in OUTCOMES.items()
        ]
        if all(page.pair)
        else [],
    )


def render_tools(page: ListPage) -> Markup:
    """Show the filters that concern no single approach, and the orders."""
    titles = {"a": find_title(page.pair[0]), "b": find_title(page.pair[1])}
    only, slices = page.view.counts.get("only", {}), page.view.counts.get("slice", {})
    names = sorted({item.slice for item in page.opened.digests if item.slice})
    return render(
        "evaluate/items_tools",
        only=[
            {"value": name, "text": text, "count": only.get(name, 0), "chosen": page.wanted.only == name}
            for name, text in ONLY.items()
        ],
        slices=[
            {"value": name, "text": f"{name or 'any'} ({slices.get(name, 0)})", "chosen": page.wanted.slice == name}
            for name in ("", *names)
        ]
        if names
        else [],
        sorts=[
            {"value": name, "text": text.format(**titles), "chosen": page.wanted.sort == name}
            for name, text in SORTS.items()
            if all(page.pair) or "{" not in text
        ],
    )


def render_found(page: ListPage) -> Markup:
    """Say how many items match, what was chosen, and where none matches what would widen it."""
    chosen = describe_choices(page.wanted, page.pair)
    wider = [
        {"key": name, "text": text, "count": page.view.without[name]} for name, text in chosen if page.view.without.get(name)
    ]
    return render(
        "evaluate/items_found",
        found=len(page.view.places),
        total=len(page.opened.digests),
        chosen=chosen,
        wider=wider,
    )


def render_table(page: ListPage) -> Markup:
    """Show items by approaches."""
    rows = [page.opened.board.rows[place] for place in page.places]
    return render(
        "evaluate/items_table",
        arms=[_describe_arm(page, arm) for arm in page.arms],
        rows=[_describe_row(row, page.opened.digests[place], page.arms) for row, place in zip(rows, page.places, strict=True)],
    )


def render_pages(page: ListPage) -> Markup:
    """Show which items of how many are on this page, and the ways to the others; nothing where all are."""
    found, first = len(page.view.places), page.number * PAGE
    if found <= PAGE:
        return Markup("")
    return render(
        "evaluate/items_pages",
        first=first + 1,
        last=first + len(page.places),
        found=found,
        before=page.number - 1 if page.number else None,
        after=page.number + 1 if first + PAGE < found else None,
    )


def render_causes(page: ListPage) -> Markup:
    """Show how many items of each approach have each cause, each count a filter."""
    counts = count_causes_by_item(page.opened.digests)
    shown = [cause for cause in CAUSES if any(cause in found for found in counts.values())]
    several = any(len(cells) > 1 for row in page.opened.board.rows for cells in row.cells.values())
    return render(
        "evaluate/items_causes",
        causes=[(cause, CAUSES[cause]) for cause in shown],
        rows=[
            {
                "title": find_title(arm),
                "cells": [
                    {
                        "count": counts[arm].get(cause, 0) if arm in counts else 0,
                        "text": f"{find_title(arm)}: {cause}",
                        "filter": write_filter(BoardFilter(answers={arm: WHY + cause})),
                    }
                    for cause in shown
                ],
            }
            for arm in page.arms
        ],
        several=several,
    )


def describe_choices(wanted: BoardFilter, pair: tuple[str, str]) -> list[tuple[str, str]]:
    """Return what a filter asks for as (key, words); `pair` are the two arms that are compared."""
    titles = {"a": find_title(pair[0]), "b": find_title(pair[1])}
    named = [
        ("outcome", OUTCOMES[wanted.outcome].format(**titles) if wanted.outcome else ""),
        ("only", ONLY.get(wanted.only, "")),
        *((f"answer {arm}", f"{find_title(arm)}: {write_answer(value)}") for arm, value in wanted.answers.items()),
        ("slice", f"slice {wanted.slice}" if wanted.slice else ""),
        ("text", f"“{wanted.text}”" if wanted.text else ""),
    ]
    return [(key, text) for key, text in named if text]


def change_filter(wanted: BoardFilter, key: str, value: str) -> BoardFilter:
    """Return a filter with one choice changed; a key that is not known changes nothing.

    Args:
        wanted: The filter.
        key: `outcome`, `only`, `slice`, `text`, `sort`, `first`, `second`, `answer ARM` or `all`, which clears.
        value: The new value; empty is any.
    """
    if key == "all":
        return replace(BoardFilter(first=wanted.first, second=wanted.second), sort=wanted.sort)
    if key.startswith("answer "):
        arm = key.removeprefix("answer ")
        others = {name: choice for name, choice in wanted.answers.items() if name != arm}
        return replace(wanted, answers={**others, arm: value} if value else others)
    changes: dict[str, Any] = {key: value}
    return replace(wanted, **changes) if key in {"outcome", "only", "slice", "text", "sort", "first", "second"} else wanted


def write_answer(value: str) -> str:
    """Write one of `ANSWERS` for people."""
    return f"because: {value.removeprefix(WHY)}" if value.startswith(WHY) else value


def name_colour(arm: str) -> str:
    """Return the name of an arm's colour."""
    return arm if arm in ARM_COLOURS else "other"


def describe_state(cells: Sequence[Cell], state: str) -> str:
    """Say how an approach answered an item: state, mark, cause; of several draws how many were right."""
    if not cells:
        return "no answer"
    causes = ", ".join(dict.fromkeys(cell.cause for cell in cells if cell.cause != "right"))
    told = f": {causes}" if causes and not causes.endswith(state) else ""
    if len(cells) > 1:
        right = sum(cell.state == "right" for cell in cells)
        return f"{state}, {right} of {len(cells)} right{told}"
    return f"{state}{f', mark {cells[0].mark:.2f}' if 0 < cells[0].mark < 1 else ''}{told}"


def _describe_arm(page: ListPage, arm: str) -> dict[str, Any]:
    counts, chosen = page.view.counts.get(f"answer {arm}", {}), page.wanted.answers.get(arm, "")

    def list_options(values: Sequence[str]) -> list[dict[str, Any]]:
        return [
            {"value": value, "text": f"{value.removeprefix(WHY) or 'any'} ({counts.get(value, 0)})", "chosen": value == chosen}
            for value in values
            if counts.get(value) or value in ("", chosen)
        ]

    return {
        "name": arm,
        "title": find_title(arm),
        "colour": name_colour(arm),
        "states": list_options(["", "right", NOT_RIGHT, *(state for state in STATES if state != "right")]),
        "causes": list_options([f"{WHY}{cause}" for cause in CAUSES if cause != "right"]),
    }


def _describe_row(row: BoardRow, digest: ItemDigest, arms: Sequence[str]) -> dict[str, Any]:
    question = " ".join(row.item.input.split())
    return {
        "id": row.item.id,
        "slice": digest.slice,
        "question": question if len(question) <= SHOWN_QUESTION else question[: SHOWN_QUESTION - 1].rstrip() + "…",
        "cells": [_describe_cell(row.cells.get(arm, ()), digest, arm) for arm in arms],
    }


def _describe_cell(cells: Sequence[Cell], digest: ItemDigest, arm: str) -> dict[str, Any]:
    state = digest.states.get(arm, "")
    mark = digest.marks.get(arm, 0.0)
    return {
        "arm": arm,
        "state": state.replace(" ", "-") or "none",
        "sign": SIGNS.get(state, "–"),
        "words": describe_state(cells, state),
        "title": find_title(arm),
        "mark": f"{mark:.2f}".lstrip("0") if state == "partly" else "",
    }
