"""How the keywords of a schema are checked where the library's own way takes too long, or reads them otherwise.

Every check counts against one budget, so that no schema and no value can take minutes or gigabytes: a schema of 2 KB
with choices within choices has as many ways through it as there are atoms. What was found valid once is not checked
again, which makes all but contrived schemas take no more steps than they have parts.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from typing import Any

from core.answers.kinds import is_number, write_equal
from core.answers.patterns import PatternError, compile_pattern

MAX_STEPS = 60_000  # Keywords checked in one value; about a second.
MAX_FAILURES = 8  # Patterns that took too long in one value; about two seconds.
MAX_FORMAT = 2_000  # Characters of a text with a format; no address and no date has as many.
ASCII = "".join(map(chr, range(128)))

Check = Callable[[Any, Any, Any, Any], Any]  # Validator, what the keyword says, value, schema → errors.


class BudgetError(Exception):
    """Checking a value takes too many steps."""


class _Budget:
    """What checking one value has cost, and what it has found."""

    def __init__(self) -> None:
        self.steps = 0
        self.failures = 0
        self.valid: dict[tuple[int, int], bool] = {}

    def spend(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS or self.failures > MAX_FAILURES:
            raise BudgetError


class Checks:
    """The checks of one schema; threads share it, each value has a budget of its own."""

    def __init__(self, *, remember: bool, cost: int = 1) -> None:
        """Prepare the checks.

        Args:
            remember: Whether a part of the schema always means the same.
            cost: Steps that checking a keyword counts for.
        """
        self._remember = remember
        self._cost = cost
        self._local = threading.local()
        self._choices: dict[int, frozenset[str]] = {}

    def begin(self) -> None:
        """Start to check a value with a new budget."""
        self._local.budget = _Budget()

    def guard(self, known: Mapping[str, Check]) -> dict[str, Check]:
        """Return the checks of all keywords, counted: ours where we have one, else those given."""
        own: dict[str, Check] = {
            "pattern": self._check_pattern,
            "patternProperties": self._check_pattern_properties,
            "additionalProperties": self._check_additional_properties,
            "anyOf": self._check_any,
            "oneOf": self._check_one,
            "enum": self._check_enum,
            "uniqueItems": self._check_unique,
            "multipleOf": self._check_multiple,
            "$ref": self._check_reference(known["$ref"]),
        }
        return {word: partial(self._count, own.get(word, check)) for word, check in known.items()}

    def _count(self, check: Check, validator: Any, rule: Any, value: Any, schema: Any) -> Any:
        listed = len(rule) // 16 if isinstance(rule, list | dict) and check != self._check_enum else 0
        self._local.budget.spend(self._cost + listed)
        return check(validator, rule, value, schema)

    def _search(self, pattern: str, text: str) -> bool:
        budget: _Budget = self._local.budget
        budget.spend(1 + len(text) // 2000)
        try:
            return compile_pattern(pattern).search(text)
        except PatternError:
            budget.failures += 1
            raise

    def _holds(self, validator: Any, schema: Any, value: Any) -> bool:
        """Whether a value is valid under a part of the schema; asked once for each pair of them."""
        budget: _Budget = self._local.budget
        key = (id(schema), id(value))
        found = budget.valid.get(key) if self._remember else None
        if found is None:
            found = next(validator.descend(value, schema), None) is None
            budget.valid[key] = found
        return found

    def _check_reference(self, check: Check) -> Check:
        def check_reference(validator: Any, rule: Any, value: Any, schema: Any) -> Iterator[Any]:
            budget: _Budget = self._local.budget
            key = (-id(schema), id(value))  # The sign tells it from the schema itself.
            if self._remember and budget.valid.get(key):
                return
            wrong = False
            for error in check(validator, rule, value, schema) or ():
                wrong = True
                yield error
            budget.valid[key] = not wrong

        return check_reference

    def _check_any(self, validator: Any, options: Any, value: Any, _schema: Any) -> Iterator[Any]:
        if not any(self._holds(validator, option, value) for option in options):
            yield _error(f"{show_value(value)} fits none of the {len(options)} forms that are allowed")

    def _check_one(self, validator: Any, options: Any, value: Any, _schema: Any) -> Iterator[Any]:
        count = sum(self._holds(validator, option, value) for option in options)
        if count != 1:
            amount = "none" if not count else f"{count}"
            yield _error(f"{show_value(value)} fits {amount} of the {len(options)} forms of which it must fit exactly one")

    def _check_enum(self, _validator: Any, choices: Any, value: Any, _schema: Any) -> Iterator[Any]:
        key = id(choices)
        if key not in self._choices:
            self._choices[key] = frozenset(map(write_equal, choices))
        if write_equal(value) not in self._choices[key]:
            yield _error(f"{show_value(value)} is not one of the values that are allowed")

    def _check_unique(self, _validator: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[Any]:
        if wanted and isinstance(value, list) and len(set(map(write_equal, value))) < len(value):
            yield _error(f"{show_value(value)} has an item twice")

    def _check_multiple(self, _validator: Any, divisor: Any, value: Any, _schema: Any) -> Iterator[Any]:
        """Check the keyword `multipleOf` on the numbers as they are written: 19.99 is 1,999 times 0.01."""
        if not is_number(value):
            return
        finite = isinstance(value, int) or math.isfinite(value)
        if not finite or _read_exactly(value) % _read_exactly(divisor):
            yield _error(f"{show_value(value)} is not a multiple of {divisor!r}")

    def _check_pattern(self, _validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[Any]:
        if not isinstance(value, str):
            return
        try:
            if not self._search(pattern, value):
                yield _error(f"{show_value(value)} does not match {pattern!r}")
        except PatternError as error:
            yield _error(str(error))

    def _check_pattern_properties(self, validator: Any, patterns: Any, value: Any, _schema: Any) -> Iterator[Any]:
        if not isinstance(value, dict):
            return
        for pattern, subschema in patterns.items():
            for key, item in value.items():
                try:
                    found = self._search(pattern, key)
                except PatternError as error:
                    yield _error(str(error))
                    continue
                if found:
                    yield from validator.descend(item, subschema, path=key, schema_path=pattern)

    def _check_additional_properties(self, validator: Any, allowed: Any, value: Any, schema: Any) -> Iterator[Any]:
        if not isinstance(value, dict):
            return
        named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        try:
            extras = [key for key in value if key not in named and not any(self._search(pattern, key) for pattern in patterns)]
        except PatternError as error:
            yield _error(str(error))
            return
        if isinstance(allowed, dict):
            for key in extras:
                yield from validator.descend(value[key], allowed, path=key)
        elif not allowed and extras:
            yield _error(f"unexpected properties: {', '.join(map(repr, extras[:10]))}")


def make_formats(known: Any) -> Any:
    """Return a format checker like the one given, in which no format takes long.

    The library's grammar for `iri` takes minutes on a long text; its letters beyond ASCII written as escapes, an IRI is
    a URI (RFC 3987, section 3.1).
    """
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=())
    checker.checkers = {name: (partial(_check_short, check), raises) for name, (check, raises) in known.checkers.items()}
    for name, plain in (("iri", "uri"), ("iri-reference", "uri-reference")):
        if plain in known.checkers:
            check, raises = known.checkers[plain]
            checker.checkers[name] = (partial(_check_international, check), raises)
    checker.checkers["regex"] = (lambda text: not isinstance(text, str) or not compile_pattern(text).problem, ())
    return checker


def _check_international(check: Callable[[Any], bool], text: Any) -> bool:
    from urllib.parse import quote

    return _check_short(check, quote(text, safe=ASCII) if isinstance(text, str) and text.isprintable() else text)


def _read_exactly(number: float) -> Fraction:
    """Return a number as it is written: 0.1 is a tenth."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _check_short(check: Callable[[Any], bool], text: Any) -> bool:
    return not isinstance(text, str) or (len(text) <= MAX_FORMAT and check(text))


def _error(message: str) -> Any:
    from jsonschema.exceptions import ValidationError

    return ValidationError(message)


def show_value(value: Any) -> str:
    """Show the beginning of a value."""
    if isinstance(value, int) and abs(value) >= 10**60:  # Python refuses to write numbers of 5,000 digits.
        return "a number of more than 60 digits"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
