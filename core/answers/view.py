"""One reading of a schema for all who need to know what may stand where.

JSON Schema can say the same thing in many ways: by a reference, by parts that all apply, by a choice between one type
and null, by a list of types, or not at all. A `SchemaView` reads all of them into the same few questions: which
kinds of value, is null allowed, which choices, which fields, which items. Nothing here raises on any schema that is
JSON, circular references included: children are read when they are asked for.

What a view does not read: `if`, `not`, `dependentSchemas`, `unevaluatedProperties`, references to other documents or to an embedded `$id`. Such
a part says nothing here; whether a value is valid is the business of `core/answers/validation.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from core.answers.fitting import rate_fit
from core.answers.kinds import ATOMS, EVERY, KINDS, find_atom, is_number, write_equal
from core.answers.patterns import matches_key
from core.answers.references import follow

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
MAX_READINGS = 300  # Of one place where choices stack; a single choice may be between any number.

# A schema that applies, and whether null may stand in its place: it is the one alternative to null.
_Part = tuple[Mapping[str, Any], bool]
# Schemas of which one applies, whether null may stand in their place, and the keyword that says so.
_Union = tuple[tuple[Any, ...], bool, str]


def view_schema(schema: Any) -> SchemaView:
    """Read a schema; the root that its references start from is the schema itself."""
    return _build([(schema, False)], _Source(schema if isinstance(schema, Mapping) else {}))


@dataclass(slots=True)
class _Source:
    """The document that references start from, and what was read of it: a place that is asked for again is read once."""

    root: Mapping[str, Any]
    views: dict[tuple[int, ...], SchemaView] = field(default_factory=dict)
    nulls: dict[int, bool] = field(default_factory=dict)

    def allows_only_null(self, branch: Any) -> bool:
        """Whether a schema allows null alone; choices inside it are not looked into."""
        if id(branch) not in self.nulls:
            self.nulls[id(branch)] = _is_null(branch, self.root)
        return self.nulls[id(branch)]


@dataclass(frozen=True)
class SchemaView:
    """What a schema says of the values at one place.

    Args:
        parts: The schemas that all apply here, the outermost first: references followed, `allOf` beside it, of a
            choice between one schema and null that schema.
        unions: Choices between several schemas that are not null, one of each applies; see `alternatives`.
        source: Where references start.
        chosen: How many unions were already chosen from on the way here.
        weight: How many readings those make together.
        outer: How many of the parts surround the choice that this is one reading of.
        unread: Choices that are not followed, as too many lie at one place; nothing else here knows of them.
    """

    parts: tuple[_Part, ...]
    unions: tuple[_Union, ...]
    source: _Source = field(repr=False, compare=False)
    chosen: int = 0
    weight: int = 1
    outer: int = 0
    unread: tuple[_Union, ...] = ()

    @cached_property
    def nodes(self) -> tuple[Mapping[str, Any], ...]:
        """The schemas that all apply."""
        return tuple(node for node, _ in self.parts)

    @cached_property
    def alternatives(self) -> tuple[SchemaView, ...]:
        """The readings of which one applies, null's own left out; empty where there is only one reading."""
        if not self.unions:
            return ()
        (branches, nullable, _), rest = self.unions[0], (*self.unions[1:], *self.unread)
        named = [branch for branch in branches if not self.source.allows_only_null(branch) and not _is_nothing(branch)]
        weight = self.weight * len(named)
        return tuple(
            _build([(branch, nullable)], self.source, known=self.parts, unions=rest, before=(self.chosen + 1, weight))
            for branch in named
        )

    @cached_property
    def readings(self) -> tuple[SchemaView, ...]:
        """The view with all its choices made: itself where there are none, or where they are between values."""
        if not self.alternatives or self.choices is not None:
            return (self,)
        return tuple(reading for option in self.alternatives for reading in option.readings)

    @cached_property
    def names(self) -> Mapping[str, SchemaView]:
        """The fields of all readings, each as the first that has it says."""
        found: dict[str, SchemaView] = {}
        for reading in self.readings:
            for name, view in reading.fields.items():
                found.setdefault(name, view)
        return found

    @cached_property
    def atoms(self) -> frozenset[str]:
        """What may stand here: kinds and null, with `fraction` for a number that is no integer."""
        allowed = set(EVERY)
        for node, nullable in self.parts:
            allowed &= _read_atoms(node) | ({"null"} if nullable else set())
        if self.unions:
            branches, nullable, _ = self.unions[0]
            null = nullable or any(self.source.allows_only_null(branch) for branch in branches)
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
        allowed = [{write_equal(value) for value in values} for values in known[1:]]
        kept = {write_equal(value): value for value in known[0] if all(write_equal(value) in keys for keys in allowed)}
        return tuple(value for value in kept.values() if value is not None and find_atom(value) in self.atoms)

    @cached_property
    def keywords(self) -> Mapping[str, Any]:
        """Limits and annotations: of two limits the tighter, of anything else the outermost."""
        merged: dict[str, Any] = {}
        for node in self.nodes:
            for word, value in node.items():
                if word in STRUCTURE:
                    continue
                old = merged.setdefault(word, value)
                if word in LOWER | UPPER and is_number(old) and is_number(value):
                    merged[word] = max(old, value) if word in LOWER else min(old, value)
        return merged

    @cached_property
    def fields(self) -> Mapping[str, SchemaView]:
        """The named properties of an object, in the order in which they are written."""
        names = dict.fromkeys(name for properties in self._maps("properties") for name in properties)
        return {name: self._child(self._list_for(name)) for name in names}

    @cached_property
    def required(self) -> frozenset[str]:
        """The names that an object must have."""
        lists = [node["required"] for node in self.nodes if isinstance(node.get("required"), list)]
        return frozenset(name for names in lists for name in names if isinstance(name, str))

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The names of an object in the order in which they are written: its fields, then what else it must have."""
        lists = [node["required"] for node in self.nodes if isinstance(node.get("required"), list)]
        unlisted = dict.fromkeys(name for names in lists for name in names if isinstance(name, str) and name not in self.fields)
        return (*self.fields, *unlisted)

    @cached_property
    def is_tuple(self) -> bool:
        """Whether the items of a list have a meaning by their place (`prefixItems`)."""
        return self.tuple_length > 0

    @cached_property
    def tuple_length(self) -> int:
        """How many items of a list have a schema by their place."""
        return max((len(node["prefixItems"]) for node in self.nodes if _has_tuple(node)), default=0)

    @cached_property
    def patterns(self) -> Mapping[str, SchemaView]:
        """What names that match a pattern hold, by pattern."""
        places: dict[str, list[Any]] = {}
        for maps in self._maps("patternProperties"):
            for key, node in maps.items():
                places.setdefault(key, []).append(node)
        return {key: self._child(nodes) for key, nodes in places.items()}

    @cached_property
    def others(self) -> SchemaView | None:
        """What names that are not the schema's own hold; None where there may be none."""
        nodes = self._additional()
        return None if any(node is False for node in nodes) else self._child(nodes)

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
        patterns = (key for maps in self._maps("patternProperties") for key in maps)
        return any(matches_key(key, name) for key in patterns) or any(isinstance(node, Mapping) for node in self._additional())

    def find_field(self, name: str) -> SchemaView | None:
        """Return the view of an object's value by name, None where the schema forbids the name."""
        if name in self.fields:
            return self.fields[name]
        nodes = self._list_for(name)
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
        yield from ((f"patternProperties/{key}", view) for key, view in self.patterns.items())
        for word in ("additionalProperties", "items"):
            nodes = [node[word] for node in self.nodes if isinstance(node.get(word), Mapping)]
            if nodes:
                yield word, self._child(nodes)
        for place in range(self.tuple_length):
            yield f"prefixItems/{place}", self.find_item(place)

    def pick(self, value: Any) -> SchemaView:
        """Return the alternative that a value belongs to by its kind, its labels and its keys.

        The view itself where it has none, or where all of them are choices, which it joins.
        """
        view = self
        while view.alternatives and view.choices is None:
            view = max(view.alternatives, key=lambda option: rate_fit(option, value))  # The first of equals.
        return view

    def _child(self, nodes: Iterable[Any]) -> SchemaView:
        found = list(nodes)
        key = tuple(map(id, found))
        views = self.source.views
        if key not in views:
            views[key] = _build([(node, False) for node in found], self.source)
        return views[key]

    def _maps(self, word: str) -> Iterator[Mapping[str, Any]]:
        return (node[word] for node in self.nodes if isinstance(node.get(word), Mapping))

    def _list_for(self, name: str) -> list[Any]:
        """Return what holds for a name: in each part its own schema and those by pattern, else what holds for all others."""
        found = []
        for node in self.nodes:
            properties = node.get("properties")
            own = [properties[name]] if isinstance(properties, Mapping) and name in properties else []
            patterns = node.get("patternProperties")
            if isinstance(patterns, Mapping):
                own += [part for key, part in patterns.items() if matches_key(key, name)]
            found += own or ([node["additionalProperties"]] if "additionalProperties" in node else [])
        return found

    def _additional(self) -> list[Any]:
        return [node["additionalProperties"] for node in self.nodes if "additionalProperties" in node]


def _build(
    seeds: Sequence[tuple[Any, bool]],
    source: _Source,
    *,
    known: tuple[_Part, ...] = (),
    unions: tuple[_Union, ...] = (),
    before: tuple[int, int] = (0, 1),
) -> SchemaView:
    """Gather the schemas that apply, each once, so that no circle of references is followed twice.

    `before` says from how many unions was already chosen, and how many readings those make.
    """
    parts, choices, waiting = list(known), list(unions), list(seeds)
    seen = {id(node) for node, _ in parts}
    while waiting:
        node, nullable = waiting.pop(0)
        node = NOTHING if node is False or _is_nothing(node) else node
        if not isinstance(node, Mapping) or id(node) in seen:  # `true` says nothing.
            continue
        seen.add(id(node))
        parts.append((node, nullable))
        more = [(target, nullable) for target in _read_conjuncts(node, source.root)]
        for branches, word in _read_unions(node):
            others = [branch for branch in branches if not source.allows_only_null(branch) and not _is_nothing(branch)]
            if len(others) > 1:
                choices.append((branches, nullable, word))
            elif others:
                more.append((others[0], nullable or any(source.allows_only_null(branch) for branch in branches)))
            else:
                more.append((NULL if any(source.allows_only_null(branch) for branch in branches) else NOTHING, nullable))
        waiting = more + waiting
    cut = _count_followed(choices, *before)
    return SchemaView(tuple(parts), tuple(choices[:cut]), source, *before, len(known), tuple(choices[cut:]))


def _count_followed(unions: Sequence[_Union], chosen: int, weight: int) -> int:
    """Return how many unions of a place are followed: few, and so that their readings do not multiply without end."""
    count = 0
    for branches, _, _ in unions[: max(0, MAX_CHOICES - chosen)]:
        weight *= len(branches)
        if (chosen or count) and weight > MAX_READINGS:
            break
        count += 1
    return count


def _read_unions(node: Mapping[str, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    for word in ("anyOf", "oneOf"):
        if isinstance(node.get(word), list) and node[word]:
            yield tuple(node[word]), word


def _is_nothing(node: Any) -> bool:
    """Whether a schema plainly allows no value: `false`, and what zod writes for undefined."""
    return node is False or (isinstance(node, Mapping) and (node.get("not") == {} or node.get("not") is True))


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
    return allowed if values is None else allowed & {find_atom(value) for value in values}


def _read_choices(node: Mapping[str, Any]) -> list[Any] | None:
    if "const" in node:
        return [node["const"]]
    return node["enum"] if isinstance(node.get("enum"), list) else None


def _has_tuple(node: Mapping[str, Any]) -> bool:
    return isinstance(node.get("prefixItems"), list) and bool(node["prefixItems"])
