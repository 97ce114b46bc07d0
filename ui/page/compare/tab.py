"""Compare: one question, several approaches, answers side by side as they come; stored answers before anything is asked."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import gradio as gr

from core.comparison.arms import MAIN_ARMS, list_arms
from core.errors import LabError
from core.storage import hash_json
from core.tasks.task import Task
from core.values import Example
from lab.lab import Lab
from lab.showcase import Shelf
from lab.standing import describe_standing, list_fitting_arms
from ui.page.address import follow, recall
from ui.page.choices import DECODING
from ui.page.compare.approaches import DECODING_ABOUT, label_arms
from ui.page.compare.asking import Entry, ask, find_question, read_question
from ui.page.compare.view import HINT, describe_origin, list_stored, render_answers
from ui.page.errors import explain
from ui.page.markup import render
from ui.page.polling import EVERY, QUIET
from ui.page.rendering import render_note

SHOWN_ITEMS = 300  # Of a task's test questions; a longer list is no help to choose from.
QUIET_TITLE = "No stored answers yet"
BLIND = "Answer {}"
STOPPED = "Stopped before its answer was whole."


@dataclass(frozen=True, slots=True)
class Shown:
    """The answers on the page.

    Args:
        task: The task as it was when this was asked.
        item: The question.
        entries: A card each.
        origin: Where they come from, where they were not just asked for.
    """

    task: Task
    item: Example
    entries: tuple[Entry, ...]
    origin: str = ""


class Needs(NamedTuple):
    """The buttons that provide what an approach lacks, and the kind of training that is asked for."""

    index: gr.Button
    train: gr.Button
    documents: gr.Button
    kind: gr.State


class CompareParts(NamedTuple):
    """The components of the tab that events fill."""

    item: gr.Dropdown
    question: gr.Textbox
    arms: gr.CheckboxGroup
    mode: gr.Radio
    both: gr.Checkbox
    blind: gr.Checkbox
    answers: gr.HTML
    shown: gr.State


def build_compare_tab(page: gr.Blocks, lab: Lab, task: gr.Dropdown, opened: Any) -> Needs:
    """Build the tab.

    Args:
        page: The page.
        lab: The lab.
        task: The page's list of tasks.
        opened: The event after which the task of the page's address is chosen.

    Returns:
        The buttons that lead to other tabs.
    """
    gr.HTML(render("shared/heading", text="Compare answers"), padding=False, elem_classes="for-readers")
    parts, buttons, needs = _build_form()
    _follow_choices(page, parts)
    _join_choices(lab, task, opened, parts, needs)
    _join_answers(lab, task, parts, buttons, needs)
    return needs


def _build_form() -> tuple[CompareParts, tuple[gr.Button, gr.Button], Needs]:
    """Build what is asked and where the answers appear; returns the parts, the buttons Answer and Stop, and those of needs."""
    with gr.Row(elem_classes="asking-form"):
        with gr.Column(scale=3, min_width=320):
            item = gr.Dropdown([], value=None, label="Take a test question (its expected answer is known)", elem_id="item")
            question = gr.Textbox(label="Question", placeholder="Ask anything about the task's documents", lines=2)
            with gr.Row(elem_classes="actions"):
                ask_button = gr.Button("Answer", variant="primary", min_width=120, scale=3)
                stop = gr.Button("Stop", min_width=90, scale=1)
        with gr.Column(scale=3, min_width=320):
            arms = gr.CheckboxGroup(
                label_arms([arm.name for arm in list_arms() if not arm.is_control]), value=list(MAIN_ARMS), label="Approaches"
            )
            with gr.Accordion("How they answer", open=False):
                mode = gr.Radio(DECODING, value="free", label="Decoding", info=DECODING_ABOUT)
                both = gr.Checkbox(False, label="Free beside held: answer in both ways")
                blind = gr.Checkbox(False, label="Blind: hide the names until you look")
    needs = _build_needs()
    answers = gr.HTML(render_note(HINT), label="Answers", padding=False, elem_id="answers")
    parts = CompareParts(item, question, arms, mode, both, blind, answers, gr.State(None))
    return parts, (ask_button, stop), needs


def _build_needs() -> Needs:
    """Build the buttons that provide what an approach lacks; each is shown only where something is lacking."""
    small: dict[str, Any] = {"visible": False, "size": "sm", "scale": 0, "min_width": 280}
    with gr.Row(elem_classes="needs"):
        index = gr.Button("RAG needs an index: build it now", **small)
        train = gr.Button("QLoRA needs an adapter: train one", **small)
        documents = gr.Button("RAG needs documents: add some", **small)
    return Needs(index, train, documents, gr.State(""))


def _follow_choices(page: gr.Blocks, parts: CompareParts) -> None:
    """Keep what is asked in the address; what depends on the task is taken from there when the tab is filled."""
    follow(page, parts.mode, "decoding")
    for component, key in ((parts.arms, "arms"), (parts.item, "item"), (parts.question, "question")):
        follow(page, component, key, take=False)


def _join_choices(lab: Lab, task: gr.Dropdown, opened: Any, parts: CompareParts, needs: Needs) -> None:
    """Fill the tab with the task's questions and with stored answers to one of them."""
    shelf = Shelf(lab)
    asked = gr.Textbox(visible=False)  # Carries what the address said of this task when the page was opened.
    outputs = [parts.item, parts.question, parts.arms, parts.answers, parts.shown, *needs[:3]]

    def fill(name: str | None, said: str, blind: bool) -> list[Any]:
        return _fill(lab, shelf, name, said, blind=blind)

    @explain
    def take_item(name: str, example_id: str | None, blind: bool) -> list[Any]:
        chosen = lab.task(name)
        example = _find_item(chosen, example_id)
        if example is None:
            return [gr.skip(), gr.skip(), gr.skip()]
        return [example.input, *_show_stored(shelf, chosen, example, blind=blind)]

    @explain
    def redraw(shown: Shown | None, blind: bool) -> Any:
        return gr.skip() if shown is None else _draw(shown, blind=blind)

    given = [task, asked, parts.blind]
    said = recall("item", "question", "arms")
    opened.then(fill, given, outputs, js=said, **EVERY)
    task.change(fill, given, outputs, js=said, **EVERY)
    parts.item.input(take_item, [task, parts.item, parts.blind], [parts.question, parts.answers, parts.shown], **QUIET)
    parts.question.input(None, None, parts.item, js="() => null", **QUIET)  # Other text is another question.
    parts.blind.input(redraw, [parts.shown, parts.blind], parts.answers, **QUIET)


def _join_answers(lab: Lab, task: gr.Dropdown, parts: CompareParts, buttons: tuple[gr.Button, gr.Button], needs: Needs) -> None:
    """Let the button and the Enter key answer, Stop end it, and offer what was lacking."""
    ask_button, stop = buttons

    # A parameter for each component of the form.
    @explain
    def answer(
        name: str, wanted: list[str], text: str, identity: str | None, decoding: str = "free", both: bool = False,
        blind: bool = False,
    ) -> Iterator[Any]:  # fmt: skip
        """Answer a question with several approaches; yields HTML as the answers come."""
        if not wanted:
            raise LabError("No approach is chosen.", "Tick at least one.")
        chosen = lab.task(name or "")
        typed, picked = read_question(chosen, text or ""), _find_item(chosen, identity)
        example = picked if picked is not None and picked.input.strip() == typed.input.strip() else typed
        modes = list(dict.fromkeys(["free", decoding if decoding != "free" else "constrained"] if both else [decoding]))
        entries = [Entry(arm.name, mode) for arm in list_arms() if arm.name in wanted for mode in modes]
        for now in ask(lab, chosen, example, entries):
            shown = Shown(chosen, example, tuple(now))
            yield _draw(shown, blind=blind), shown

    given = [task, parts.arms, parts.question, parts.item, parts.mode, parts.both, parts.blind]
    asking = [ask_button.click, parts.question.submit]
    gr.on(asking, None, None, None, js="() => window.ragftShowAnswers?.()", **QUIET)
    running = gr.on(
        asking, answer, given, [parts.answers, parts.shown],
        concurrency_id="model", concurrency_limit=1, **QUIET,
    )  # fmt: skip
    running.then(_offer, parts.shown, [needs.index, needs.train, needs.kind], **QUIET)
    given = [parts.shown, parts.blind]
    stop.click(stop_answers, given, [parts.answers, parts.shown], cancels=[running], api_visibility="private")


def _fill(lab: Lab, shelf: Shelf, name: str | None, said: str, *, blind: bool) -> list[Any]:
    """Return what the tab shows of a task: questions, the chosen one, fitting approaches, stored answers, what is lacking."""
    try:
        task = lab.task(name or "")
        standing = describe_standing(lab, task)
    except LabError as error:
        hidden = gr.Button(visible=False)
        return [gr.Dropdown([], value=None), "", gr.skip(), render_note(str(error)), None, hidden, hidden, hidden]
    told = json.loads(said or "{}")
    offered, ticked = list_fitting_arms(standing.documents)
    asked = [arm for arm in told.get("arms", "").split(",") if arm in offered]
    item, text = _choose_question(task, shelf, told)
    if item is not None:
        answers, shown = _show_stored(shelf, task, item, blind=blind)
    else:
        answers, shown = _invite("Your question is ready", "Press Answer to let the approaches answer it."), None
    return [
        gr.Dropdown(_list_items(task, item), value=item.id if item else None),
        item.input if item else text,
        gr.CheckboxGroup(label_arms(offered), value=asked or ticked),
        answers,
        shown,
        gr.Button(visible=standing.index == "none"),
        gr.Button(visible=not standing.adapters),
        gr.Button(visible=standing.index == "no documents"),
    ]


def _choose_question(task: Task, shelf: Shelf, said: dict[str, str]) -> tuple[Example | None, str]:
    """Return the test question of the address, or the question typed there, else one with stored answers, else the first."""
    item, text = _find_item(task, said.get("item")), said.get("question", "").strip()
    if text and (item is None or item.input.strip() != text):
        item = find_question(task, text)
        return item, text
    if item is None:
        stored = shelf.find(task)
        item = _find_item(task, stored.row.item.id) if stored else None
    return item or next(iter(task.test), None), ""


def _show_stored(shelf: Shelf, task: Task, item: Example, *, blind: bool) -> tuple[Any, Shown | None]:
    """Return the stored answers to a test question; where there are none, an invitation to ask."""
    stored = shelf.find(task, item.id)
    if stored is None:
        text = f"“{item.input}” was not asked in a comparison yet. Press Answer to ask it now: it takes some seconds."
        return _invite(QUIET_TITLE, text), None
    shown = Shown(stored.board.task, stored.row.item, tuple(list_stored(stored)), describe_origin(stored))
    return _draw(shown, blind=blind), shown


def _invite(title: str, text: str) -> Any:
    return render("compare/empty", title=title, text=text)


def stop_answers(shown: Shown | None, blind: bool) -> tuple[Any, Shown | None]:
    """Return what stands there after a stop: the answers that are whole, and for the others that they were stopped."""
    if shown is None:
        return render_note("Stopped."), None
    entries = tuple(
        entry if entry.state in ("done", "refused") else replace(entry, state="refused", text="", note=STOPPED)
        for entry in shown.entries
    )
    kept = replace(shown, entries=entries)
    return _draw(kept, blind=blind), kept


def _draw(shown: Shown, *, blind: bool) -> Any:
    """Draw answers; blind ones in an order that only the question gives, without names."""
    task, entries = shown.task, shown.entries
    if not blind:
        return render_answers(task, shown.item, entries, origin=shown.origin)
    order = list(range(len(entries)))
    random.Random(hash_json([task.name, shown.item.input])).shuffle(order)
    names = [BLIND.format(chr(ord("A") + place)) for place in range(len(order))]
    return render_answers(task, shown.item, [entries[place] for place in order], origin=shown.origin, names=names)


def _offer(shown: Shown | None) -> list[Any]:
    """Show the buttons that provide what the approaches lacked."""
    entries = shown.entries if shown is not None else ()
    kinds = {entry.kind for entry in entries if entry.lacks == "adapter"}
    return [
        gr.Button(visible=any(entry.lacks == "index" for entry in entries)),
        gr.Button(visible=bool(kinds)),
        next(iter(kinds)) if len(kinds) == 1 else "mixed" if kinds else "",
    ]


def _list_items(task: Task, chosen: Example | None = None) -> list[tuple[str, str]]:
    """Return the first test questions as (label, id), and the chosen one wherever it stands."""
    shown = list(task.test[:SHOWN_ITEMS])
    if chosen is not None and chosen.id in {item.id for item in task.test[SHOWN_ITEMS:]}:
        shown.append(chosen)
    return [(f"{item.slice or 'test'}: {item.input}", item.id) for item in shown]


def _find_item(task: Task, example_id: str | None) -> Example | None:
    return next((item for item in task.test if item.id == example_id), None) if example_id else None
