"""What the Learn tab shows: LoRA and NF4 in numbers and drawings, all of them computed by `finetune/lora.py`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import LabError
from core.settings import BUNDLED_TASKS
from finetune.lora import (
    BLOCK,
    Pair,
    Step,
    compute_nf4_levels,
    count_bits,
    count_trained,
    dequantize,
    learn,
    quantize,
    start_pair,
)

if TYPE_CHECKING:
    import torch

ARTICLES = BUNDLED_TASKS / "ml-interview" / "documents"
SIDE, STEPS, RATE, TRUE_RANK = 6, 40, 0.03, 2
STARTS = {"A random, B zero: LoRA": (True, False), "both random": (True, True), "both zero": (False, False)}
DRAWN = 150
BITS_A_BYTE = 8


def list_articles() -> list[tuple[str, str]]:
    """Return (title, name) of the bundled articles, by title."""
    files = ARTICLES.glob("*.md")
    return sorted((path.read_text(encoding="utf-8").splitlines()[0].lstrip("# "), path.stem) for path in files)


def read_article(name: str) -> str:
    """Return an article as Markdown.

    Raises:
        LabError: There is none of this name.
    """
    path = ARTICLES / f"{name}.md"
    if Path(name).name != name or not path.is_file():
        raise LabError(f"There is no article {name!r}.", "Choose one of the list.")
    return path.read_text(encoding="utf-8")


def read_rule() -> str:
    """Return the rule and the table that open the article on choosing, without its title."""
    opening = read_article("rag-or-fine-tuning").split("\n## ")[0]
    return opening.split("\n", 1)[1].strip()


def render_counts(out_size: int, in_size: int, rank: int) -> str:
    """Show how many numbers full fine-tuning and LoRA train in one matrix, drawn to scale."""
    full, trained = count_trained(out_size, in_size), count_trained(out_size, in_size, rank)
    rows = [
        ("Full fine-tuning", f"{out_size:,} x {in_size:,}", full),
        ("LoRA: B and A", f"{rank:,} x ({out_size:,} + {in_size:,})", trained),
    ]
    body = "".join(f"<tr><td>{name}</td><td>{how}</td><td><b>{count:,}</b></td></tr>" for name, how, count in rows)
    share = f"LoRA trains {trained / full:.2%} of the numbers, {full / trained:,.0f} times fewer."
    if trained >= full:
        share = "At this rank LoRA trains no fewer numbers than the matrix has."
    return (
        f'<section class="card">{_draw_shapes(out_size, in_size, rank)}'
        f'<div class="wide"><table>{body}</table></div><p class="verdict">{share}</p></section>'
    )


def _draw_shapes(out_size: int, in_size: int, rank: int) -> str:
    """Draw W, B and A to scale; the thin sides are drawn at least two units wide."""
    unit = DRAWN / max(out_size, in_size)
    height, width, thin = out_size * unit, in_size * unit, max(2.0, rank * unit)
    shapes = [(0.0, width, height, "W frozen"), (width + 55, thin, height, "B"), (width + thin + 110, width, thin, "A")]
    boxes = "".join(
        f'<rect x="{x:.1f}" y="20" width="{w:.1f}" height="{h:.1f}" class="{"frozen" if name[0] == "W" else "trained"}"/>'
        f'<text x="{x:.1f}" y="13">{name}</text>'
        for x, w, h, name in shapes
    )
    signs = f'<text x="{width + 18:.1f}" y="{20 + height / 2:.1f}">+ s</text><text x="{width + thin + 78:.1f}" y="{20 + height / 2:.1f}">×</text>'
    total = 2 * width + thin + 112
    label = f"W {out_size} by {in_size} beside B {out_size} by {rank} and A {rank} by {in_size}, to scale"
    return f'<svg class="shapes" viewBox="0 0 {total:.0f} {DRAWN + 24}" role="img" aria-label="{label}">{boxes}{signs}</svg>'


def follow_learning(rank: int, start: str, seed: int) -> tuple[torch.Tensor, list[Step]]:
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
    pair = Pair(pair.a if random_a else 0 * pair.a, first / SIDE**0.5 if random_b else pair.b, pair.alpha)
    return weight, list(learn(weight, weight + 0.5 * left @ right, pair, rate=RATE, steps=STEPS))


def render_learning(weight: torch.Tensor, steps: Sequence[Step], number: int) -> str:
    """Show one moment: `W' = W + (alpha / r) B A` in numbers, the loss, and the size of both gradients."""
    step = steps[number]
    pair = step.pair
    shown = [
        ("W' = W + s B A", weight + pair.update),
        ("W, frozen", weight),
        ("B", pair.b),
        ("A", pair.a),
        (f"s B A, s = alpha / r = {pair.scale:g}", pair.update),
    ]
    facts = [
        ("Loss", f"{step.loss:.3f}"),
        ("Gradient of A", f"{float(step.gradient_a.norm()):.3f}"),
        ("Gradient of B", f"{float(step.gradient_b.norm()):.3f}"),
    ]
    told = "".join(f"<span><b>{value}</b> {name}</span>" for name, value in facts)
    matrices = "".join(_render_matrix(name, values) for name, values in shown)
    return f'<section class="card"><p class="facts">{told}</p><p>{_explain(step, number)}</p><div class="matrices">{matrices}</div></section>'


def _explain(step: Step, number: int) -> str:
    """Say what the numbers of a moment show."""
    still_a, still_b = not step.gradient_a.any(), not step.gradient_b.any()
    if still_a and still_b:
        return "Both gradients are exactly zero: B A has no slope where both are zero, so no step will ever change anything."
    if still_a and number == 0:
        return "B is zero, so W' is W: training starts from the base. A's gradient passes through B and is zero; B's is not."
    if number == 0:
        return "B A is not zero, so training does not start from the base but from a random change of it."
    return f"After {number} step{'s' if number > 1 else ''} both matrices move, and W' moves with them; W itself never does."


def _render_matrix(name: str, values: torch.Tensor) -> str:
    rows = "".join(f"<tr>{''.join(map(_render_cell, row))}</tr>" for row in values.tolist())
    size = " x ".join(map(str, values.shape))
    return f"<figure><figcaption>{escape(name)} <span class='quiet'>{size}</span></figcaption><table>{rows}</table></figure>"


def _render_cell(value: float) -> str:
    strength = min(60, int(30 * abs(value)))
    return f'<td style="--strength:{strength}%">{round(value, 2) + 0.0:.2f}</td>'


def plot_loss(steps: Sequence[Step], number: int) -> Any:
    """Plot the loss over the steps, the chosen one marked."""
    import plotly.graph_objects as go

    losses = [step.loss for step in steps]
    figure = go.Figure(go.Scatter(y=losses, mode="lines", name="loss"))
    figure.add_scatter(x=[number], y=[losses[number]], mode="markers", marker={"size": 12}, name="this step")
    figure.update_yaxes(rangemode="tozero")
    return _style(figure, x="step", y="loss")


def plot_levels() -> Any:
    """Plot the 16 levels over the weights they are meant for: normal ones, each block divided by its largest."""
    import plotly.graph_objects as go
    import torch

    blocks = torch.randn(400, BLOCK, generator=torch.Generator().manual_seed(0))
    shares = (blocks / blocks.abs().amax(1, keepdim=True)).flatten()
    heights, edges = torch.histogram(shares, bins=80, range=(-1.0, 1.0), density=True)
    levels = compute_nf4_levels().tolist()
    figure = go.Figure(
        go.Bar(x=((edges[:-1] + edges[1:]) / 2).tolist(), y=heights.tolist(), name="weights", marker_line_width=0)
    )
    xs = [value for level in levels for value in (level, level, None)]
    top = float(heights.max())
    figure.add_scatter(x=xs, y=[0, top, None] * len(levels), mode="lines", name="levels", hoverinfo="skip")
    figure.add_scatter(
        x=levels, y=[top] * len(levels), mode="markers", name="level", text=[f"{n}: {v:.4f}" for n, v in enumerate(levels)],
        hoverinfo="text", showlegend=False,
    )  # fmt: skip
    figure.update_layout(bargap=0)
    return _style(figure, x="weight / largest of its block", y="density")


def _style(figure: Any, *, x: str, y: str) -> Any:
    """Make a figure small and transparent, so that it suits light and dark pages."""
    figure.update_layout(
        height=260, margin={"l": 45, "r": 10, "t": 10, "b": 40}, xaxis_title=x, yaxis_title=y,
        legend={"orientation": "h", "y": 1.15}, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        font_color="#808080",
    )  # fmt: skip
    figure.update_xaxes(gridcolor="rgba(128,128,128,.25)", zerolinecolor="rgba(128,128,128,.5)", fixedrange=True)
    figure.update_yaxes(gridcolor="rgba(128,128,128,.25)", zerolinecolor="rgba(128,128,128,.5)", fixedrange=True)
    return figure


def read_weights(text: str) -> list[float]:
    """Read the numbers of a block.

    Raises:
        LabError: There is none, too many, or something that is no number.
    """
    words = re.split(r"[\s,;]+", text.strip().strip("[]"))
    try:
        values = [float(word) for word in words if word]
    except ValueError as error:
        raise LabError(f"{str(error).split(': ')[-1]} is no number.", "Write numbers with commas between them.") from error
    if not 1 <= len(values) <= BLOCK or not all(abs(value) < 1e30 for value in values):
        raise LabError(f"There are {len(values)} numbers.", f"Give 1 to {BLOCK} finite ones: a block.")
    return values


def render_block(text: str) -> str:
    """Show a block of weights quantized and restored, with the error of each."""
    import torch

    weights = torch.tensor(read_weights(text))
    stored = quantize(weights, double=False)
    restored, levels, scale = dequantize(stored), compute_nf4_levels(), float(stored.values.absmax[0])
    codes = stored.values.codes.flatten()[: len(weights)]
    rows = "".join(
        f"<tr><td>{weight:.4g}</td><td>{weight / scale if scale else 0:.4f}</td><td>{code} <code>{code:04b}</code></td>"
        f"<td>{level:.4f}</td><td>{back:.4g}</td><td>{back - weight:+.4f}</td></tr>"
        for weight, code, level, back in zip(
            weights.tolist(), codes.tolist(), levels[codes.long()].tolist(), restored.tolist(), strict=True
        )
    )
    error = float((restored - weights).square().mean().sqrt())
    head = "".join(f"<th>{name}</th>" for name in ("Weight", "/ absmax", "Stored", "Level", "Restored", "Error"))
    return (
        f'<section class="card"><p class="facts"><span><b>{scale:.4g}</b> absmax, stored once</span>'
        f"<span><b>{error:.4g}</b> root mean square error</span></p>"
        f'<div class="wide short"><table><tr>{head}</tr>{rows}</table></div></section>'
    )


def render_memory(billions: float) -> str:
    """Show what the weights of a model take in each storage."""
    storages = {
        "float32": 32.0,
        "bfloat16": 16.0,
        "int8": 8.0,
        "NF4": count_bits(double=False),
        "NF4, double quantization": count_bits(),
    }
    rows = "".join(
        f"<tr><td>{name}</td><td>{bits:.3f}".rstrip("0").rstrip(".")
        + f"</td><td><b>{billions * bits / BITS_A_BYTE:,.2f} GB</b></td>"
        f'<td class="scale"><div class="bar"><div style="width:{100 * bits / 32:.1f}%"></div></div></td></tr>'
        for name, bits in storages.items()
    )
    head = "".join(f"<th>{name}</th>" for name in ("Storage", "Bits a weight", f"{billions:g} billion", ""))
    return f'<section class="card"><div class="wide"><table><tr>{head}</tr>{rows}</table></div></section>'
