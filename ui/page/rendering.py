"""Parts that several tabs show: a card, a note, how a job stands. Every view returns `Markup` made by a template."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from core.jobs import JobStatus
from core.units import format_seconds
from ui.page.markup import render


def render_card(title: str, body: str) -> Markup:
    """Frame a body under a title; a body that is no `Markup` is escaped."""
    return render("shared/card", title=title, body=body)


def render_cards(cards: Iterable[str]) -> Markup:
    """Lay cards side by side, below each other on narrow screens."""
    return render("shared/cards", cards=list(cards))


def render_note(text: str) -> Markup:
    """Show a quiet sentence."""
    return render("shared/note", text=text)


def render_status(status: JobStatus, name: str, command: Sequence[str]) -> Markup:
    """Show how a job stands: state, bar, remaining time, message, the command that does the same.

    Of a job that has ended neither bar nor step is shown: they are those of its last stage.
    """
    share = 1.0 if status.state == "done" else status.step / status.total if status.total else 0.0
    return render(
        "shared/status",
        state=status.state,
        active=status.active,
        name=name,
        percent=f"{100 * share:.0f}",
        message=status.message,
        place=f" · step {status.step} of {status.total}" if status.total and status.active else "",
        left=f" · about {format_seconds(status.eta)} left" if status.eta is not None and status.active else "",
        command=shlex.join(command),
    )
