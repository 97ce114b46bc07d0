"""Which passage supports each value of an answer, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from core.tasks.task import Task
from core.values import Passage, Prediction
from lab.provenance import locate_support
from retrieval.evidence.abstention import EvidenceVerdict
from retrieval.evidence.provenance import FieldSupport
from ui.page.markup import render
from ui.page.passages import drop_headings, shorten_place, widen

QUOTED = 60  # Characters shown on either side of the supporting words.
SHOWN_VALUE = 80  # Characters of a value; more would push its quote out of sight.


def render_support(task: Task, prediction: Prediction, verdict: EvidenceVerdict | None) -> Markup:
    """Say of each value of an answer which passage supports it, with the quote, or that none does.

    Nothing is said where the search found nothing relevant (`verdict`), which stands above the passages.
    """
    supports = locate_support(task, prediction, verdict)
    if not supports:
        return Markup("")
    passages = [hit.passage for hit in prediction.hits]
    return render(
        "passages/support",
        fields=[_describe_field(item, prediction.value, passages) for item in supports if item.status != "not checked"],
        unchecked=[name_field(item.pointer) for item in supports if item.status == "not checked"],
    )


def _describe_field(support: FieldSupport, answer: Any, passages: Sequence[Passage]) -> dict[str, Any]:
    field = {"name": name_field(support.pointer), "value": _shorten(_resolve(answer, support.pointer))}
    if support.status == "unsupported":
        return {**field, "quote": None}
    passage = passages[support.passage]
    return {
        **field,
        "where": ", ".join(filter(None, [passage.title or passage.document, shorten_place(passage)])),
        "near": f" (nearly: {support.score:.0%})" if support.how == "fuzzy" else "",
        "quote": _quote(passage, support),
    }


def _quote(passage: Passage, support: FieldSupport) -> dict[str, str]:
    """Return the supporting words with those around them; the beginning where a whole passage is cited."""
    text, start, end = passage.text, support.start - passage.start, support.end - passage.start
    if (start, end) == (0, len(text)):
        return {"before": _shorten(" ".join(drop_headings(text).split()), 2 * QUOTED), "marked": "", "after": ""}
    first, last = widen(text, max(0, start - QUOTED), -1), widen(text, min(len(text), end + QUOTED), 1)
    before, after = text[first:start].lstrip(), text[end:last].rstrip()
    return {
        "before": f"{'… ' if first else ''}{before}",
        "marked": text[start:end],
        "after": f"{after}{' …' if last < len(text) else ''}",
    }


def name_field(pointer: str) -> str:
    """Return the words for the place that a JSON pointer names."""
    return " › ".join(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]) or "the answer"


def _resolve(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        value = value[int(part)] if isinstance(value, list) else value[part.replace("~1", "/").replace("~0", "~")]
    return value


def _shorten(value: Any, limit: int = SHOWN_VALUE) -> str:
    text = str(value)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
