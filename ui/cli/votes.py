"""The commands about blind votes: what they say, and taking them away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import LabError
from core.settings import read_settings
from ui.cli.console import AsJson, err, out, show, show_fields, warn_of

if TYPE_CHECKING:
    from core.evaluation.board import Board
    from core.evaluation.preferences import Vote

votes_app = typer.Typer(help="Blind votes on the answers of stored comparisons.", no_args_is_help=True)
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's id: `ragft runs`.")]


@votes_app.command("show")
def show_(run: RunName, as_json: AsJson = False) -> None:
    """Say whether the votes on a run agree with the marks, and which approach they prefer; damaged votes are named."""
    from lab.votes import judge_board

    board, votes = _open(run)
    found = judge_board(board, votes)
    result = {"run": run, **found.as_json()}

    def say(_: object) -> None:
        for sentence in found.sentences:
            out.print(sentence, markup=False, highlight=False, soft_wrap=True)

    show(result, as_json, say)


@votes_app.command()
def export(
    run: RunName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".jsonl: preference pairs; .json: all votes.")],
    as_json: AsJson = False,
) -> None:
    """Write votes as preference pairs (prompt, chosen, rejected), or all of them with what they say."""
    from lab.votes import SEEN, export_votes

    board, votes = _open(run)
    if file.exists():
        raise LabError(f"{file} exists already.", "Choose another name; nothing was overwritten.")
    if not file.absolute().parent.is_dir():
        raise LabError(f"There is no folder {file.absolute().parent}.", "Make it, or choose another place.")
    count = export_votes(board, votes, file)
    show({"run": run, "file": str(file), "rows": count}, as_json, show_fields)
    err.print(SEEN, style="yellow", markup=False, highlight=False)


def _open(run: str) -> tuple[Board, list[Vote]]:
    from lab.boards import open_board
    from lab.lab import Lab
    from lab.votes import read_votes

    lab = Lab(read_settings())
    board = open_board(lab, run)
    votes = read_votes(lab.settings, run)
    warn_of([*votes.damaged, *([board.note] if board.note else [])])
    return board, votes.whole
