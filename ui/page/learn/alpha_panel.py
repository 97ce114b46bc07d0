"""Rank and alpha by the curves of small real trainings that are bundled (`benchmarks/learn_data.py`)."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from core.errors import LabError
from lab.learn.measured import Measured, MeasuredRun, mean_by, read_measured
from ui.page.errors import explain
from ui.page.learn.live import LIVE
from ui.page.learn.plot import Axes, PlotLine, render_plot
from ui.page.markup import render
from ui.page.rendering import render_note

FIXED_ALPHA = 32  # The mistake that is drawn: the same alpha at every rank.
USUAL = 2.0  # alpha / r, where alpha is 2r.
SMALL, MIDDLE, LARGE = 1, 16, 64  # Ranks that the sentence compares.


def build_alpha_panel() -> None:
    """Build both plots; they are drawn from a small file, so at once."""
    try:
        measured = read_measured()
    except LabError as error:
        gr.HTML(render_note(str(error)), padding=False)
        return
    ranks = sorted({run.rank for run in measured.runs})
    rank = gr.Radio(ranks, value=MIDDLE if MIDDLE in ranks else ranks[0], label="Rank r of the curves over steps")
    shown = gr.HTML(render_alpha(measured, int(rank.value)), label="Measured curves", padding=False)
    rank.change(explain(lambda r: render_alpha(measured, int(r))), rank, shown, **LIVE)


def render_alpha(measured: Measured, rank: int) -> Markup:
    """Show the last loss by rank, a line for each alpha / r, and the losses over the steps at one rank."""
    scales = sorted({run.scale for run in measured.runs})
    by_rank = [PlotLine(f"alpha = {scale:g} r", _mean_last(measured.find(scale=scale)), dots=True) for scale in scales]
    fixed = [run for run in measured.runs if abs(run.scale * run.rank - FIXED_ALPHA) < 1e-9]
    by_rank.append(PlotLine(f"alpha fixed at {FIXED_ALPHA}", _mean_last(fixed), dots=True, dashed=True))
    over_steps = [PlotLine(f"alpha = {scale:g} r", _mean_curve(measured.find(rank=rank, scale=scale))) for scale in scales]
    over_steps.append(PlotLine("full fine-tuning, its own rate", measured.full, dashed=True))
    return render(
        "learn/alpha",
        ranks=render_plot(
            "Loss on texts kept out after training, by rank", by_rank, Axes("rank r", "loss (nats a token)", doubling=True)
        ),
        steps=render_plot(f"The same over the steps, r = {rank}", over_steps, Axes("step", "loss (nats a token)")),
        said=describe_alpha(measured),
        about=measured.describe(),
        quick=bool(measured.about.get("quick")),
    )


def describe_alpha(measured: Measured) -> list[str]:
    """Say in sentences what the trainings show, with their numbers; nothing of ranks that were not trained."""
    usual = {value: (mean, low, high) for value, mean, low, high in mean_by(measured.find(scale=USUAL), of="rank")}
    said = []
    if {SMALL, MIDDLE, LARGE} <= usual.keys():
        first, second = (usual[one][0] - usual[other][0] for one, other in ((SMALL, MIDDLE), (MIDDLE, LARGE)))
        spread = max(high - low for _, low, high in usual.values())
        said.append(
            f"At alpha = 2r the loss falls by {first:.3f} from r = {SMALL} to {MIDDLE} and by {second:.3f} from {MIDDLE} to {LARGE}, "
            f"where the trained numbers are four times as many; seeds differ by up to {spread:.3f}."
        )
    by_scale = mean_by(measured.find(rank=MIDDLE), of="scale")
    if by_scale:
        best = min(by_scale, key=lambda entry: entry[1])
        worst = max(by_scale, key=lambda entry: entry[1])
        said.append(
            f"At r = {MIDDLE} and this learning rate alpha = {best[0]:g} r is best ({best[1]:.3f}) and alpha = {worst[0]:g} r worst "
            f"({worst[1]:.3f}): alpha acts like a learning rate, so the best one depends on the rate."
        )
    return said


def _mean_last(runs: list[MeasuredRun]) -> list[tuple[float, float]]:
    return [(value, mean) for value, mean, _, _ in mean_by(runs, of="rank")]


def _mean_curve(runs: list[MeasuredRun]) -> list[tuple[float, float]]:
    """Return the mean loss at each step that all of the runs reached."""
    if not runs:
        return []
    reached = min(len(run.held) for run in runs)
    return [(runs[0].held[at][0], sum(run.held[at][1] for run in runs) / len(runs)) for at in range(reached)]
