"""A copy of a schema for decoding, in which what is open ends somewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from core.answers.flattening import MAX_SPOTS, FlatWriter, gather_spots
from core.answers.kinds import is_number
from core.answers.view import SchemaView

MIN_BOUND = 16  # Characters: a text known only as short ones may still be a few words.
MIN_ITEMS = 2  # Of a list that was always empty or held one item.
OWN_LIMITS = {"pattern", "format", "contentEncoding"}  # What has a form of its own ends by itself, or need not.


def bound_outputs(schema: Mapping[str, Any], outputs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a copy of a schema for decoding, written from its view, whose open texts and lists end at twice the longest known value.

    A small model repeats itself in an open text or list until the token limit cuts it: of 100 answers of the base
    model 76 on the handbook, 58 on CVs (`benchmarks/LOG.md`). The answers' token limit comes from the same known
    outputs. A schema of more than `MAX_SPOTS` places comes back as it is.
    """
    spots = gather_spots(schema, outputs)
    if len(spots) > MAX_SPOTS:
        return dict(json.loads(json.dumps(schema)))
    return FlatWriter(schema, spots, _bound).write()


def _bound(body: dict[str, Any], view: SchemaView, values: list[Any]) -> None:
    """Bound a part by the values known for it, changing it; what names its own limits keeps them."""
    if OWN_LIMITS & set(view.keywords):
        return
    texts = [len(value) for value in values if isinstance(value, str)]
    lists = [len(value) for value in values if isinstance(value, list)]
    for lengths, least, most, floor in (
        (texts, "minLength", "maxLength", MIN_BOUND),
        (lists, "minItems", "maxItems", MIN_ITEMS),
    ):
        if lengths and most not in body:
            own = view.keywords.get(least, 0)
            body[most] = max(floor, 2 * max(lengths), int(own) if is_number(own) else 0)
