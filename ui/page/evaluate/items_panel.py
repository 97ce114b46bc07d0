"""The item browser of Evaluate: items by approaches, filters, and one item opened beside them.

The panel's value is the filter, and that of a second part, which shows nothing, is the opened item's id: so the address can
follow both. What is seen comes from the functions below, which `scripts/items.js` calls: as values of Gradio's events the
parts would be compared and patched node by node, and what was focused would be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import gradio as gr

from core.errors import LabError
from core.evaluation.board import Cell
from core.evaluation.board_filters import read_filter, write_filter
from core.values import Example
from lab.items import OpenRun, RunShelf, rebuild_prompt
from lab.lab import Lab
from ui.page.address import follow
from ui.page.evaluate.item_view import render_item, render_prompt, render_provenance
from ui.page.evaluate.items_view import (
    ListPage,
    change_filter,
    open_page,
    render_causes,
    render_found,
    render_frame,
    render_pages,
    render_pair,
    render_table,
    render_tools,
)
from ui.page.polling import EVERY

MOUNT = """window.ragftItems?.mountList({element, props, server, watch}); trigger("opened");"""
MOUNT_ITEM = """window.ragftItems?.mountItem({props, watch});"""
OPEN = "run => { window.ragftItems?.openRun(run); }"

Asked = Mapping[str, Any]
Shown = dict[str, Any]


def build_items_panel(page: gr.Blocks, lab: Lab, shelf: RunShelf, run: gr.Dropdown) -> None:
    """Build the panel.

    Args:
        page: The page, whose address keeps filter and item.
        lab: Where the runs are.
        shelf: Opens them.
        run: The tab's list of runs; its value is the run that is looked at.
    """
    browser = ItemBrowser(lab, shelf)
    items = gr.HTML(
        value="",
        html_template=str(render_frame()),
        js_on_load=MOUNT,
        apply_default_css=False,
        server_functions=[answer_in_words(show) for show in browser.functions],
    )
    item = gr.HTML(value="", html_template="", js_on_load=MOUNT_ITEM, elem_classes="items-state")
    follow(page, items, "filter")
    follow(page, item, "item")
    run.change(None, run, None, js=OPEN, **EVERY)
    # The tab may be drawn after the run was chosen, and a list that appears has not changed.
    items.opened(None, run, None, js=OPEN, **EVERY)


def answer_in_words(show: Callable[[Asked], Shown]) -> Callable[[Any], Shown]:
    """Return what the script may call: what the user or the environment must mend comes back as a sentence."""

    @wraps(show)
    def answer(asked: Any) -> Shown:
        try:
            return show(asked if isinstance(asked, Mapping) else {})
        except LabError as error:
            return {"error": str(error)}

    return answer


class ItemBrowser:
    """What the script asks for, each as a JSON object with the names of what is wanted."""

    def __init__(self, lab: Lab, shelf: RunShelf) -> None:
        self._lab, self._shelf = lab, shelf

    @property
    def functions(self) -> tuple[Callable[[Asked], Shown], ...]:
        """What the script may call, by its name."""
        return self.show_list, self.show_item, self.show_prompt, self.show_support

    def show_list(self, asked: Asked) -> Shown:
        """Return the parts of the list as HTML.

        Args:
            asked: `run`; `filter`, as the address has it; `page`, from 0; `key` and `value`, a choice to change.
        """
        page = self._open(asked)
        return {
            "filter": write_filter(page.wanted),
            "text": page.wanted.text,
            "note": page.opened.board.note,
            "pair": render_pair(page),
            "tools": render_tools(page),
            "found": render_found(page),
            "table": render_table(page),
            "pages": render_pages(page),
            "causes": render_causes(page),
        }

    def show_item(self, asked: Asked) -> Shown:
        """Return an item as HTML.

        Args:
            asked: As `show_list`, and `item`, its id.
        """
        page = self._open(asked)
        return {"item": render_item(page, _find_place(page.opened, _read_text(asked, "item")))}

    def show_prompt(self, asked: Asked) -> Shown:
        """Return the prompt of an answer as HTML.

        Args:
            asked: `run`, `item`, and `arm` and `draw`, whose answer it is.
        """
        opened, item, cell = self._find(asked)
        return {"part": render_prompt(rebuild_prompt(self._lab, opened, item, cell.prediction))}

    def show_support(self, asked: Asked) -> Shown:
        """Return where the values of an answer stand in its passages, as HTML.

        Args:
            asked: As `show_prompt`.
        """
        opened, item, cell = self._find(asked)
        return {"part": render_provenance(self._lab, opened.board.task, item, cell.prediction)}

    def _find(self, asked: Asked) -> tuple[OpenRun, Example, Cell]:
        """Return the run, the item and the answer that are asked for."""
        opened = self._shelf.open(_read_text(asked, "run"))
        row = opened.board.rows[_find_place(opened, _read_text(asked, "item"))]
        return opened, row.item, _find_cell(row.cells.get(_read_text(asked, "arm"), ()), _read_text(asked, "draw"))

    def _open(self, asked: Asked) -> ListPage:
        opened: OpenRun = self._shelf.open(_read_text(asked, "run"))
        wanted = read_filter(_read_text(asked, "filter"), opened.board.arms)
        if key := _read_text(asked, "key"):
            # Written and read again: a value that is none of those offered is left out.
            changed = write_filter(change_filter(wanted, key, _read_text(asked, "value")))
            wanted = read_filter(changed, opened.board.arms)
        number = asked.get("page")
        return open_page(opened, wanted, number=number if isinstance(number, int) else 0)


def _read_text(asked: Asked, name: str) -> str:
    return str(asked.get(name) or "")


def _find_place(opened: OpenRun, item: str) -> int:
    for digest in opened.digests:
        if digest.id == item:
            return digest.place
    raise LabError(f"There is no item {item!r} in this run.", "Choose one of the list.")


def _find_cell(cells: tuple[Cell, ...], draw: str) -> Cell:
    for cell in cells:
        if (cell.draw or "") == draw:
            return cell
    raise LabError("There is no such answer in this run.", "Open the item again.")
