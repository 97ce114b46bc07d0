"""JSON answers: one serializer, a parser that says how it got there, and a validator that only reads.

The parser never merges its stages: an answer that had to be cut out of prose or repaired is counted apart
from one that was JSON as written. The validator never opens a network connection or a file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from core.errors import LabError
from core.values import Issue, Stage

MAX_TEXT = 200_000
MAX_DEPTH = 100
PATTERN_SECONDS = 0.25
MIN_BOUND, MIN_ITEMS = 16, 2
MAX_NODES = 50_000


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value found in a text and how: `strict` means that the whole text is JSON."""

    value: Any
    stage: Stage
    issues: tuple[Issue, ...] = ()


def serialize(value: Any, schema: Mapping[str, Any]) -> str:
    """Write a value as the one canonical text: schema property order, default separators, no ASCII escapes.

    Training targets, shots and expected answers all pass through here, so that a model never learns one
    spelling and is asked for another.
    """
    return json.dumps(order_properties(value, schema), ensure_ascii=False)


def order_properties(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return `value` with every object's keys in the schema's property order, unknown keys last."""
    if isinstance(value, list):
        items = schema.get("items")
        return [order_properties(item, items if isinstance(items, dict) else {}) for item in value]
    if not isinstance(value, dict):
        return value
    properties = {key: field if isinstance(field, dict) else {} for key, field in schema.get("properties", {}).items()}
    keys = [key for key in properties if key in value] + [key for key in value if key not in properties]
    return {key: order_properties(value[key], properties.get(key, {})) for key in keys}


def bound_outputs(schema: Mapping[str, Any], outputs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a copy of a schema for decoding, whose unbounded texts and lists end at twice the longest known value.

    A small model repeats itself in an open text or list until the token limit cuts it: of 100 answers of the base
    model 76 on the handbook, 58 on CVs (`benchmarks/LOG.md`). The answers' token limit comes from the same known
    outputs.
    """
    copy: dict[str, Any] = json.loads(json.dumps(schema))
    _bound(copy, list(outputs))
    return copy


def _bound(node: Any, values: list[Any]) -> None:
    """Bound a schema by the values known for it, changing it; what names its own limits keeps them."""
    if not isinstance(node, dict) or {"enum", "const", "pattern", "format"} & set(node):
        return
    texts = [len(value) for value in values if isinstance(value, str)]
    if texts:
        node.setdefault("maxLength", max(MIN_BOUND, 2 * max(texts)))
    lists = [value for value in values if isinstance(value, list)]
    if lists:
        node.setdefault("maxItems", max(MIN_ITEMS, 2 * max(map(len, lists))))
        _bound(node.get("items"), [item for value in lists for item in value])
    objects = [value for value in values if isinstance(value, dict)]
    for name, field in node.get("properties", {}).items():
        _bound(field, [value[name] for value in objects if name in value])


def parse(text: str) -> Parsed:
    """Find a JSON value in a text; never raises on any text.

    The ladder: the whole text (`strict`), the first balanced object or array in it (`extracted`), a repair
    by json-repair (`repaired`), nothing (`failed`).
    """
    if len(text) > MAX_TEXT:
        return Parsed(None, "failed", (Issue("", "size", f"The text is longer than {MAX_TEXT:,} characters."),))
    duplicates: list[str] = []
    stripped = text.strip()
    for stage, candidate in _candidates(stripped):
        duplicates.clear()
        try:
            value = _loads(candidate, duplicates)
        except (ValueError, RecursionError) as error:
            reason = str(error)
            continue
        return Parsed(value, stage, tuple(_duplicate_issue(key) for key in duplicates))
    repaired = _repair(stripped)
    if repaired is not None:
        return Parsed(repaired, "repaired")
    return Parsed(None, "failed", (Issue("", "json", f"The answer is not JSON: {reason}"),))


def _candidates(text: str) -> Iterator[tuple[Stage, str]]:
    yield "strict", text
    span = _first_balanced(text)
    if span is not None:
        yield "extracted", span


def _duplicate_issue(key: str) -> Issue:
    return Issue("", "duplicateKey", f"The key {key!r} is written twice.")


def _loads(text: str, duplicates: list[str]) -> Any:
    """Parse standard JSON only: NaN, Infinity and numbers out of range are refused, repeated keys noted."""
    if _depth(text) > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in items:
            if key in seen:
                duplicates.append(key)
            seen[key] = value
        return seen

    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=pairs)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is out of range")
    return number


def _depth(text: str) -> int:
    """Return an upper bound of the nesting depth; brackets inside strings count too."""
    depth = deepest = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _first_balanced(text: str) -> str | None:
    """Return the first balanced {...} or [...] of a text, strings respected."""
    starts = [position for position in (text.find("{"), text.find("[")) if position >= 0]
    if not starts:
        return None
    start, depth, in_string, escaped = min(starts), 0, False, False
    for position in range(start, len(text)):
        character = text[position]
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string, escaped = True, False
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
            if depth == 0:
                return text[start : position + 1]
    return None


def _repair(text: str) -> Any:
    """Return an object or array mended by json-repair, or None where there was nothing to mend."""
    from json_repair import repair_json

    starts = [position for position in (text.find("{"), text.find("[")) if position >= 0]
    if not starts or _depth(text) > MAX_DEPTH:
        return None
    try:
        value = json.loads(repair_json(text[min(starts) :]), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) and value else None


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
    """Refuse a schema that is none, or that an answer object cannot satisfy.

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
    if schema.get("type") != "object" or not schema.get("properties"):
        raise LabError(f"{origin} must describe an object with properties.", 'Set "type": "object" and "properties".')


@lru_cache(maxsize=64)
def _validator(schema_text: str) -> Any:
    """Build a validator with formats, no remote references and a time limit on every pattern."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend
    from referencing import Registry

    schema = json.loads(schema_text)
    Draft202012Validator.check_schema(schema)
    guards = {
        "pattern": _check_pattern,
        "patternProperties": _check_pattern_properties,
        "additionalProperties": _check_additional_properties,
    }
    guarded = extend(Draft202012Validator, guards)
    return guarded(schema, registry=Registry(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def _search(pattern: str, text: str) -> bool:
    """Match a pattern with a time limit: a hostile expression must not hang the page.

    Raises:
        ValidationError: It takes too long or is no regular expression.
    """
    import regex
    from jsonschema.exceptions import ValidationError

    try:
        return regex.search(pattern, text, timeout=PATTERN_SECONDS) is not None
    except TimeoutError as error:
        raise ValidationError(f"the pattern {pattern!r} took longer than {PATTERN_SECONDS} s") from error
    except regex.error as error:
        raise ValidationError(f"the pattern {pattern!r} is no regular expression: {error}") from error


def _check_pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if not isinstance(instance, str):
        return
    try:
        if not _search(pattern, instance):
            yield ValidationError(f"{instance!r} does not match {pattern!r}")
    except ValidationError as error:
        yield error


def _check_pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if not isinstance(instance, dict):
        return
    for pattern, subschema in patterns.items():
        for key, value in instance.items():
            try:
                if _search(pattern, key):
                    yield from validator.descend(value, subschema, path=key, schema_path=pattern)
            except ValidationError as error:
                yield error


def _check_additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if not isinstance(instance, dict):
        return
    patterns = schema.get("patternProperties", {})
    try:
        extras = [
            key for key in instance if key not in schema.get("properties", {}) and not any(_search(p, key) for p in patterns)
        ]
    except ValidationError as error:
        yield error
        return
    if isinstance(allowed, dict):
        for key in extras:
            yield from validator.descend(instance[key], allowed, path=key)
    elif not allowed and extras:
        yield ValidationError(f"unexpected properties: {', '.join(map(repr, extras))}")


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
