"""Where each value of an answer stands in the passages that it was made from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from core.tasks.task import Task
from core.values import Prediction

if TYPE_CHECKING:
    from retrieval.evidence.abstention import EvidenceVerdict
    from retrieval.evidence.provenance import FieldSupport


def locate_support(task: Task, prediction: Prediction, verdict: EvidenceVerdict | None) -> list[FieldSupport]:
    """Return what supports each value of an answer; empty without passages, or where nothing could be read.

    Empty too where the search found nothing relevant (`verdict`): words that stand in a passage beside the question support
    nothing.
    """
    from retrieval.evidence.provenance import locate_answer

    if not prediction.hits or prediction.stage == "failed" or (verdict is not None and verdict.abstained):
        return []
    return locate_answer(prediction.value, [hit.passage for hit in prediction.hits], task.schema)


def describe_support(task: Task, prediction: Prediction, verdict: EvidenceVerdict | None) -> list[dict[str, Any]]:
    """Return the same as plain JSON values, each with the place and the words that support it."""
    described = []
    for support in locate_support(task, prediction, verdict):
        passage = prediction.hits[support.passage].passage if support.passage >= 0 else None
        quote = passage.text[support.start - passage.start : support.end - passage.start] if passage else ""
        described.append({**asdict(support), "place": passage.place if passage else "", "quote": quote})
    return described
