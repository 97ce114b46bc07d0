"""One's own text cut into passages with their overlap, and a map on which a question moves among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import gradio as gr
from markupsafe import Markup

from core.errors import LabError
from lab.lab import Lab
from lab.learn.chunks import LARGEST_OVERLAP, LONGEST_TEXT, SHORTEST, Chunk, ChunkMap, cut_text, map_chunks
from ui.page.errors import explain
from ui.page.lanes import SEARCHES
from ui.page.learn.articles import read_article
from ui.page.learn.live import LIVE
from ui.page.markup import render
from ui.page.polling import EVERY
from ui.page.rendering import render_note

EXAMPLE = "chunking"  # The article that the box begins with.
WINDOW = 254  # Tokens that the bundled embedder sees of a passage.
TOKENS, OVERLAP = 96, 15  # To begin with; the overlap in percent.
QUESTION = "How long should a passage be?"
WIDTH, HEIGHT, MARGIN = 420, 280, 24  # Units of the map.
TRAIL = 4  # Earlier places of the question that stay on the map.
HINT = "Press the button: the embedder is loaded once, which takes some seconds."
Places = list[tuple[float, float]]


class MapPoint(NamedTuple):
    """A passage on the map: its number, place in units, cosine with the question, and whether it is the nearest."""

    number: int
    x: float
    y: float
    cosine: str
    nearest: bool


def build_chunks_panel(lab: Lab) -> None:
    """Build the text, its passages and the map."""
    text = gr.Textbox(read_article(EXAMPLE), label="Your text", lines=6, max_lines=12, max_length=LONGEST_TEXT)
    with gr.Row():
        tokens = gr.Slider(SHORTEST, WINDOW, value=TOKENS, step=2, label="Tokens of a passage, at most")
        overlap = gr.Slider(0, 100 * LARGEST_OVERLAP, value=OVERLAP, step=5, label="Overlap (percent)")
    with gr.Row():
        question = gr.Textbox(QUESTION, label="A question (change it and press Enter: its point moves)", scale=4, min_width=260)
        button = gr.Button("Cut and map", variant="primary", scale=1, min_width=140)
    passages = gr.HTML(render_note(HINT), label="Passages", padding=False)
    drawn = gr.HTML("", label="Map", padding=False)
    trail: gr.State = gr.State([])

    @explain
    def cut(body: str, size: float, shared: float) -> Markup:
        if lab.embedder is None:  # Not loaded by moving a slider: that must answer at once.
            return render_note(HINT)
        return render_chunks(cut_text(lab.embedder.tokenizer, body, tokens=int(size), overlap=shared / 100))

    @explain
    def draw(body: str, size: float, shared: float, asked: str, been: Places) -> tuple[Markup, Markup, Places]:
        chunks = cut_text(lab.load_embedder().tokenizer, body, tokens=int(size), overlap=shared / 100)
        laid = map_chunks(lab, [chunk.text for chunk in chunks], asked)
        now = [laid.question] if laid.question else []
        return render_chunks(chunks), render_map(chunks, laid, asked, been), [*been, *now][-TRAIL:]

    given = [text, tokens, overlap]
    gr.on([tokens.change, overlap.change], cut, given, passages, **LIVE)
    # Another cut is another map, on which old places mean nothing.
    gr.on([text.change, tokens.change, overlap.change], lambda: ([], ""), None, [trail, drawn], **EVERY)
    gr.on(
        [button.click, question.submit], draw, [*given, question, trail], [passages, drawn, trail],
        api_visibility="private", **SEARCHES,
    )  # fmt: skip


def render_chunks(chunks: Sequence[Chunk]) -> Markup:
    """Show passages in order, what each repeats of the one before marked."""
    parts = [
        (chunk, chunk.text[: chunk.shared_until - chunk.start], chunk.text[chunk.shared_until - chunk.start :])
        for chunk in chunks
    ]
    total = sum(chunk.tokens for chunk in chunks)
    repeated = sum(chunk.shared_tokens for chunk in chunks)
    return render("learn/chunks", parts=parts, total=f"{total:,}", repeated=f"{repeated / total:.0%}" if total else "0 %")


def render_map(chunks: Sequence[Chunk], laid: ChunkMap, question: str, been: Sequence[tuple[float, float]] = ()) -> Markup:
    """Draw passages in two dimensions, the question among them with the places where it was before.

    Raises:
        LabError: There is no passage.
    """
    if not laid.points:
        raise LabError("There is no passage.", "Give a text.")
    spots = [*laid.points, *([laid.question] if laid.question else []), *been]
    (left, right), (low, high) = ((min(side), max(side)) for side in zip(*spots, strict=True))

    def put(point: tuple[float, float]) -> tuple[float, float]:
        x = MARGIN + (WIDTH - 2 * MARGIN) * (point[0] - left) / ((right - left) or 1.0)
        y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (point[1] - low) / ((high - low) or 1.0)
        return round(x, 1), round(y, 1)

    best = max(laid.cosines, default=0.0)
    points = [
        MapPoint(number, *put(point), f"{laid.cosines[number - 1]:.3f}" if laid.cosines else "", bool(laid.cosines) and laid.cosines[number - 1] == best)
        for number, point in enumerate(laid.points, start=1)
    ]  # fmt: skip
    ordered = sorted(points, key=lambda point: point.cosine, reverse=True) if laid.cosines else points
    now = put(laid.question) if laid.question else None
    return render(
        "learn/map",
        box=(WIDTH, HEIGHT),
        points=points,
        now=now,
        trail=[put(place) for place in been],
        question=question,
        kept=f"{laid.kept:.0%}",
        rows=[(point, chunks[point.number - 1].text[:90]) for point in ordered[:8]],
    )
