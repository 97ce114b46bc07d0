"""Whether an answer can be traced: it was made from passages, and where the task asks for its source it names one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.values import Example, Prediction


def measure_sources(items: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float | None]:
    """Return the shares of the answers that can be traced.

    Args:
        items: The questions.
        predictions: Shape (draws * items,): draw by draw, each in the items' order.

    Returns:
        `shown`: of the answers the share that was made with at least one passage. `named`: the share that names the
        document of one of its passages; None where no expected answer names its evidence.
    """
    count = len(predictions)
    shown = sum(bool(prediction.hits) for prediction in predictions) / count
    if not any(_asks_source(item) for item in items):
        return {"shown": shown, "named": None}
    return {"shown": shown, "named": sum(map(_names_source, predictions)) / count}


def _asks_source(item: Example) -> bool:
    documents = {piece.document for piece in item.evidence}
    return bool(documents & _list_texts(item.output))


def _names_source(prediction: Prediction) -> bool:
    return bool({hit.passage.document for hit in prediction.hits} & _list_texts(prediction.value))


def _list_texts(value: Any) -> set[str]:
    """Return the texts that stand at the top of an answer, alone or in a list."""
    if not isinstance(value, dict):
        return set()
    own = list(value.values())
    inner = [item for part in own if isinstance(part, list | tuple) for item in part]
    return {item for item in [*own, *inner] if isinstance(item, str)}
