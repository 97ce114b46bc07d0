"""One item of a run as HTML: question, what is right, every approach's answer beside it, evidence, passages, prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from core.comparison.arms import find_title, sort_by_simplicity
from core.evaluation.board import BoardRow, Cell
from core.evaluation.causes import CAUSES
from core.evaluation.evidence_spans import split_evidence
from core.evaluation.field_diff import FieldDiff, compare_fields, list_accepted
from core.tasks.task import Task
from core.values import Example, Hit, Passage, Prediction
from lab.items import SentPrompt
from lab.lab import Lab
from lab.search import judge_hits
from ui.page.compare.view import STAGES
from ui.page.evaluate.items_view import SIGNS, ListPage, describe_state, name_colour
from ui.page.markup import render
from ui.page.passages import drop_headings, shorten_place
from ui.page.rendering import render_note
from ui.page.support import render_support


def render_item(page: ListPage, place: int) -> Markup:
    """Show an item.

    Args:
        page: The items that are looked at; those before and after this one are the next to open.
        place: The item's, in the board.
    """
    task, row = page.opened.board.task, page.opened.board.rows[place]
    cells = _name_cells(row)
    order = list(page.view.places)
    at = order.index(place) if place in order else None
    ids = {step: _find_id(page, order, at, step) for step in (-1, 1)}
    fields, marked = _describe_fields(task, row.item, cells)
    hits = {title: cell.prediction.hits for title, cell in cells.items()}
    return render(
        "evaluate/item",
        id=row.item.id,
        about=" · ".join(filter(None, [row.item.slice, f"group {row.item.group}" if row.item.group else ""])),
        place=f"{at + 1:,} of {len(order):,}" if at is not None else "not among the filtered items",
        previous=ids[-1],
        next=ids[1],
        question=row.item.input,
        fields=fields,
        marked=marked,
        unread=", ".join(title for title, cell in cells.items() if not isinstance(cell.prediction.value, dict)),
        answers=[_describe_answer(title, cell) for title, cell in cells.items()],
        evidence=_describe_evidence(row.item, hits),
        passages=_describe_passages(row.item, hits),
        searched=any(_searches(page, cell) for cell in cells.values()),
        dropped=[
            f"{title}: {cell.prediction.dropped_passages} more had no room in the prompt."
            for title, cell in cells.items()
            if cell.prediction.dropped_passages
        ],
    )


def render_prompt(sent: SentPrompt) -> Markup:
    """Show a rebuilt prompt and how sure it is that it was sent."""
    return render("evaluate/item_prompt", text=sent.note, messages=sent.messages)


def render_provenance(lab: Lab, task: Task, item: Example, prediction: Prediction) -> Markup:
    """Show where each value of an answer stands in its passages; what the search itself doubts supports nothing."""
    verdict = judge_hits(lab, task, item.input, prediction.hits)
    shown = render_support(task, prediction, verdict)
    return shown or render_note(
        verdict.reason if verdict is not None and verdict.abstained else "Nothing in this answer can be looked up."
    )


def _name_cells(row: BoardRow) -> dict[str, Cell]:
    """Return an item's answers by the name that people read, the simplest approach first; draws are told apart."""
    return {
        f"{find_title(arm)}{f' ({cell.draw})' if len(row.cells[arm]) > 1 else ''}": cell
        for arm in sort_by_simplicity(row.cells)
        for cell in row.cells[arm]
    }


def _find_id(page: ListPage, order: Sequence[int], at: int | None, step: int) -> str:
    """Return the id of the item before or after; of an item that is not in the list none."""
    if at is None or not 0 <= at + step < len(order):
        return ""
    return page.opened.board.rows[order[at + step]].item.id


def _searches(page: ListPage, cell: Cell) -> bool:
    arm = page.opened.run.config.get("arms", {}).get(cell.arm)
    return bool(isinstance(arm, Mapping) and arm.get("top_k"))


def _describe_fields(task: Task, item: Example, cells: Mapping[str, Cell]) -> tuple[list[dict[str, Any]], bool]:
    """Return each field with what is right and what was answered, and whether any text has marked words."""
    accepted = list_accepted(item)
    compared = compare_fields(task, item, cells)
    fields = [
        {
            "name": field.name,
            "expected": field.expected,
            "accepted": [text for name, text in accepted if name == field.name],
            "answers": [_describe_diff(names, diff) for names, diff in field.answers],
        }
        for field in compared
    ]
    return fields, any(diff.pieces for field in compared for _, diff in field.answers)


def _describe_diff(names: Sequence[str], diff: FieldDiff) -> dict[str, Any]:
    kind = "none" if diff.mark is None else "right" if diff.mark >= 1 else "partly" if diff.mark > 0 else "wrong"
    return {
        "names": ", ".join(names),
        "kind": kind,
        "sign": SIGNS.get(kind, "–"),
        "words": "not marked" if kind == "none" else kind,
        "mark": f"{diff.mark:.2f}" if kind == "partly" else "",
        "given": diff.given,
        "pieces": diff.pieces,
    }


def _describe_answer(title: str, cell: Cell) -> dict[str, Any]:
    prediction, generation = cell.prediction, cell.prediction.generation
    forced = f", {generation.forced_tokens} of them forced by the schema" if generation.forced_tokens else ""
    notes = [f"Read as: {STAGES[prediction.stage]}."] if prediction.stage != "strict" else []
    if generation.finish == "length":
        notes.append("The answer was cut off at the token limit.")
    return {
        "arm": cell.arm,
        "draw": cell.draw or "",
        "key": title,
        "title": title,
        "colour": name_colour(cell.arm),
        "kind": cell.state.replace(" ", "-"),
        "sign": SIGNS[cell.state],
        "state": cell.state,
        "words": describe_state([cell], cell.state),
        "cause": f"{cell.cause.capitalize()}: {CAUSES[cell.cause]}.",
        "notes": notes,
        "issues": [issue.message for issue in prediction.issues],
        "raw": generation.text or "(nothing)",
        "draft": generation.draft,
        "costs": f"{generation.latency_seconds:.1f} s · {generation.prompt_tokens:,} prompt tokens · "
        f"{generation.new_tokens:,} new tokens{forced}",
        "folds": [
            *([{"ask": "show_support", "title": "Where each value stands in the passages"}] if prediction.hits else []),
            {"ask": "show_prompt", "title": "Prompt as sent"},
        ],
    }


def _describe_evidence(item: Example, hits: Mapping[str, Sequence[Hit]]) -> list[dict[str, str]]:
    """Return each piece of evidence with the approaches whose passages hold it, and those that searched in vain."""
    described = []
    for piece in item.evidence:
        found = {title: _holds(piece.document, piece.quote, shown) for title, shown in hits.items() if shown}
        described.append(
            {
                "document": piece.document,
                "quote": piece.quote,
                "found": ", ".join(title for title, holds in found.items() if holds),
                "missed": ", ".join(title for title, holds in found.items() if not holds),
            }
        )
    return described


def _holds(document: str, quote: str, hits: Sequence[Hit]) -> bool:
    return any(_has_quote(hit.passage, document, quote) for hit in hits)


def _has_quote(passage: Passage, document: str, quote: str) -> bool:
    return passage.document == document and any(marked for _, marked in split_evidence(passage.text, [quote]))


def _describe_passages(item: Example, hits: Mapping[str, Sequence[Hit]]) -> list[dict[str, Any]]:
    """Return each passage once, best rank first, with the approaches that saw it and the evidence in it."""
    seen: dict[Passage, list[str]] = {}
    best: dict[Passage, int] = {}
    for title, shown in hits.items():
        for rank, hit in enumerate(shown, start=1):
            seen.setdefault(hit.passage, []).append(f"{title} (rank {rank}, score {hit.score:.2f})")
            best[hit.passage] = min(rank, best.get(hit.passage, rank))
    return [_describe_passage(item, passage, seen[passage]) for passage in sorted(seen, key=lambda one: best[one])]


def _describe_passage(item: Example, passage: Passage, seen: Sequence[str]) -> dict[str, Any]:
    quotes = [piece.quote for piece in item.evidence if piece.document == passage.document]
    pieces = split_evidence(drop_headings(passage.text), quotes)
    place = shorten_place(passage)
    return {
        "title": passage.title or passage.document,
        "place": f"{passage.document} · {place}" if place else passage.document,
        "seen": f"Shown to {', '.join(seen)}",
        "holds": any(marked for _, marked in pieces),
        "pieces": pieces,
    }
