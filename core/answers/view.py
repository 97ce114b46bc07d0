"""One reading of a schema for all who need to know what may stand where.

JSON Schema can say the same thing in many ways: by a reference, by parts that all apply, by a choice between one type
and null, by a list of types, or not at all. A `SchemaView` reads all of them into the same few questions: which
kinds of value, is null allowed, which choices, which fields, which items. Nothing here raises on any schema that is
JSON, circular references included: children are read when they are asked for.

What a view does not read: `if`, `not`, `dependentSchemas`, `unevaluatedProperties`, references to other documents or to an embedded `$id`. Such
a part says nothing here; whether a value is valid is the business of `core/answers/validation.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeGuard

from core.answers.patterns import matches_key
from core.answers.references import follow

KINDS = ("object", "array", "string", "number", "integer", "boolean")
# What a type lets through: the kind `number` is every integer and every other number.
ATOMS = {"number": {"integer", "fraction"}, **{kind: {kind} for kind in ("null", *KINDS) if kind != "number"}}
EVERY = frozenset().union(*ATOMS.values())
NOTHING: Mapping[str, Any] = {"enum": []}  # The schema `false`.
NULL: Mapping[str, Any] = {"type": "null"}
# Keywords that only make sense for one kind: they tell it where no type is given.
SIGNS = {
    "object": {"properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties"},
    "array": {"items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}
LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}  # The larger of two is the tighter.
UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
STRUCTURE = {"$ref", "$dynamicRef", "$defs", "definitions", "allOf", "anyOf", "oneOf", "type", "enum", "const", "required"}
STRUCTURE |= {"properties", "patternProperties", "additionalProperties", "items", "prefixItems", "$schema", "$id"}

MAX_CHOICES = 3  # Choices between schemas that stack at one place; what lies deeper says nothing, as they multiply.

# A schema that applies, and whether null may stand in its place: it is the one alternative to null.
_Part = tuple[Mapping[str, Any], bool]
_Union = tuple[tuple[Any, ...], bool]


def view_schema(schema: Any) -> SchemaView:
    """Read a schema; the root that its references start from is the schema itself."""
    return _build([(schema, False)], schema if isinstance(schema, Mapping) else {})


def find_kind(value: Any) -> str:
    """Return the JSON type of a value, as a schema names it; 3.0 is an integer."""
    if value is None:
        return "null"
    if isinstance(value, bool):  # Python holds True for 1; JSON does not.
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if isinstance(value, int) or value.is_integer() else "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


@dataclass(frozen=True)
class SchemaView:
    """What a schema says of the values at one place.

    Args:
        parts: The schemas that all apply here, the outermost first: references followed, `allOf` beside it, of a
            choice between one schema and null that schema.
        unions: Choices between several schemas that are not null, one of each applies; see `alternatives`.
        root: Where references start.
        chosen: How many unions were already chosen from on the way here.
    """

    parts: tuple[_Part, ...]
    unions: tuple[_Union, ...]
    root: Mapping[str, Any] = field(repr=False)
    chosen: int = 0

    @cached_property
    def nodes(self) -> tuple[Mapping[str, Any], ...]:
        """The schemas that all apply."""
        return tuple(node for node, _ in self.parts)

    @cached_property
    def alternatives(self) -> tuple[SchemaView, ...]:
        """The readings of which one applies, null's own left out; empty where there is only one reading."""
        if not self.unions:
            return ()
        (branches, nullable), rest = self.unions[0], self.unions[1:]
        named = [branch for branch in branches if not _is_null(branch, self.root)]
        return tuple(
            _build([(branch, nullable)], self.root, known=self.parts, unions=rest, chosen=self.chosen + 1) for branch in named
        )

    @cached_property
    def atoms(self) -> frozenset[str]:
        """What may stand here: kinds and null, with `fraction` for a number that is no integer."""
        allowed = set(EVERY)
        for node, nullable in self.parts:
            allowed &= _read_atoms(node) | ({"null"} if nullable else set())
        if self.unions:
            branches, nullable = self.unions[0]
            null = nullable or any(_is_null(branch, self.root) for branch in branches)
            allowed &= set().union(*(option.atoms for option in self.alternatives)) | ({"null"} if null else set())
        return frozenset(allowed)

    @cached_property
    def nullable(self) -> bool:
        """Whether null is allowed; strictly, so also where no type is given."""
        return "null" in self.atoms

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of value besides null, as they are listed in `KINDS`; `number` covers `integer`.

        Where the schema names no type, its keywords tell: `properties` are those of an object. Where they tell nothing
        either, every kind is here.
        """
        found = set(self.atoms - {"null", "fraction"})
        if self.atoms == EVERY:
            words = {word for node in self.nodes for word in node}
            found = {kind for kind, signs in SIGNS.items() if words & signs}
            found |= {kind for option in self.alternatives for kind in option.kinds} if not found else set()
            found = found or set(KINDS)
        elif "fraction" in self.atoms:
            found = (found - {"integer"}) | {"number"}
        return tuple(kind for kind in KINDS if kind in found and not (kind == "integer" and "number" in found))

    @cached_property
    def choices(self) -> tuple[Any, ...] | None:
        """The values of an `enum`, a `const` or a choice between such, in order and without null; None where open."""
        lists = [_read_choices(node) for node in self.nodes]
        if self.unions and all(option.choices is not None for option in self.alternatives):
            lists.append([value for option in self.alternatives for value in option.choices or ()])
        known = [values for values in lists if values is not None]
        if not known:
            return None
        allowed = [{_write(value) for value in values} for values in known[1:]]
        kept = {_write(value): value for value in known[0] if all(_write(value) in keys for keys in allowed)}
        return tuple(value for value in kept.values() if value is not None and _find_atom(value) in self.atoms)

    @cached_property
    def keywords(self) -> Mapping[str, Any]:
        """Limits and annotations: of two limits the tighter, of anything else the outermost."""
        merged: dict[str, Any] = {}
        for node in self.nodes:
            for word, value in node.items():
                if word in STRUCTURE:
                    continue
                old = merged.setdefault(word, value)
                if word in LOWER | UPPER and _is_number(old) and _is_number(value):
                    merged[word] = max(old, value) if word in LOWER else min(old, value)
        return merged

    @cached_property
    def fields(self) -> Mapping[str, SchemaView]:
        """The named properties of an object, in the order in which they are written."""
        places: dict[str, list[Any]] = {}
        for properties in self._maps("properties"):
            for name, node in properties.items():
                places.setdefault(name, []).append(node)
        return {name: self._child(nodes) for name, nodes in places.items()}

    @cached_property
    def required(self) -> frozenset[str]:
        """The names that an object must have."""
        lists = [node["required"] for node in self.nodes if isinstance(node.get("required"), list)]
        return frozenset(name for names in lists for name in names if isinstance(name, str))

    @cached_property
    def is_tuple(self) -> bool:
        """Whether the items of a list have a meaning by their place (`prefixItems`)."""
        return any(_has_tuple(node) for node in self.nodes)

    @cached_property
    def is_map(self) -> bool:
        """Whether an object may have names of its own choice, and the schema says what they hold."""
        return any(isinstance(node, Mapping) for node in self._additional()) or any(self._maps("patternProperties"))

    def knows(self, name: str) -> bool:
        """Whether a name is the schema's own: a property, one by pattern, or one of a map of like values.

        An object that names no properties at all is a map, so that every name is.
        """
        if name in self.fields or not self.fields:
            return True
        return bool(self._by_pattern(name)) or any(isinstance(node, Mapping) for node in self._additional())

    def find_field(self, name: str) -> SchemaView | None:
        """Return the view of an object's value by name, None where the schema forbids the name."""
        if name in self.fields:
            return self.fields[name]
        nodes = self._by_pattern(name) or self._additional()
        return None if any(node is False for node in nodes) else self._child(nodes)

    def find_item(self, place: int) -> SchemaView:
        """Return the view of a list's item, counted from 0."""
        nodes = []
        for node in self.nodes:
            tuples = node["prefixItems"] if _has_tuple(node) else []
            nodes.append(tuples[place] if place < len(tuples) else node.get("items", True))
        return self._child(nodes)

    def children(self) -> Iterator[tuple[str, SchemaView]]:
        """Yield the views below this one, each with its pointer from here; those of alternatives are theirs."""
        for name, view in self.fields.items():
            yield f"properties/{name.replace('~', '~0').replace('/', '~1')}", view
        for word in ("patternProperties", "additionalProperties", "items"):
            nodes = [node[word] for node in self.nodes if isinstance(node.get(word), Mapping)]
            if word == "patternProperties":
                yield from ((f"{word}/{key}", self._child([node])) for maps in nodes for key, node in maps.items())
            elif nodes:
                yield word, self._child(nodes)
        for place in range(max((len(node["prefixItems"]) for node in self.nodes if _has_tuple(node)), default=0)):
            yield f"prefixItems/{place}", self.find_item(place)

    def pick(self, value: Any) -> SchemaView:
        """Return the alternative that a value belongs to by its kind, its labels and its keys.

        The view itself where it has none, or where all of them are choices, which it joins.
        """
        view = self
        while view.alternatives and view.choices is None:
            view = max(view.alternatives, key=lambda option: _rate_fit(option, value))  # The first of equals.
        return view

    def _child(self, nodes: Iterable[Any]) -> SchemaView:
        return _build([(node, False) for node in nodes], self.root)

    def _maps(self, word: str) -> Iterator[Mapping[str, Any]]:
        return (node[word] for node in self.nodes if isinstance(node.get(word), Mapping))

    def _by_pattern(self, name: str) -> list[Any]:
        return [node for maps in self._maps("patternProperties") for key, node in maps.items() if matches_key(key, name)]

    def _additional(self) -> list[Any]:
        return [node["additionalProperties"] for node in self.nodes if "additionalProperties" in node]


def _build(
    seeds: Sequence[tuple[Any, bool]],
    root: Mapping[str, Any],
    *,
    known: tuple[_Part, ...] = (),
    unions: tuple[_Union, ...] = (),
    chosen: int = 0,
) -> SchemaView:
    """Gather the schemas that apply, each once, so that no circle of references is followed twice."""
    parts, choices, waiting = list(known), list(unions), list(seeds)
    seen = {id(node) for node, _ in parts}
    while waiting:
        node, nullable = waiting.pop(0)
        node = NOTHING if node is False else node
        if not isinstance(node, Mapping) or id(node) in seen:  # `true` says nothing.
            continue
        seen.add(id(node))
        parts.append((node, nullable))
        more = [(target, nullable) for target in _read_conjuncts(node, root)]
        for word in ("anyOf", "oneOf"):
            branches = node.get(word)
            if not isinstance(branches, list) or not branches:
                continue
            others = [branch for branch in branches if not _is_null(branch, root)]
            if len(others) > 1:
                choices.append((tuple(branches), nullable))
            elif others:
                more.append((others[0], nullable or len(branches) > 1))
            else:
                more.append((NULL, nullable))
        waiting = more + waiting
    return SchemaView(tuple(parts), tuple(choices[: MAX_CHOICES - chosen]), root, chosen)


def _read_conjuncts(node: Mapping[str, Any], root: Mapping[str, Any]) -> list[Any]:
    """Return what applies beside a schema: what it refers to and its `allOf`."""
    targets = [follow(node[word], root) for word in ("$ref", "$dynamicRef") if isinstance(node.get(word), str)]
    return targets + (list(node["allOf"]) if isinstance(node.get("allOf"), list) else [])


def _is_null(branch: Any, root: Mapping[str, Any]) -> bool:
    """Whether a schema allows null alone; choices inside it are not looked into."""
    waiting, seen, allowed = [branch], set[int](), set(EVERY)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping) and id(node) not in seen:
            seen.add(id(node))
            allowed &= _read_atoms(node)
            waiting.extend(_read_conjuncts(node, root))
    return allowed == {"null"}


def _read_atoms(node: Mapping[str, Any]) -> set[str]:
    """Return what `type`, `enum` and `const` of one schema allow."""
    named = node.get("type")
    names = [named] if isinstance(named, str) else named if isinstance(named, list) else list(ATOMS)
    allowed = set().union(*(ATOMS.get(name, set()) for name in names if isinstance(name, str)))
    values = _read_choices(node)
    return allowed if values is None else allowed & {_find_atom(value) for value in values}


def _read_choices(node: Mapping[str, Any]) -> list[Any] | None:
    if "const" in node:
        return [node["const"]]
    return node["enum"] if isinstance(node.get("enum"), list) else None


def _find_atom(value: Any) -> str:
    kind = find_kind(value)
    return "fraction" if kind == "number" else kind


def _write(value: Any) -> str:
    """Write a value so that equal ones read the same; 1.0 is 1."""
    try:
        text = json.dumps(value, sort_keys=True)
        return json.dumps(json.loads(text, parse_float=_read_float), sort_keys=True) if "." in text else text
    except (RecursionError, ValueError):  # Nested too deeply, or an integer with more digits than Python writes.
        return f"value {id(value)}"


def _read_float(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _rate_fit(view: SchemaView, value: Any) -> tuple[int, ...]:
    """Rate how well a value fits a view, looking no deeper than its own fields; larger is better."""
    if _find_atom(value) not in view.atoms:
        return (0,)
    if view.choices is not None:
        return (2 if _write(value) in map(_write, view.choices) else 0,)
    if isinstance(value, list):
        first = view.find_item(0)
        return (1, int(not value or _find_atom(value[0]) in first.atoms))
    if not isinstance(value, dict):
        return (1, int(not _is_number(value) or _is_within(value, view.keywords)))
    shared = {name: option for name, option in view.fields.items() if name in value}
    labels = [(option.choices, value[name]) for name, option in shared.items() if option.choices is not None]
    wrong = sum(_write(given) not in map(_write, choices) for choices, given in labels)
    kinds = sum(_find_atom(value[name]) not in option.atoms for name, option in shared.items())
    return (1, -wrong, -len(view.required - set(value)), -kinds, len(shared) - len(value), len(labels))


def _is_within(value: float, limits: Mapping[str, Any]) -> bool:
    low, high = limits.get("minimum"), limits.get("maximum")
    return not (_is_number(low) and value < low) and not (_is_number(high) and value > high)


def _has_tuple(node: Mapping[str, Any]) -> bool:
    return isinstance(node.get("prefixItems"), list) and bool(node["prefixItems"])


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
