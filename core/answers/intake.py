"""A person's schema on its way in: whatever form it has, the lab goes on with one (`core/answers/normalising.py`)."""

from __future__ import annotations

from typing import Any

from core.answers.normalising import check_depth, normalise_schema
from core.answers.parsing import load_json
from core.answers.references import find_outside
from core.answers.validation import check_schema
from core.answers.view import SchemaView, view_schema
from core.answers.wrappers import unwrap_schema
from core.errors import LabError

WRAPPED = '{"type": "object", "properties": {"items": …}, "required": ["items"]}'


def read_schema(value: Any, *, origin: str) -> dict[str, Any]:
    """Return the schema of an answer in the one form.

    Args:
        value: JSON: a schema of any draft, of OpenAPI, or inside a function call or a response format.
        origin: Where it comes from, for errors.

    Raises:
        LabError: It is no schema, refers to what is not in it, or describes no object with fields.
    """
    check_depth(value, what=origin)
    schema = normalise_schema(unwrap_schema(value, origin=origin))
    check_schema(schema, origin=origin)
    outside = find_outside(schema)
    if outside is not None:
        raise LabError(
            f"{origin} refers to {outside[:80]!r}, which is not in it.",
            'Put that part under "$defs" in the same file, and refer to it as "#/$defs/NAME".',
        )
    view = view_schema(schema)
    _check_form(view, origin=origin)
    _check_required(view, origin=origin)
    return dict(schema)


def parse_schema(text: str, *, origin: str) -> dict[str, Any]:
    """Return the schema that a text holds; see `read_schema`.

    Raises:
        LabError: The text is no JSON, or what `read_schema` refuses.
    """
    twice: list[str] = []
    try:
        value = load_json(text.removeprefix("\ufeff"), duplicates=twice)
    except ValueError as error:
        raise LabError(f"{origin} is not JSON: {error}.") from error
    if twice:
        raise LabError(f"{origin} has the key {twice[0]!r} twice in one object.", "Only one of them can count: take one out.")
    return read_schema(value, origin=origin)


def _check_form(view: SchemaView, *, origin: str) -> None:
    """Refuse what is no object, and an object of which nothing is said."""
    others = [kind for kind in view.kinds if kind != "object"]
    if not names_fields(view) and (len(others) > 1 or not others):
        raise LabError(
            f"{origin} must describe an object with properties.",
            'Set "type": "object", and name its fields under "properties".',
        )
    if others:
        kind = " or ".join(view.kinds)
        raise LabError(f"{origin} describes {kind}; an answer is one JSON object.", f"Put it into a field: {WRAPPED}.")


def _check_required(view: SchemaView, *, origin: str) -> None:
    """Refuse an object that must have a field which the schema forbids, as when one part of `allOf` is closed."""
    names = [name for name in view.order if name in view.required]
    impossible = [name for name in names if (field := view.find_field(name)) is None or not field.atoms]
    if impossible and not view.alternatives:
        raise LabError(
            f"{origin} requires {impossible[0]!r} and forbids it, so no answer fits.",
            '"additionalProperties": false in a part of "allOf" forbids the fields of the others: use "unevaluatedProperties".',
        )


def names_fields(view: SchemaView) -> bool:
    """Whether a schema says anything of the fields of an object: names, patterns of names, or what all of them hold."""
    return any(option.fields or option.is_map for option in view.readings)
