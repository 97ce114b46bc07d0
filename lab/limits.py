"""What one visitor may take of a machine that strangers share. On one's own machine nothing of this holds.

Each limit is a sentence when it is met: what was asked, what is allowed, what to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import LabError
from core.settings import Settings
from core.turns import count_active, list_turns
from core.units import format_size
from finetune.config import TrainConfig
from lab.requests import CompareRequest, ModelRequest, ProbeRequest, Request, TrainRequest, TuneRequest

ELSEWHERE = "A copy of your own, or `ragft serve` on your machine, has no such limit."


@dataclass(frozen=True, slots=True)
class VisitorLimits:
    """How much one visitor may take.

    Args:
        upload_bytes: Of one file: it is read into memory whole.
        request_bytes: Of the files that are uploaded at once.
        free_bytes: Left on the disk: with less, trainings of those who are here already would fail.
        event_bytes: Of one event of the page: nothing that a person types is as large, and each one is parsed.
        disk_bytes: Of all that a visitor keeps: some adapters of 5 to 20 MB, an index, runs. Fifty fit into the 50 GB of a Space.
        task_bytes: Of a ready task that is taken in, unpacked: a small zip may hold a large one.
        rows: Of a task: more are not trained on in the minutes that there are.
        documents: Of a task: about what is embedded in a few minutes on two cores.
        minutes: Of a training or a tuning: the demonstration's takes five, and the others wait meanwhile.
        job_minutes: Of any job, loading, answering and waiting for nothing included; then it is asked to stop.
        epochs: Of a training: more only learns the rows by heart.
        rank: Of an adapter: larger ones take memory and disk, and hardly learn more.
        batch_size: Of a training or comparison: memory grows with it.
        rates: Learning rates that a probe tries.
        answers: Of a comparison, items times approaches: about ten minutes of two cores.
        queued: Jobs of one visitor that run or wait.
        waiting: Jobs of all visitors that run or wait: each is a process of some 75 MB before it computes.
        events: Events of the page that wait for their turn, for each kind: whoever opens it sends one of most kinds, and many may at once.
        question: Characters of a question: it is the prompt that every other visitor waits for.
        idle_seconds: After so long without a visit all that a visitor has is removed.
    """

    upload_bytes: int = 20 * 2**20
    request_bytes: int = 60 * 2**20
    free_bytes: int = 2 * 2**30
    event_bytes: int = 2**20
    disk_bytes: int = 300 * 2**20
    task_bytes: int = 50 * 2**20
    rows: int = 5_000
    documents: int = 500
    minutes: float = 15
    job_minutes: float = 40
    epochs: float = 20
    rank: int = 64
    batch_size: int = 32
    rates: int = 5
    answers: int = 400
    queued: int = 3
    waiting: int = 12
    events: int = 400
    question: int = 8_000
    idle_seconds: float = 24 * 3600


HOSTED = VisitorLimits()


def check_request(settings: Settings, request: Request, limits: VisitorLimits = HOSTED) -> None:
    """Refuse a visitor's request that would take too much; whoever runs the machine may ask for anything.

    Raises:
        LabError: It would; which limit it meets is said.
    """
    if settings.shared is None:
        return
    check_queue(settings, limits)
    check_disk(settings, limits=limits)
    if isinstance(request, ModelRequest) and request.model not in ("", settings.model):
        raise LabError(f"The model {request.model!r} was asked for.", f"On this page {settings.model} answers. {ELSEWHERE}")
    match request:
        case TrainRequest():
            _check_training(request.config, limits)
        case ProbeRequest():
            _check_training(request.config, limits)
            _check_most("learning rates", len(request.rates), limits.rates)
        case CompareRequest():
            _check_comparison(request, limits)
        case TuneRequest():
            _check_most("minutes of tuning", request.minutes, limits.minutes, least=0)
            _check_most("answers decoded together", request.batch_size, limits.batch_size)


def check_queue(settings: Settings, limits: VisitorLimits = HOSTED) -> None:
    """Refuse a further job of a visitor who has enough that run or wait, or where the whole machine has.

    Raises:
        LabError: It is so.
    """
    if settings.shared is None:
        return
    if (own := count_active(settings)) >= limits.queued:
        raise LabError(
            f"{own} jobs of yours run or wait, as many as a visitor may have.", "Wait for one to end, or cancel one."
        )
    if (waiting := len(list_turns(settings))) >= limits.waiting:
        raise LabError(f"{waiting} jobs of all visitors wait for this machine.", f"Try again in some minutes. {ELSEWHERE}")


def check_disk(settings: Settings, *, more: int = 0, limits: VisitorLimits = HOSTED) -> None:
    """Refuse a visitor who keeps as much as there is for one.

    Args:
        settings: Whose home.
        more: Bytes that come to it.
        limits: How much there is.

    Raises:
        LabError: It would be too much.
    """
    if settings.shared is None:
        return
    kept = measure(settings.home)
    if kept + more > limits.disk_bytes:
        raise LabError(
            f"You keep {format_size(kept)}{f', and {format_size(more)} would come to it' if more else ''}; "
            f"{format_size(limits.disk_bytes)} is what a visitor may keep.",
            "Delete documents, adapters or tasks first.",
        )


def check_task(settings: Settings, *, rows: int, documents: int, limits: VisitorLimits = HOSTED) -> None:
    """Refuse a visitor's task that is larger than this machine can learn from in the minutes that it gives.

    Raises:
        LabError: It is.
    """
    if settings.shared is None:
        return
    _check_most("rows", rows, limits.rows)
    _check_most("documents", documents, limits.documents)
    check_disk(settings, limits=limits)


def check_folder(settings: Settings, folder: Path, limits: VisitorLimits = HOSTED) -> None:
    """Refuse a visitor's ready task, before it is read, whose files come to too much.

    Raises:
        LabError: They do.
    """
    if settings.shared is None:
        return
    size = measure(folder)
    if size > limits.task_bytes:
        raise LabError(f"The task unpacks to {format_size(size)}.", f"At most {format_size(limits.task_bytes)}. {ELSEWHERE}")
    rows = sum(_count_lines(path) for path in folder.glob("*.jsonl"))
    documents = sum(path.is_file() for path in (folder / "documents").rglob("*"))
    check_task(settings, rows=rows, documents=documents, limits=limits)


def _count_lines(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(1 for _ in stream)


def check_question(settings: Settings, text: str, limits: VisitorLimits = HOSTED) -> None:
    """Refuse a visitor's question that would keep the model from everybody else.

    Raises:
        LabError: It is too long.
    """
    if settings.shared is not None:
        _check_most("characters in a question", len(text), limits.question)


def measure(folder: Path) -> int:
    """Return the bytes of all files below a folder, 0 where there is none."""
    return sum(_list_sizes(str(folder)))


def _list_sizes(folder: str) -> Iterator[int]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _list_sizes(entry.path)
                else:
                    yield entry.stat(follow_symlinks=False).st_size
    except OSError:  # It, or a file of it, was removed meanwhile.
        return


def _check_training(config: TrainConfig, limits: VisitorLimits) -> None:
    minutes = config.minutes
    if minutes is None:
        raise LabError("A training without a limit of minutes was asked for.", f"Give at most {limits.minutes:g}. {ELSEWHERE}")
    _check_most("minutes of training", minutes, limits.minutes, least=0)
    _check_most("epochs", config.epochs, limits.epochs)
    _check_most("rank", config.rank, limits.rank)
    _check_most("examples per step", config.batch_size, limits.batch_size)
    _check_most("evaluations", config.evaluations, 20)
    _check_most("held-out examples", config.holdout, 64)


def _check_comparison(request: CompareRequest, limits: VisitorLimits) -> None:
    arms = len(request.arms) * max(1, request.shot_draws) * max(1, len(request.adapters))
    if request.limit is None:
        raise LabError("A comparison of all questions was asked for.", f"Give a number of questions. {ELSEWHERE}")
    _check_most("answers (questions times approaches)", request.limit * arms, limits.answers)
    _check_most("answers decoded together", request.batch_size, limits.batch_size)


def _check_most(what: str, value: float, most: float, *, least: float = -1) -> None:
    # Written so that what is no number at all is refused too.
    if not least < value <= most:
        raise LabError(f"{what}: {value:,g} was asked for.", f"At most {most:,g} on this page. {ELSEWHERE}")
