"""The items of stored runs, opened to be looked at: boards kept in memory for a while, prompts rebuilt from the record."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from core.comparison.prompts import build_prompt, choose_shots
from core.comparison.runs import Run, load_paper, load_run
from core.errors import LabError
from core.evaluation.baselines import find_nearest
from core.evaluation.board import Board
from core.evaluation.board_filters import ItemDigest, digest_board, suggest_pair
from core.values import Example, Message, Prediction
from lab.boards import open_board
from lab.lab import Lab

MOST_BOARDS = 3  # Kept open: of 10,000 items and 4 approaches one takes about 100 MB.


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run whose items can be looked at.

    Args:
        run: Its record.
        board: Its answers.
        digests: What filters ask of each item.
        pair: The two arms that are compared where a person chose none.
    """

    run: Run
    board: Board
    digests: tuple[ItemDigest, ...]
    pair: tuple[str, str]


@dataclass(frozen=True, slots=True)
class SentPrompt:
    """A prompt rebuilt from the record of a run.

    Args:
        messages: What the model was told; empty where it cannot be rebuilt.
        note: How sure it is that these were sent, a sentence.
    """

    messages: tuple[Message, ...]
    note: str


class RunShelf:
    """The runs that were opened last: marking all answers again takes longer than a look at one of them."""

    def __init__(self, lab: Lab) -> None:
        self._lab, self._lock = lab, Lock()
        self._open: OrderedDict[tuple[Path, str], OpenRun] = OrderedDict()  # By home too: strangers may share the shelf.
        self._opening: dict[tuple[Path, str], Lock] = {}

    def open(self, run_id: str) -> OpenRun:
        """Open a run, or take it from the shelf; a stored run never changes.

        Raises:
            LabError: As `open_board`.
        """
        key = self._lab.settings.home, run_id
        with self._lock:
            opening = self._opening.setdefault(key, Lock())
        with opening:  # Whoever asks for the same run meanwhile waits for it, and nobody else does.
            with self._lock:
                known = self._open.get(key)
            try:
                opened = known or _open_run(self._lab, run_id)
            finally:
                with self._lock:
                    self._opening.pop(key, None)
            with self._lock:
                self._open[key] = opened
                self._open.move_to_end(key)
                while len(self._open) > MOST_BOARDS:
                    self._open.popitem(last=False)
            return opened


def rebuild_prompt(lab: Lab, opened: OpenRun, item: Example, prediction: Prediction) -> SentPrompt:
    """Rebuild the prompt that an answer was given to, by the one function that makes prompts.

    Args:
        lab: Where the run and its task lie.
        opened: The run.
        item: The question.
        prediction: The answer.
    """
    arm = opened.run.config.get("arms", {}).get(prediction.arm)
    if not isinstance(arm, Mapping):
        return SentPrompt(
            (), f"The run does not say what the approach {prediction.arm!r} was shown: its prompt cannot be rebuilt."
        )
    try:
        shots, doubts = _find_shots(lab, opened, item, prediction, arm)
    except LabError as error:
        return SentPrompt((), f"This prompt cannot be rebuilt: {error}")
    messages = build_prompt(opened.board.task, item.input, shots=shots, hits=prediction.hits)
    return SentPrompt(tuple(messages), _describe_certainty(lab, opened, messages, prediction, doubts))


def _open_run(lab: Lab, run_id: str) -> OpenRun:
    run, board = load_run(lab.settings, run_id), open_board(lab, run_id)
    digests = digest_board(board)
    return OpenRun(run, board, digests, suggest_pair(digests, board.arms))


def _find_shots(
    lab: Lab, opened: OpenRun, item: Example, prediction: Prediction, arm: Mapping[str, Any]
) -> tuple[Sequence[Example], list[str]]:
    """Return the examples that an answer's prompt showed, best known, and why they or the rest may be others.

    Raises:
        LabError: They cannot be known.
    """
    config, count = opened.run.config, int(arm.get("shots") or 0)
    paper = load_paper(lab.settings, opened.run.id)
    doubts = [] if paper is not None else _list_changes(opened)
    if not count:
        return (), doubts
    if arm.get("nearest"):
        task = lab.task(opened.run.task)
        if task.hash_split(task.train) != config.get("train_hash"):
            raise LabError("its examples were searched among training rows that were changed since.")
        found = find_nearest(task, [item.input], lab.library.load_examples(task), count=count)[0]
        return found[::-1], [*doubts, "its examples were searched again"]
    if paper is not None:
        shots = paper.find_shots(count, draw=prediction.shot_draw)
        return shots, doubts if shots else ["the run did not keep its examples"]
    task = opened.board.task
    if task.hash_split(task.train) != config.get("train_hash"):
        doubts.append("the training rows, which its examples come from, were changed since")
    return choose_shots(task, count, draw=prediction.shot_draw), doubts


def _list_changes(opened: OpenRun) -> list[str]:
    """Return what of a run without its exam paper may have been asked otherwise."""
    task, config = opened.board.task, opened.run.config
    doubts = ["the run did not keep its instruction and schema, so these are the task's as they are now"]
    if config.get("prompting") != task.describe_prompting():
        doubts.append("the task's prompts show something else since, or the run does not say what they showed")
    return doubts


def _describe_certainty(
    lab: Lab, opened: OpenRun, messages: Sequence[Message], prediction: Prediction, doubts: Sequence[str]
) -> str:
    recorded = prediction.generation.prompt_tokens
    generator, used = lab.generator, opened.run.config.get("generator", {})
    reasons = f" ({'; '.join(doubts)})" if doubts else ""
    if generator is None or generator.description.get("weights") != used.get("weights"):
        return f"Rebuilt from the record{reasons}. Not compared with the {recorded:,} tokens that were sent: the model is not loaded here."
    counted = generator.count_tokens(messages)
    if counted != recorded:
        return f"Not exactly what was sent: rebuilt it has {counted:,} tokens, sent were {recorded:,}{reasons}."
    return f"Rebuilt from the record{reasons}; it has the {recorded:,} tokens that were sent."
