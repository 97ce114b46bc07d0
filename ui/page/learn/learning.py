"""A LoRA pair that learns, moment by moment: every number comes from `finetune/lora.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from core.errors import LabError
from finetune.lora import LoraPair, Moment, learn, start_pair
from ui.page.learn.plot import Axes, PlotLine, render_plot
from ui.page.markup import render

if TYPE_CHECKING:
    import torch

SIDE = 6  # Rows and columns of W: few enough to read every number.
TRUE_RANK = 2  # Of the change that is learned: a pair of rank 1 cannot learn it all, one of rank 2 can.
STEPS = 40  # Of gradient descent: enough for rank 2 to bring the first loss down to a twentieth.
RATE = 0.03  # Of a step: every seed that the page offers learns with it, at every rank.
STARTS = {"A random, B zero: LoRA": (True, False), "both random": (True, True), "both zero": (False, False)}
FULL_COLOUR = 60  # Percent of the accent behind a number, at most, so that it stays readable.
COLOUR_OF_ONE = 30  # Percent behind a number of size 1.


class Tinted(NamedTuple):
    """A number of a matrix, and the percent of colour behind it."""

    number: str
    colour: int


class Matrix(NamedTuple):
    """A matrix as it is shown: its name, its size, its rows."""

    name: str
    size: str
    rows: list[list[Tinted]]


def follow_learning(rank: int, start: str, seed: int) -> tuple[torch.Tensor, list[Moment]]:
    """Return a frozen 6 x 6 matrix and the moments of learning a change of rank 2.

    Raises:
        LabError: There is no such start.
    """
    import torch

    if start not in STARTS:
        raise LabError(f"There is no start {start!r}.", f"Choose one of {', '.join(STARTS)}.")
    random = torch.Generator().manual_seed(seed)
    weight, left, right, first = (
        torch.randn(*shape, generator=random) for shape in ((SIDE, SIDE), (SIDE, TRUE_RANK), (TRUE_RANK, SIDE), (SIDE, rank))
    )
    pair = start_pair(SIDE, SIDE, rank, alpha=2 * rank, seed=seed)
    random_a, random_b = STARTS[start]
    pair = LoraPair(pair.a if random_a else 0 * pair.a, first / SIDE**0.5 if random_b else pair.b, pair.alpha)
    return weight, list(learn(weight, weight + 0.5 * left @ right, pair, rate=RATE, steps=STEPS))


def render_learning(weight: torch.Tensor, steps: Sequence[Moment], number: int) -> Markup:
    """Show one moment: `W' = W + (alpha / r) B A` in numbers, the loss, and the size of both gradients."""
    step = steps[number]
    pair = step.pair
    matrices = [
        _read_matrix("W' = W + s B A", weight + pair.update),
        _read_matrix("W, frozen", weight),
        _read_matrix("B", pair.b),
        _read_matrix("A", pair.a),
        _read_matrix(f"s B A, s = alpha / r = {pair.scale:g}", pair.update),
    ]
    facts = [
        ("Loss", f"{step.loss:.3f}"),
        ("Gradient of A", f"{float(step.gradient_a.norm()):.3f}"),
        ("Gradient of B", f"{float(step.gradient_b.norm()):.3f}"),
    ]
    return render("learn/learning", facts=facts, said=_explain_moment(steps, number), matrices=matrices)


def _explain_moment(steps: Sequence[Moment], number: int) -> str:
    """Say what the numbers of a moment show."""
    first, step = steps[0], steps[number]
    still_a, still_b = not step.gradient_a.any(), not step.gradient_b.any()
    if still_a and still_b:
        return "Both gradients are exactly zero: B A has no slope where both are zero, so no step will ever change anything."
    if still_a and number == 0:
        return "B is zero, so W' is W: training starts from the base. A's gradient passes through B and is zero; B's is not."
    if number == 0:
        return "B A is not zero, so training does not start from the base but from a random change of it."
    if step.pair.a.equal(first.pair.a):
        return "After the first step only B has moved: A's gradient was zero. From the next step on A moves too; W itself never does."
    said = f"After {number} step{'s' if number > 1 else ''} both matrices have moved, and W' with them; W itself never does."
    if len(step.pair.a) < TRUE_RANK:
        said += f" The wanted change has rank {TRUE_RANK}: at r = 1 a part of the loss stays, now {step.loss / first.loss:.0%} of the first."
    return said


def _read_matrix(name: str, values: torch.Tensor) -> Matrix:
    rows = [[_read_cell(value) for value in row] for row in values.tolist()]
    return Matrix(name, " x ".join(map(str, values.shape)), rows)


def _read_cell(value: float) -> Tinted:
    rounded = round(value, 2) + 0.0  # What rounds to -0.0 becomes 0.0.
    return Tinted(f"{rounded:.2f}", min(FULL_COLOUR, int(COLOUR_OF_ONE * abs(value))))


def plot_starts(rank: int, seed: int, number: int) -> Markup:
    """Draw the losses of all three starts of the same problem; the chosen step is marked.

    Three trainings of 40 steps on 6 x 6 numbers take a few milliseconds, so they are done anew each time.
    """
    lines = [
        PlotLine(start, [(step, moment.loss) for step, moment in enumerate(follow_learning(rank, start, seed)[1])])
        for start in STARTS
    ]
    axes = Axes("step of gradient descent", "loss", from_zero=True, marked=number)
    return render_plot(f"Three starts at r = {rank}, the same problem and rate", lines, axes)


def compare_starts(rank: int, seed: int) -> Markup:
    """Say how far each start is from the base model and what it learns."""
    rows = []
    for start in STARTS:
        _, moments = follow_learning(rank, start, seed)
        first, last = moments[0], moments[-1]
        away = float(first.pair.update.norm())
        learned = "nothing" if last.loss == first.loss else f"{1 - last.loss / first.loss:.0%} of its first loss"
        rows.append((start, "at the base model" if away == 0 else f"{away:.2f} away from it", f"{first.loss:.2f}", learned))
    return render("learn/starts", rows=rows)
