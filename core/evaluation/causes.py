"""Why an answer lost marks: one cause an answer, the first place on its way from the search to the fields where it went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.values import Example, Hit, Prediction

Cause = Literal[
    "right", "cut off", "not JSON", "invalid", "false answer", "false refusal", "passage not found", "passage ignored", "wrong"
]
CAUSES: Mapping[Cause, str] = {
    "right": "full marks",
    "cut off": "the answer ran into the token limit and cannot be read",
    "not JSON": "no object in it",
    "invalid": "an object that the schema refuses",
    "passage not found": "the search did not bring the evidence",
    "passage ignored": "the evidence stood in the prompt, and the answer is not right",
    "false refusal": "null where there is an answer, without passages or with the evidence in the prompt",
    "false answer": "an answer where there is none",
    "wrong": "readable, valid, and not right",
}
RIGHT = 1.0 - 1e-9


@dataclass(frozen=True, slots=True)
class Loss:
    """What one cause costs an approach.

    Args:
        count: Answers with it; those of all causes add up to the answers.
        lost: Their missing marks, over all answers: those of all causes add up to 1 - the mean mark.
    """

    count: int
    lost: float


def find_cause(item: Example, prediction: Prediction, mark: float, *, metric: str) -> Cause:
    """Return the first thing that went wrong with an answer.

    Args:
        item: The question, with its evidence.
        prediction: The answer.
        mark: Of the primary metric.
        metric: Its name; where it is a field that may be null, null is a refusal.
    """
    if mark >= RIGHT:
        return "right"
    if prediction.value is None or prediction.stage == "failed":
        return "cut off" if prediction.generation.finish == "length" else "not JSON"
    if prediction.issues:
        return "invalid"
    return _find_wrong(item, prediction, metric)


def _find_wrong(item: Example, prediction: Prediction, metric: str) -> Cause:
    """Return why a readable and valid answer is not right."""
    expected = item.output or {}
    given = prediction.value.get(metric) if isinstance(prediction.value, dict) else None
    if metric in expected and expected[metric] is None and given is not None:
        return "false answer"
    if prediction.hits and item.evidence and not has_evidence(item, prediction.hits):
        return "passage not found"
    if expected.get(metric) is not None and given is None:
        return "false refusal"
    return "passage ignored" if prediction.hits and item.evidence else "wrong"


def has_evidence(item: Example, hits: Sequence[Hit]) -> bool:
    """Say whether the passages hold what the question's evidence says: of each piece at least half of its words' span.

    Passages may be cut inside a quote, so a piece counts where a passage of its document holds half of it.
    """
    return all(
        any(hit.passage.document == piece.document and _holds(hit.passage.text, piece.quote) for hit in hits)
        for piece in item.evidence
    )


def _holds(text: str, quote: str) -> bool:
    words, held = quote.split(), " ".join(text.split())
    half = max(1, (len(words) + 1) // 2)
    return any(" ".join(words[start : start + half]) in held for start in range(len(words) - half + 1))


def count_causes(
    items: Sequence[Example], predictions: Sequence[Prediction], marks: Sequence[float], *, metric: str
) -> dict[str, Loss]:
    """Count the causes of an approach, those that occur, in the order of `CAUSES`.

    Args:
        items: The questions.
        predictions: Shape (draws * items,): adapter by adapter, each in the items' order.
        marks: As predictions.
        metric: The primary metric.
    """
    found = [
        find_cause(items[place % len(items)], prediction, mark, metric=metric)
        for place, (prediction, mark) in enumerate(zip(predictions, marks, strict=True))
    ]
    return {
        cause: Loss(
            found.count(cause), sum(1 - mark for mark, own in zip(marks, found, strict=True) if own == cause) / len(found)
        )
        for cause in CAUSES
        if cause in found
    }


def measure_refusals(items: Sequence[Example], predictions: Sequence[Prediction], *, metric: str) -> dict[str, Any] | None:
    """Return how well null is said where null is right; None where no item expects it.

    Returns:
        `precision`: of the answers that are null the share that should be, None without any; `recall`: of those that should
        be null the share that is; `expected` and `given`, the counts. Unreadable answers are no refusal.
    """
    pairs = [
        (_is_null((items[place % len(items)].output or {}), metric), _is_null(prediction.value, metric))
        for place, prediction in enumerate(predictions)
    ]
    expected, given = sum(right for right, _ in pairs), sum(said for _, said in pairs)
    both = sum(right and said for right, said in pairs)
    if not expected:
        return None
    return {"expected": expected, "given": given, "precision": both / given if given else None, "recall": both / expected}


def _is_null(value: Any, metric: str) -> bool:
    return isinstance(value, dict) and metric in value and value[metric] is None
