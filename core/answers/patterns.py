"""Regular expressions of a schema, matched under a time limit: a hostile one must not hang the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

PATTERN_SECONDS = 0.25  # For one match; of the real schemas tried none took a hundredth of it.


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


def matches_key(pattern: str, key: str) -> bool:
    """Whether a key of an object matches a pattern; one that takes too long or is none matches nothing."""
    from jsonschema.exceptions import ValidationError

    try:
        return _search(pattern, key)
    except ValidationError:
        return False


def check_pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[Any]:
    """Check the keyword `pattern`; yields what is wrong."""
    from jsonschema.exceptions import ValidationError

    if not isinstance(instance, str):
        return
    try:
        if not _search(pattern, instance):
            yield ValidationError(f"{instance!r} does not match {pattern!r}")
    except ValidationError as error:
        yield error


def check_pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    """Check the keyword `patternProperties`; yields what is wrong."""
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


def check_additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """Check the keyword `additionalProperties`; yields what is wrong."""
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
