"""A schema as the decoding engine can hold it: what it cannot is left out, keyword by keyword, and named.

A constraint that is switched off for one keyword of a schema protects nothing. Without the keyword the rest is held, and
the finished answer is checked against the whole schema anyway. What is left out only ever allows more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from core.answers.expressions import read_expression
from core.answers.keywords import list_subschemas
from core.answers.kinds import is_number
from core.answers.references import follow

MAX_LENGTH = 512  # Characters of a text that the schema leaves open; some 100 to 200 tokens.
MAX_ITEMS = 64  # Of a list that the schema leaves open.
MAX_TRIES = 100  # Compilations spent on finding what the engine refuses; one takes a millisecond.

# No grammar can say these, or the engine does not: they look at the whole, or at what is not there.
UNHELD: tuple[str, ...] = (
    "not", "if", "propertyNames", "dependentRequired", "dependentSchemas", "contains", "uniqueItems",
    "unevaluatedProperties", "unevaluatedItems", "$dynamicRef",
)  # fmt: skip
SILENT = ("then", "else", "minContains", "maxContains", "contentSchema")  # They mean nothing without one of those.
# What limits an open text by itself, or has a form in which any length is right.
CLOSED = {"maxLength", "enum", "const", "pattern", "format", "contentEncoding"}
# In which order keywords are suspected where the engine refuses a schema without saying where.
SUSPECTS: tuple[str, ...] = (
    "pattern", "format", "multipleOf", "minProperties", "maxProperties",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
    "additionalProperties", "items", "prefixItems", "oneOf", "anyOf", "allOf", "$ref",
)  # fmt: skip

TOP = "the answer"  # How the place is named that has an empty pointer.

Refuses = Callable[[Mapping[str, Any]], str]  # Says why the engine cannot compile a schema; empty when it can.


@dataclass(slots=True)
class Loosened:
    """A copy of a schema for the engine.

    Args:
        schema: The copy.
        caps: Limits that were added to it, each with its place.
        afterwards: Keywords that were left out, each with its place; of `oneOf` that it is held as `anyOf`.
        refusal: Why the engine cannot hold even that; empty when it can.
    """

    schema: dict[str, Any]
    caps: list[str] = field(default_factory=list)
    afterwards: list[str] = field(default_factory=list)
    refusal: str = ""


def loosen_schema(schema: Mapping[str, Any], refuses: Refuses) -> Loosened:
    """Return the copy of a schema in which all that the engine can hold is held."""
    loosened = cap_schema(schema)
    fragments = _Fragments(refuses)
    for pointer, node in list(_list_schemas(loosened.schema)):
        _leave_out(node, pointer, loosened, fragments)
    loosened.refusal = refuses(loosened.schema)
    # A schema that nothing satisfies would lose its meaning, not a keyword.
    if loosened.refusal and not loosened.refusal.startswith("Unsatisfiable"):
        _sift(loosened, refuses)
    return loosened


def cap_schema(schema: Mapping[str, Any]) -> Loosened:
    """Return a copy in which no text and no list goes on for ever.

    No limit is below what the schema itself asks for somewhere, as parts of it may apply together.
    """
    loosened = Loosened(deepcopy(dict(schema)))
    nodes = list(_list_schemas(loosened.schema))
    longest = max([MAX_LENGTH, *(2 * length for _, node in nodes for length in _list_lengths(node, str))])
    most = max([MAX_ITEMS, *(2 * length for _, node in nodes for length in _list_lengths(node, list))])
    for pointer, node in nodes:
        kinds = node.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else []
        if "string" in kinds and not CLOSED & set(node):
            node["maxLength"] = longest
            loosened.caps.append(f"{pointer or TOP}: at most {longest} characters")
        if "array" in kinds and not {"maxItems", "enum", "const"} & set(node):
            node["maxItems"] = most
            loosened.caps.append(f"{pointer or TOP}: at most {most} items")
    return loosened


def _list_schemas(root: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema that is an object, the outermost first, with its JSON pointer."""
    waiting: list[tuple[str, Any]] = [("", root)]
    while waiting:
        pointer, node = waiting.pop()
        if isinstance(node, dict):
            yield pointer, node
            below = [("/".join((pointer, *map(_escape, way))), child) for way, child in list_subschemas(node)]
            waiting.extend(reversed(below))


def _escape(key: str | int) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def _list_lengths(node: Mapping[str, Any], kind: type) -> Iterator[int]:
    """Yield the lengths that a schema asks for, of texts or of lists."""
    least = node.get("minLength" if kind is str else "minItems")
    if is_number(least):
        yield int(least)
    if isinstance(node.get("prefixItems"), list) and kind is list:
        yield len(node["prefixItems"])
    if isinstance(node.get("pattern"), str) and kind is str:
        with suppress(ValueError):
            yield read_expression(node["pattern"]).shortest
    waiting = [*(node["enum"] if isinstance(node.get("enum"), list) else ()), node.get("const")]
    while waiting:
        value = waiting.pop()
        if isinstance(value, kind):
            yield len(value)  # type: ignore[arg-type]
        if isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)


class _Fragments:
    """What the engine says of a few keywords of a text, each asked once."""

    def __init__(self, refuses: Refuses) -> None:
        self._refuses = refuses
        self._known: dict[tuple[str, ...], bool] = {}

    def holds(self, **keywords: str) -> bool:
        """Whether texts with these keywords can be held."""
        key = tuple(f"{word}={value}" for word, value in keywords.items())
        if key not in self._known:
            self._known[key] = not self._refuses({"type": "string", **keywords})
        return self._known[key]

    def tells_apart(self, patterns: list[str]) -> bool:
        """Whether no name can match two of the patterns of an object's names, as the engine wants it."""
        return not self._refuses({"type": "object", "patternProperties": dict.fromkeys(patterns, {})})

    def translate(self, pattern: str) -> str | None:
        """Return a pattern as the engine reads it; None where it cannot."""
        try:
            written = read_expression(pattern).decoding
        except ValueError:
            return None
        return written if written is not None and self.holds(pattern=written) else None


def _leave_out(node: dict[str, Any], pointer: str, loosened: Loosened, fragments: _Fragments) -> None:
    """Take out of a schema what is known not to be held, changing it."""

    def drop(word: str, *, said: str = "") -> None:
        del node[word]
        loosened.afterwards.append(f"{pointer or TOP}: {said or word}")

    for word in SILENT:
        node.pop(word, None)
    for word in UNHELD:
        if word in node and _says_nothing(word, node[word]):
            del node[word]
        elif word in node:
            drop(word)
    if isinstance(node.get("oneOf"), list) and len(node["oneOf"]) > 1:
        loosened.afterwards.append(f"{pointer or TOP}: oneOf")
    reference = node.get("$ref")
    if isinstance(reference, str) and not _points_inside(reference, loosened.schema):
        drop("$ref")
    _leave_out_forms(node, drop, fragments)
    _leave_out_properties(node, drop, fragments)


def _leave_out_forms(node: dict[str, Any], drop: Callable[..., None], fragments: _Fragments) -> None:
    """Take out of a text's schema the form that is not held."""
    if isinstance(node.get("format"), str) and not fragments.holds(format=node["format"]):
        drop("format", said=f"format {node['format']}")
    if isinstance(node.get("pattern"), str):
        written = fragments.translate(node["pattern"])
        if written is None:
            drop("pattern")
        else:
            node["pattern"] = written


def _says_nothing(word: str, value: Any) -> bool:
    return value is (word not in {"uniqueItems", "not"}) or value == {}


def _points_inside(reference: str, root: Mapping[str, Any]) -> bool:
    return reference.startswith("#") and (reference == "#" or follow(reference, root) is not True)


def _leave_out_properties(node: dict[str, Any], drop: Callable[..., None], fragments: _Fragments) -> None:
    """Take out what says something of an object's names that is not held."""
    patterns = node.get("patternProperties")
    if isinstance(patterns, dict):
        written = {fragments.translate(pattern): child for pattern, child in patterns.items()}
        if None in written or len(written) < len(patterns) or not fragments.tells_apart(list(filter(None, written))):
            drop("patternProperties")
            if "additionalProperties" in node:  # It would forbid the names that the patterns allowed.
                drop("additionalProperties")
        else:
            node["patternProperties"] = written
    closed = node.get("additionalProperties") is False and "patternProperties" not in node
    required, named = node.get("required", ()), node.get("properties", {})
    if is_number(node.get("minProperties")) and node["minProperties"] <= len(required):
        del node["minProperties"]  # What is required is enough.
    if is_number(node.get("maxProperties")) and closed and node["maxProperties"] >= len(named):
        del node["maxProperties"]


def _sift(loosened: Loosened, refuses: Refuses) -> None:
    """Find by trying which keywords the engine refuses, and leave those out: first one word, then more of them."""
    tries = 0

    def is_refused() -> bool:
        nonlocal tries
        tries += 1
        return bool(refuses(loosened.schema))

    taken: list[tuple[str, dict[str, Any], str, Any]] = []
    for word in SUSPECTS:
        found = [(pointer, node, word, node[word]) for pointer, node in _list_schemas(loosened.schema) if word in node]
        if word == "additionalProperties":
            found = [item for item in found if "patternProperties" not in item[1]]
        if not found or tries >= MAX_TRIES:
            continue
        for _, node, _, _ in found:
            del node[word]
        taken += found
        if not is_refused():
            break
    else:
        loosened.refusal = refuses(loosened.schema)
        return
    # What encloses others was taken out last and is put back first, so that each is tried in its place.
    for item in reversed(taken):
        pointer, node, word, value = item
        node[word] = value
        if tries >= MAX_TRIES or is_refused():
            del node[word]
            loosened.afterwards.append(f"{pointer or TOP}: {word}")
    loosened.refusal = refuses(loosened.schema)
