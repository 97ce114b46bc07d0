"""Blind vote: two answers side by side without names, a choice, then names, marks and how far people agree with the marks."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import gradio as gr

from core.errors import LabError
from core.evaluation.preferences import CHOICES, Choice
from core.storage import child
from lab.items import RunShelf
from lab.lab import Lab
from lab.votes import SEEN, Ballot, cast_vote, draw_ballot, export_votes, judge_board, read_votes
from ui.page.errors import explain
from ui.page.evaluate.vote_view import render_ballot, render_standing
from ui.page.polling import EVERY, QUIET
from ui.page.rendering import render_note
from ui.page.visitors.offers import offer_folder

INTRO = (
    "Which answer is better? Both come from this run; their names and marks are shown after the vote. "
    "Keys: 1 A, 2 B, 3 tie, 4 both bad, N next."
)
TITLES: dict[Choice, str] = {"left": "A is better", "right": "B is better", "tie": "Tie", "both bad": "Both bad"}
FORMS = [("Preference pairs for training", "jsonl"), ("All votes with what they say", "json")]
NO_RUN = "Choose a run to vote on its answers."
# The buttons that had the focus are off: it goes on to the one that comes next.
FOCUS = "() => { window.ragftVotes?.focus(); }"


def build_vote_panel(page: gr.Blocks, lab: Lab, shelf: RunShelf, run: gr.Dropdown) -> None:
    """Build the panel.

    Args:
        page: The page; each browser is a voter under a random name.
        lab: Where the runs and the votes are.
        shelf: Opens the runs.
        run: The tab's list of runs; its value is the run that is voted on.
    """
    booth = Booth(lab, shelf)
    voter = gr.BrowserState(None, storage_key="ragft-voter", secret="ragft")
    opened, ballot = gr.State(False), gr.State(None)
    with gr.Accordion("Blind vote", open=False, elem_id="votes") as fold:
        shown = gr.HTML(render_note(NO_RUN), padding=False)
        with gr.Row(elem_id="vote-buttons"):
            buttons = [
                gr.Button(TITLES[choice], elem_id=f"vote-{place}", interactive=False, min_width=90)
                for place, choice in enumerate(CHOICES, start=1)
            ]
            following = gr.Button("Next pair", elem_id="vote-next", variant="primary", interactive=False, min_width=120)
        standing = gr.HTML("", padding=False)
        _build_export(booth, run)

    outputs = [shown, ballot, *buttons, following, standing]
    page.load(lambda known: known or secrets.token_hex(8), voter, voter, **QUIET)
    open_it = fold.expand(lambda: True, None, opened, **QUIET)
    fold.collapse(lambda: False, None, opened, **QUIET)
    open_it.then(booth.show_next, [run, voter, opened], outputs, **QUIET).then(booth.judge, run, standing, **QUIET)
    run.change(booth.show_next, [run, voter, opened], outputs, **EVERY)
    following.click(booth.show_next, [run, voter, opened], outputs, **QUIET).then(None, None, None, js=FOCUS, **QUIET)
    for button, choice in zip(buttons, CHOICES, strict=True):
        chosen = gr.State(choice)
        voted = button.click(explain(booth.vote), [run, voter, ballot, chosen], outputs, **QUIET)
        voted.then(None, None, None, js=FOCUS, **QUIET).then(booth.judge, run, standing, **QUIET)


def _build_export(booth: Booth, run: gr.Dropdown) -> None:
    """Build the export; the file goes to where the page may serve it, for the home is not served."""
    with gr.Row(elem_id="vote-export"):
        form = gr.Dropdown(FORMS, value=FORMS[0][1], label="Take the votes away as", min_width=220)
        make = gr.Button("Make the file", min_width=120)
        download = gr.DownloadButton("Download", visible=False, min_width=160)
    said = gr.HTML("", padding=False)

    @explain
    def export(run_id: str | None, ending: str) -> tuple[gr.DownloadButton, str]:
        file, rows = booth.export(run_id, ending)
        return gr.DownloadButton(f"Download {file.name}", value=str(file), visible=True), render_note(f"{rows} rows. {SEEN}")

    make.click(export, [run, form], [download, said], **QUIET)
    for event in (run.change, form.change):
        event(lambda: (gr.DownloadButton(visible=False), ""), None, [download, said], **EVERY)


class Booth:
    """Answers the panel's events."""

    def __init__(self, lab: Lab, shelf: RunShelf) -> None:
        self._settings, self._shelf = lab.settings, shelf

    def show_next(self, run_id: str | None, voter: str | None, opened: bool) -> list[Any]:
        """Return what the panel shows: the next pair, or why there is none; nothing is opened while the panel is closed."""
        if not run_id or not opened:
            return self._show(render_note(NO_RUN), None, voted=False)
        try:
            board = self._shelf.open(run_id).board
            votes = read_votes(self._settings, run_id)
        except LabError as error:
            return self._show(render_note(str(error)), None, voted=False)
        ballot = draw_ballot(board, votes.whole, visitor=str(voter))
        if ballot is None:
            done = "There is no further pair of answers that differ to vote on."
            none = f"No item of this run can be opened. {board.note}"
            return self._show(
                render_note(done if board.rows else none), None, voted=False, standing=self._describe(run_id, fit=False)
            )
        standing = self._describe(run_id, fit=False)
        return self._show(render_ballot(board, ballot, intro=INTRO), (run_id, ballot), voted=False, standing=standing)

    def vote(self, run_id: str | None, voter: str | None, shown: tuple[str, Ballot] | None, choice: Choice) -> list[Any]:
        """Keep a vote and show whose answers these were.

        Raises:
            LabError: Nothing is voted on, another run was chosen meanwhile, or the disk refuses.
        """
        if shown is None or run_id != shown[0]:
            raise LabError("There is no pair of answers to vote on.", "Press “Next pair”.")
        run_id, ballot = shown
        board = self._shelf.open(run_id).board
        cast_vote(self._settings, run_id, ballot, choice, visitor=str(voter))
        return self._show(
            render_ballot(board, ballot, choice=choice), None, voted=True, standing=self._describe(run_id, fit=False)
        )

    def judge(self, run_id: str | None) -> str:
        """Return all that the votes on a run say; the strengths take seconds."""
        return self._describe(run_id, fit=True) if run_id else ""

    def export(self, run_id: str | None, ending: str) -> tuple[Path, int]:
        """Write a run's votes into a file that the page may serve; returns the file and how many rows it has.

        Raises:
            LabError: There is no run, or no vote that the file could hold.
        """
        if not run_id:
            raise LabError(NO_RUN)
        votes = read_votes(self._settings, run_id).whole
        file = child(offer_folder(self._settings), f"{run_id}-votes.{ending}", what="run")
        rows = export_votes(self._shelf.open(run_id).board, votes, file)
        if not rows:
            raise LabError(
                "No vote on this run calls an answer better." if votes else "There is no vote on this run yet.", "Vote first."
            )
        return file, rows

    def _describe(self, run_id: str, *, fit: bool) -> str:
        try:
            board, votes = self._shelf.open(run_id).board, read_votes(self._settings, run_id)
        except LabError as error:
            return render_note(str(error))
        return render_standing(judge_board(board, votes.whole, fit=fit), votes.damaged)

    def _show(self, text: str, ballot: tuple[str, Ballot] | None, *, voted: bool, standing: str = "") -> list[Any]:
        buttons = [gr.Button(interactive=ballot is not None) for _ in CHOICES]
        return [text, ballot, *buttons, gr.Button(interactive=voted), standing]
