"""Summaries of comparisons that nobody made: answers with chosen marks and seconds, judged by the real code."""

from pathlib import Path

from core.evaluation.summary import Answered, summarize
from core.tasks.task import Task
from core.values import Example, Generation, Hit, Passage, Prediction

SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}
ONE_OFF = {
    "base": {"labels": 3, "indexing_seconds": 0.0, "training_seconds": 0.0, "upkeep": "cannot follow"},
    "rag": {"labels": 3, "indexing_seconds": 20.0, "training_seconds": 0.0, "upkeep": "re-index"},
    "qlora": {"labels": 300, "indexing_seconds": 0.0, "training_seconds": 600.0, "upkeep": "re-train"},
    "hybrid": {"labels": 300, "indexing_seconds": 20.0, "training_seconds": 600.0, "upkeep": "re-index"},
}
RIGHT, WRONG, BROKEN = '{"answer": "yes"}', '{"answer": "no"}', "no JSON"
HIT = Hit(Passage("doc", "Doc", 0, 3, "yes"), 1.0)


def make_task(items):
    return Task(
        name="made", folder=Path("/nowhere"), title="Made", description="", instruction="", input_label="", licence="",
        primary_metric="answer", schema=SCHEMA, shots=(), train=(), test=tuple(items),
    )  # fmt: skip


def predict(arm, item, text, seconds):
    value = {"answer": "yes"} if text == RIGHT else {"answer": "no"} if text == WRONG else None
    return Prediction(
        arm, item.id, (HIT,) if arm in {"rag", "hybrid"} else (), Generation(text, 100, 10, seconds, seconds, "stop"), value,
        (), "failed" if value is None else "strict",
    )  # fmt: skip


def make_summary(answers, seconds, *, groups=None, extra=True):
    """Judge answers.

    Args:
        answers: By arm, a text for each item.
        seconds: By arm, the seconds of each item.
        groups: Which items belong together.
        extra: Whether labels, training and indexing are known.
    """
    count = len(next(iter(answers.values())))
    items = [Example(f"i{n}", f"q{n}", {"answer": "yes"}, group=groups[n] if groups else None) for n in range(count)]
    predictions = {
        arm: [predict(arm, item, text, second) for item, text, second in zip(items, texts, seconds[arm], strict=True)]
        for arm, texts in answers.items()
    }
    summary = summarize(make_task(items), items, Answered(predictions)).as_json()
    if extra:
        for arm in answers:
            summary["arms"][arm]["cost"] |= {"search_seconds": 0.0, "from_store": 0, **ONE_OFF[arm]}
    return summary
