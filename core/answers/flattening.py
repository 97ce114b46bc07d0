"""A schema written anew from its view: what applies at a place stands in one object, in the order in which we write.

A grammar forces the order of keys that it finds, and takes `allOf` and references in whatever order they come. Training
teaches the order of the view (`core/answers/writing.py`). So the decoding copy is written from the view too.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.answers.fitting import rate_fit
from core.answers.keywords import CONTAINERS, is_annotation
from core.answers.kinds import EVERY, find_kind
from core.answers.view import LOWER, SIGNS, UPPER, SchemaView, view_schema

MAX_SPOTS = 2_000  # Places of one schema; a model can answer a few dozen.
MAX_INLINE = 8  # Levels written in place; deeper ones get a name, so that nobody has to recurse far.
# What is not read from the view but holds too; what only describes is of no use to a grammar.
PASSED = {"not", "if", "then", "else", "dependentSchemas", "dependentRequired", "propertyNames", "multipleOf", "pattern"}
PASSED |= {"format", "contains", "minContains", "maxContains", "uniqueItems", "unevaluatedItems", *LOWER, *UPPER}
CONDITION = {"if", "then", "else"}  # They only mean something together.
HIDDEN = {*CONDITION, "dependentSchemas", "additionalProperties"}  # With these a name may be known that the view does not see.

_Key = tuple[Any, ...]
_Limit = Callable[[dict[str, Any], SchemaView, list[Any]], None]


@dataclass(slots=True)
class Spot:
    """One place of a schema: how many others lead to it, and the known values that stand there."""

    view: SchemaView
    edges: int = 0
    values: list[Any] = field(default_factory=list)


def gather_spots(schema: Mapping[str, Any], values: Iterable[Any]) -> dict[_Key, Spot]:
    """Find every place of a schema with the values known for it; at most a few more than `MAX_SPOTS`."""
    spots: dict[_Key, Spot] = {}
    waiting: deque[tuple[SchemaView, list[Any], int]] = deque([(view_schema(schema), list(values), 1)])
    while waiting and len(spots) <= MAX_SPOTS:
        view, known, edge = waiting.popleft()
        key = _find_key(view)
        fresh = key not in spots
        spot = spots.setdefault(key, Spot(view))
        spot.edges += edge
        spot.values += known
        if fresh or known:  # Of a place that is known, only further values go on.
            below = ((child, list(inner)) for child, inner in _list_children(spot.view, known))
            waiting.extend((child, inner, int(fresh)) for child, inner in below if fresh or inner)
    return spots


def _list_children(view: SchemaView, values: list[Any]) -> Iterator[tuple[SchemaView, Iterable[Any]]]:
    """Yield the views below a view, each with those of the values that stand there."""
    if view.choices is not None:
        return
    if view.alternatives:
        picked = [max(range(len(view.alternatives)), key=lambda n: rate_fit(view.alternatives[n], value)) for value in values]
        for place, option in enumerate(view.alternatives):
            yield option, (value for value, number in zip(values, picked, strict=True) if number == place)
        return
    objects = [value for value in values if isinstance(value, dict)]
    lists = [value for value in values if isinstance(value, list)]
    for name in view.order:
        child = view.find_field(name)
        if child is not None:
            yield child, (value[name] for value in objects if name in value)
    others = [(name, item) for value in objects for name, item in value.items() if name not in view.order]
    for child in view.patterns.values():
        yield child, (item for _, item in others)
    if view.others is not None and view.others.nodes:
        yield view.others, (item for _, item in others)
    for place in range(view.tuple_length + 1):
        until = place + 1 if place < view.tuple_length else None
        child = view.find_item(place)
        if child.nodes:
            yield child, (item for value in lists for item in value[place:until])


def _find_key(view: SchemaView) -> _Key:
    """Return what tells one place from another: the schemas that apply there."""
    unions = tuple((tuple(map(id, branches)), nullable) for branches, nullable, _ in (*view.unions, *view.unread))
    parts = tuple((id(node), nullable) for node, nullable in view.parts if not _only_refers(node))
    return parts, unions, view.chosen


def _only_refers(node: Mapping[str, Any]) -> bool:
    """Whether a schema says nothing itself."""
    return all(word == "$ref" or word in CONTAINERS or is_annotation(word) for word in node)


class FlatWriter:
    """Writes the copy; what several places share, or lies deep, stands once under `$defs`."""

    def __init__(self, root: Mapping[str, Any], spots: Mapping[_Key, Spot], limit: _Limit) -> None:
        self._root, self._spots, self._limit = root, spots, limit
        self._names: dict[_Key, str] = {}
        self._waiting: deque[tuple[str, SchemaView]] = deque()
        self._keeps_root = False  # Whether something was passed on that refers into the schema as it was.

    def write(self) -> dict[str, Any]:
        """Return the copy."""
        top = view_schema(self._root)
        if top.atoms == {"object"}:  # Else what refers to the whole may be more than an answer may.
            self._names[_find_key(top)] = "#"
        body: dict[str, Any] = self._write_body(top, 1) | {"type": "object"}  # An answer is never null.
        named: dict[str, Any] = {}
        while self._waiting:
            name, view = self._waiting.popleft()
            named[name] = self._write_body(view, 1)
        kept = {word: self._root[word] for word in sorted(CONTAINERS) if word in self._root} if self._keeps_root else {}
        named = {**kept.pop("$defs", {}), **named}
        return {**body, **kept, **({"$defs": named} if named else {})}

    def _write(self, view: SchemaView | None, depth: int) -> Any:
        """Write a place, or a reference to it."""
        if view is None or not view.atoms:
            return False
        key = _find_key(view)
        holds = view.choices is None and bool(view.alternatives or {"object", "array"} & view.atoms) and bool(view.nodes)
        if not holds or (key not in self._names and self._spots[key].edges == 1 and depth < MAX_INLINE):
            return self._write_body(view, depth + 1)
        if key not in self._names:
            taken = self._root.get("$defs", {})
            number = len(self._names)
            while f"part{number}" in taken:
                number += len(taken)
            self._names[key] = f"#/$defs/part{number}"
            self._waiting.append((f"part{number}", self._spots[key].view))
        return {"$ref": self._names[key]}

    def _write_body(self, view: SchemaView, depth: int) -> dict[str, Any]:
        null = [{"type": "null"}] if view.nullable else []
        if view.choices is not None:
            values = [*view.choices, *([None] if view.nullable else [])]
            return {"enum": values} if values else {"not": {}}
        if view.alternatives:
            written = (self._write(option, depth) for option in view.alternatives if option.atoms - {"null"})
            options = [_drop_null(option) if null else option for option in written]
            # A shared option may allow null too; then not exactly one of them does.
            shared = bool(null) and any("$ref" in option for option in options)
            body: dict[str, Any] = {"anyOf" if shared else view.unions[0][2]: [*options, *null]}
            rest = _find_unevaluated(view)  # Holds for all options together: several of them may apply.
            if rest is not None:
                self._add(body, {"unevaluatedProperties": rest})
            return body
        spot = self._spots.get(_find_key(view))
        values = spot.values if spot is not None else []
        body = _write_kinds(view, values)
        if "object" in view.atoms:
            self._write_fields(body, view, depth)
        if "array" in view.atoms:
            self._write_items(body, view, depth)
        self._pass_on(body, view)
        self._limit(body, view, values)
        return body

    def _write_fields(self, body: dict[str, Any], view: SchemaView, depth: int) -> None:
        if view.order:
            body["properties"] = {name: self._write(view.find_field(name), depth) for name in view.order}
            required = [name for name in view.order if name in view.required]
            body |= {"required": required} if required else {}
        if view.patterns:
            body["patternProperties"] = {key: self._write(child, depth) for key, child in view.patterns.items()}
        words = {word for node in view.nodes for word in node}
        open_ended = _find_unevaluated(view)
        if "additionalProperties" in words:
            body["additionalProperties"] = self._write(view.others, depth)
        if open_ended is False and view.nodes[view.outer].get("unevaluatedProperties") is False and not HIDDEN & words:
            body["additionalProperties"] = False
        elif open_ended is not None:
            self._add(body, {"unevaluatedProperties": open_ended})

    def _write_items(self, body: dict[str, Any], view: SchemaView, depth: int) -> None:
        if view.tuple_length:
            body["prefixItems"] = [self._write(view.find_item(place), depth) for place in range(view.tuple_length)]
        rest = view.find_item(view.tuple_length)
        if rest.nodes:
            body["items"] = self._write(rest, depth)

    def _pass_on(self, body: dict[str, Any], view: SchemaView) -> None:
        """Add the other keywords that hold: limits as they are tightest, anything else as it stands."""
        for node in view.nodes:
            rest = {word: view.keywords[word] if word in LOWER | UPPER else node[word] for word in node if word in PASSED}
            self._add(body, rest)
        for branches, nullable, word in view.unread:
            self._add(body, {word: [*branches, *([{"type": "null"}] if nullable else [])]})

    def _add(self, body: dict[str, Any], words: Mapping[str, Any]) -> None:
        """Add keywords to a body; those that it has with another value go into `allOf` beside it."""
        beside = {word: value for word, value in words.items() if body.get(word, value) != value}
        if CONDITION & set(beside):
            beside |= {word: words[word] for word in CONDITION if word in words}
        body |= {word: value for word, value in words.items() if word not in beside}
        if beside:
            body["allOf"] = [*body.get("allOf", ()), beside]
        self._keeps_root = self._keeps_root or '"$ref"' in json.dumps(words)


def _write_kinds(view: SchemaView, values: list[Any]) -> dict[str, Any]:
    """Return `type` as far as it is said; where keywords alone tell it, also if no known value is of another kind."""
    allowed = set(view.kinds) | ({"null"} if view.nullable else set())
    if view.atoms == EVERY:
        found = {find_kind(value) for value in values}
        found = {"number" if kind == "integer" and "number" in allowed else kind for kind in found}
        signs = {word for node in view.nodes for word in node} & set().union(*SIGNS.values())
        if not signs or not values or not found <= allowed:
            return {}
        allowed = set(view.kinds) | ({"null"} & found)
    kinds = sorted(allowed)
    return {"type": kinds[0] if len(kinds) == 1 else kinds}


def _find_unevaluated(view: SchemaView) -> Any:
    """Return what a place says of names that nothing else in it knows; None where it says nothing, or several things."""
    found = [node["unevaluatedProperties"] for node in view.nodes if "unevaluatedProperties" in node]
    outer = [node for node in view.nodes[: view.outer] if "unevaluatedProperties" in node]
    return found[0] if len(found) == 1 and not outer else None


def _drop_null(option: dict[str, Any]) -> dict[str, Any]:
    """Return an option without null, which stands beside all options."""
    kinds = option.get("type")
    if not isinstance(kinds, list) or "null" not in kinds:
        return option
    rest = [kind for kind in kinds if kind != "null"]
    return {**option, "type": rest[0] if len(rest) == 1 else rest}
