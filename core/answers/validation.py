"""Whether a JSON value is valid under a schema, and why not, in plain words; it only reads.

No connection and no file is ever opened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from core.answers.patterns import check_additional_properties, check_pattern, check_pattern_properties
from core.errors import LabError
from core.values import Issue

MAX_NODES = 50_000  # Parts of a value; checking more takes seconds.


def validate(value: Any, schema: Mapping[str, Any]) -> list[Issue]:
    """Return why a JSON value is not valid under a schema (Draft 2020-12, formats checked); empty when valid.

    Never raises on any JSON value, and never opens a connection or a file. A schema that is none, or that refers
    to something outside itself, is an issue too.
    """
    from jsonschema.exceptions import SchemaError, _WrappedReferencingError

    if _count_nodes(value) > MAX_NODES:
        return [Issue("", "size", f"The value has more than {MAX_NODES:,} parts.")]
    try:
        validator = _validator(json.dumps(schema, ensure_ascii=False))
        errors = sorted(validator.iter_errors(value), key=lambda error: [str(part) for part in error.absolute_path])
    except RecursionError:
        return [Issue("", "depth", "The value is nested too deeply to be checked.")]
    except SchemaError as error:
        return [Issue("", "$schema", f"The schema is not a JSON Schema: {error.message}.")]
    except _WrappedReferencingError as error:
        return [Issue("", "$ref", f"The schema refers to something outside itself: {error}.")]
    return [
        Issue("".join(f"/{part}" for part in error.absolute_path), str(error.validator), _explain(error)) for error in errors
    ]


def _count_nodes(value: Any) -> int:
    """Count the parts of a value, up to a little over the limit."""
    count, waiting = 0, [value]
    while waiting and count <= MAX_NODES:
        part = waiting.pop()
        count += 1
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return count


def check_schema(schema: Any, *, origin: str) -> None:
    """Refuse what is no JSON Schema; whether it describes an answer is asked in `core/answers/intake.py`.

    Raises:
        LabError: Names the origin and what is wrong.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, dict):
        raise LabError(f"{origin} is not a JSON Schema: it is a {type(schema).__name__}, not an object.")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path) or "the top"
        raise LabError(f"{origin} is not a JSON Schema: at {place}: {error.message}.") from error


@lru_cache(maxsize=64)
def _validator(schema_text: str) -> Any:
    """Build a validator with formats, no remote references and a time limit on every pattern."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend
    from referencing import Registry

    schema = json.loads(schema_text)
    Draft202012Validator.check_schema(schema)
    guards = {
        "pattern": check_pattern,
        "patternProperties": check_pattern_properties,
        "additionalProperties": check_additional_properties,
    }
    guarded = extend(Draft202012Validator, guards)
    return guarded(schema, registry=Registry(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def _explain(error: Any) -> str:
    """Put a jsonschema error into plain words."""
    place = "/".join(str(part) for part in error.absolute_path) or "the answer"
    shown = json.dumps(error.instance, ensure_ascii=False, default=str)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    allowed = error.validator_value
    listed = ", ".join(map(str, allowed)) if isinstance(allowed, list) else str(allowed)
    if error.validator == "enum":
        return f"{place} is {shown}, which is not one of: {listed}."
    if error.validator == "type":
        return f"{place} is {shown}, but should be of type {listed}."
    return f"{place}: {error.message}."
