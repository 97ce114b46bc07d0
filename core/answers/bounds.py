"""A copy of a schema for decoding, in which what is open ends somewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from core.answers.flattening import MAX_SPOTS, FlatWriter, gather_spots
from core.answers.kinds import is_number
from core.answers.view import SchemaView

MIN_BOUND = 16  # Characters: a text known only as short ones may still be a few words.
UNSEEN_BOUND = 64  # Characters of a text that no known value shows; more where another text of the same answers is longer.
MIN_ITEMS = 2  # Of a list that was always empty or held one item.
OWN_LIMITS = {"pattern", "format", "contentEncoding"}  # What has a form of its own ends by itself, or need not.

# With these, names may be asked for that stand nowhere else.
OPENING = {"patternProperties", "minProperties", "maxProperties", "anyOf", "oneOf", "allOf", "$ref", "if"}
OPENING |= {"dependentSchemas", "dependentRequired", "unevaluatedProperties"}


def bound_outputs(schema: Mapping[str, Any], outputs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a copy of a schema for decoding, written from its view, whose open texts and lists end at twice the longest known value.

    A small model repeats itself in an open text or list until the token limit cuts it: of 100 answers of the base
    model 76 on the handbook, 58 on CVs (`benchmarks/LOG.md`). The answers' token limit comes from the same known
    outputs. A schema of more than `MAX_SPOTS` places comes back as it is.
    """
    known = list(outputs)
    spots = gather_spots(schema, known)
    if len(spots) > MAX_SPOTS:
        return dict(json.loads(json.dumps(schema)))
    lengths = [len(value) for spot in spots.values() for value in spot.values if isinstance(value, str)]
    unseen = max([UNSEEN_BOUND, *(2 * length for length in lengths)])
    return FlatWriter(schema, spots, partial(_bound, unseen=unseen if known else 0)).write()


def _bound(body: dict[str, Any], view: SchemaView, values: list[Any], *, unseen: int) -> None:
    """Bound a part by the values known for it, changing it; what names its own limits keeps them.

    A text that no known value shows gets `unseen` characters; 0 leaves it open.
    """
    _bound_names(body, [value for value in values if isinstance(value, dict)])
    if OWN_LIMITS & set(view.keywords):
        return
    texts = [len(value) for value in values if isinstance(value, str)]
    if not texts and unseen and "string" in view.atoms:
        own = view.keywords.get("minLength", 0)
        body.setdefault("maxLength", max(unseen, int(own) if is_number(own) else 0))
    lists = [len(value) for value in values if isinstance(value, list)]
    for lengths, least, most, floor in (
        (texts, "minLength", "maxLength", MIN_BOUND),
        (lists, "minItems", "maxItems", MIN_ITEMS),
    ):
        if lengths and most not in body:
            own = view.keywords.get(least, 0)
            body[most] = max(floor, 2 * max(lengths), int(own) if is_number(own) else 0)


def _bound_names(body: dict[str, Any], known: list[dict[str, Any]]) -> None:
    """Keep a model from inventing keys for ever: where no known value has a key without a name in the schema, none may.

    A map of like values holds at most twice as many as any that is known, which the engine can count where every name is
    required.
    """
    named, required = body.get("properties", {}), set(body.get("required", ()))
    if not known or body.get("additionalProperties") is False or OPENING & set(body):
        return
    if named and "additionalProperties" not in body and all(set(value) <= set(named) for value in known):
        body["additionalProperties"] = False
    elif set(named) <= required:
        body["maxProperties"] = max(MIN_ITEMS, len(required), 2 * max(map(len, known)))
