"""Keywords of older drafts and of OpenAPI, said in the words of draft 2020-12."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.answers.keywords import CONTAINERS, Path, is_annotation, is_schema

OLD = 7  # Up to this draft nothing counts beside a reference, and `$id` may be an anchor.
TYPES = {"OBJECT", "ARRAY", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "NULL"}  # As Gemini's interface writes them.
COUNTS = {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
IGNORED = "x-ignored"  # Holds what does not count beside a reference: other references may point into it.
NULLABLE = ("nullable", "x-nullable")
# With these beside it, null has to be an alternative to all of them.
PARTS = {"$ref", "$dynamicRef", "allOf", "oneOf", "not", "if"}


def relocate(node: Mapping[str, Any], draft: int) -> dict[str, Path]:
    """Return which keywords of a schema are written elsewhere in its plain form, and where; see `convert`."""
    moved: dict[str, Path] = {}
    if isinstance(node.get("items"), list):
        moved |= {"items": ("prefixItems",), "additionalItems": ("items",)}
    if isinstance(node.get("dependencies"), Mapping):
        moved["dependencies"] = ("dependentSchemas",)
    if draft <= OLD and isinstance(node.get("$ref"), str):
        kept = {"$ref", "$schema", *NULLABLE, *CONTAINERS}
        return {word: (IGNORED, word) for word in node if word not in kept and not is_annotation(word)}
    if _needs_choice(node):
        for word in node:
            if word not in {"$schema", "$id", "id", *NULLABLE, *CONTAINERS} and not is_annotation(word):
                moved[word] = ("anyOf", 0, *moved.get(word, (word,)))
    return moved


def convert(node: Mapping[str, Any], draft: int) -> dict[str, Any]:
    """Return a schema in the words of draft 2020-12; what stands inside it stays as it is."""
    plain = dict(node)
    if draft <= OLD and isinstance(plain.get("$ref"), str):
        ignored = {word: plain.pop(word) for word in relocate(node, draft)}
        ignored.pop("$id", None)
        plain |= {IGNORED: ignored} if ignored else {}
    else:
        _convert_lists(plain)
        _convert_dependencies(plain)
        _convert_limits(plain)
    _convert_types(plain)
    if any(plain.get(word) is True for word in NULLABLE):
        plain = _allow_null(plain)
    for word in NULLABLE:
        if isinstance(plain.get(word), bool):
            del plain[word]
    return plain


def _convert_lists(plain: dict[str, Any]) -> None:
    """Say a list of schemas by place as `prefixItems`, and what comes after as `items`."""
    if not isinstance(plain.get("items"), list):
        return
    first = plain.pop("items")
    rest = plain.pop("additionalItems", None)
    if first:  # An empty list says nothing, and is not allowed now.
        plain["prefixItems"] = first
    if rest is not None:
        plain["items"] = rest


def _convert_dependencies(plain: dict[str, Any]) -> None:
    """Split `dependencies` into names and schemas."""
    if not isinstance(plain.get("dependencies"), Mapping):
        return
    known = plain.pop("dependencies")
    names = {name: value for name, value in known.items() if isinstance(value, list)}
    names |= {name: [value] for name, value in known.items() if isinstance(value, str)}  # Draft 3.
    schemas = {name: value for name, value in known.items() if is_schema(value)}
    for word, found in (("dependentRequired", names), ("dependentSchemas", schemas)):
        if found:
            plain[word] = {**found, **plain.get(word, {})}


def _convert_limits(plain: dict[str, Any]) -> None:
    """Say an exclusive bound as a number, and counts that were written as texts as numbers."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        flag = plain.get(exclusive)
        if isinstance(flag, bool):
            del plain[exclusive]
            if flag and bound in plain:
                plain[exclusive] = plain.pop(bound)
    for word in COUNTS & set(plain):
        value = plain[word]
        if isinstance(value, str) and value.isdecimal() and len(value) < 10:
            plain[word] = int(value)


def _convert_types(plain: dict[str, Any]) -> None:
    """Write names of types small, and properties in the order that is asked for."""
    named = plain.get("type")
    if isinstance(named, str) and named in TYPES:
        plain["type"] = named.lower()
    order = plain.get("propertyOrdering")
    properties = plain.get("properties")
    if isinstance(order, list) and isinstance(properties, Mapping):
        first = [name for name in order if isinstance(name, str) and name in properties]
        plain["properties"] = {name: properties[name] for name in dict.fromkeys([*first, *properties])}
        del plain["propertyOrdering"]


def _needs_choice(node: Mapping[str, Any]) -> bool:
    """Whether null, where `nullable` allows it, has to be an alternative to the whole schema."""
    return any(node.get(word) is True for word in NULLABLE) and bool(PARTS & set(node) or ("anyOf" in node and "type" in node))


def _allow_null(plain: dict[str, Any]) -> dict[str, Any]:
    """Let null stand where `nullable` says so, as its users mean it: also beside a reference or a list of values."""
    if _needs_choice(plain):
        outside = {"$schema", "$id", "id", *NULLABLE, *CONTAINERS}
        inner = {word: value for word, value in plain.items() if word not in outside and not is_annotation(word)}
        outer = {word: value for word, value in plain.items() if word not in inner}
        return {**outer, "anyOf": [inner, {"type": "null"}]}
    if "type" in plain:
        kinds = plain["type"] if isinstance(plain["type"], list) else [plain["type"]]
        plain["type"] = list(dict.fromkeys([*kinds, "null"]))
    if isinstance(plain.get("enum"), list) and None not in plain["enum"]:
        plain["enum"] = [*plain["enum"], None]
    if "const" in plain and plain["const"] is not None:
        plain["enum"] = [plain.pop("const"), None]
    if isinstance(plain.get("anyOf"), list):
        plain["anyOf"] = [*plain["anyOf"], {"type": "null"}]
    return plain
