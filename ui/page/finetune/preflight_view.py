"""A preflight on the page: verdict, reasons, numbers, and three examples token by token."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from lab.training.preflight import list_facts
from ui.page.markup import render

if TYPE_CHECKING:
    from finetune.plan.preflight import LabelledExample, Preflight

PARTS = {"given": "given, not trained", "learned": "trained", "end": "end of the answer, trained"}
HEAD = 120  # Characters of a long prompt's beginning: enough to recognise it.
TAIL = 240  # Characters of its end, where the question stands; what is trained follows.


class Token(NamedTuple):
    """A piece of text and the part of the example that it belongs to, a key of `PARTS`."""

    text: str
    part: str


class TokenView(NamedTuple):
    """An example as it is shown: the given part as one text, the trained part token by token."""

    title: str
    tokens: list[Token]


def render_preflight(report: Preflight) -> Markup:
    """Show a report: verdict, reasons, numbers, three examples token by token."""
    examples = [_split_tokens(item) for item in report.labelled]
    return render("finetune/preflight", report=report, facts=list(list_facts(report)), parts=PARTS, examples=examples)


def _split_tokens(item: LabelledExample) -> TokenView:
    tokens = []
    for part, pieces in groupby(item.pieces, key=lambda piece: piece.part):
        texts = [piece.text for piece in pieces]
        tokens += [Token(text, part) for text in ([_shorten("".join(texts))] if part == "given" else texts)]
    trained = sum(piece.part != "given" for piece in item.pieces)
    return TokenView(f"{item.id}: {trained} of {len(item.pieces)} tokens trained", tokens)


def _shorten(text: str) -> str:
    """Leave out the middle of a long prompt, so that what is trained after it can be seen without scrolling."""
    left_out = len(text) - HEAD - TAIL
    return text if left_out <= TAIL else f"{text[:HEAD]} [ ... {left_out:,} characters ... ] {text[-TAIL:]}"
