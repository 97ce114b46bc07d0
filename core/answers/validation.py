"""Whether a JSON value is valid under a schema, and why not, in plain words; it only reads.

No connection and no file is ever opened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from core.answers.checks import BudgetError, Checks, make_formats, show_value
from core.answers.forms import find_slip
from core.answers.normalising import normalise_schema
from core.answers.schema_library import import_jsonschema
from core.errors import LabError
from core.values import Issue

MAX_NODES = 50_000  # Parts of a value; checking more takes seconds.
MAX_ISSUES = 500  # Of one value; of more nobody reads.
MAX_CHARACTERS = 2_000_000  # Of a schema as JSON.


@dataclass(frozen=True, slots=True)
class _Checker:
    """A schema ready to be checked against."""

    validator: Any
    checks: Checks

    def list_errors(self, value: Any) -> list[Any]:
        self.checks.begin()
        errors = islice(self.validator.iter_errors(value), MAX_ISSUES)
        return sorted(errors, key=lambda error: [str(part) for part in error.absolute_path])


def validate(value: Any, schema: Mapping[str, Any]) -> list[Issue]:
    """Return why a JSON value is not valid under a schema; empty when valid.

    The schema may be of any draft (`core/answers/normalising.py`); formats are checked. Never raises on any JSON value,
    and never opens a connection or a file. A schema that is none, one that refers to something outside itself, and a
    value or schema that takes more than about two seconds to check are issues too.
    """
    import_jsonschema()
    from jsonschema.exceptions import _WrappedReferencingError

    if _count_nodes(value) > MAX_NODES:
        return [Issue("", "size", f"The value has more than {MAX_NODES:,} parts.")]
    try:
        errors = _make_checker(json.dumps(schema, ensure_ascii=False, allow_nan=False)).list_errors(value)
        return [
            Issue("".join(f"/{part}" for part in error.absolute_path), str(error.validator), _explain(error))
            for error in errors
        ]
    except RecursionError:
        return [Issue("", "depth", "The value or the schema is nested too deeply to be checked.")]
    except BudgetError:
        return [Issue("", "budget", "The value takes too many steps to be checked under this schema.")]
    except (LabError, ValueError) as error:
        return [Issue("", "$schema", f"The schema is not a JSON Schema: {error}")]
    except _WrappedReferencingError as error:
        return [Issue("", "$ref", f"The schema refers to something outside itself: {error}.")]


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
    """Refuse what is no JSON Schema (draft 2020-12).

    Raises:
        LabError: Names the origin, and what is wrong where.
    """
    if not isinstance(schema, dict):
        raise LabError(f"{origin} is not a JSON Schema: it is a {type(schema).__name__}, not an object.")
    slip = find_slip(schema)
    if slip is not None:
        place = "/".join(map(str, slip.path)) or "the top"
        raise LabError(f"{origin} is not a JSON Schema: at {place}: {slip.message}.")


@lru_cache(maxsize=64)
def _make_checker(schema_text: str) -> _Checker:
    """Build a validator with formats, without remote references, on a budget.

    Raises:
        LabError: The text is no schema.
    """
    import_jsonschema()
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend
    from jsonschema_specifications import REGISTRY

    if len(schema_text) > MAX_CHARACTERS:
        raise LabError(f"it has more than {MAX_CHARACTERS:,} characters.")
    schema = normalise_schema(json.loads(schema_text))
    slip = find_slip(schema)
    if slip is not None:
        raise LabError(f"at {'/'.join(map(str, slip.path)) or 'the top'}: {slip.message}.")
    # What was not evaluated is found by going through the schema again, in the library and uncounted.
    checks = Checks(remember='"$dynamicRef"' not in schema_text, cost=8 if '"unevaluated' in schema_text else 1)
    guarded = extend(Draft202012Validator, checks.guard(Draft202012Validator.VALIDATORS))
    formats = make_formats(Draft202012Validator.FORMAT_CHECKER)
    return _Checker(guarded(schema, registry=REGISTRY, format_checker=formats), checks)


def _explain(error: Any) -> str:
    """Put a jsonschema error into plain words."""
    place = "/".join(str(part) for part in error.absolute_path) or "the answer"
    shown = show_value(error.instance)
    allowed = error.validator_value
    listed = ", ".join(map(str, allowed)) if isinstance(allowed, list) else str(allowed)
    if error.validator == "enum":
        return f"{place} is {shown}, which is not one of: {listed}."
    if error.validator == "type":
        return f"{place} is {shown}, but should be of type {listed}."
    return f"{place}: {error.message}."
