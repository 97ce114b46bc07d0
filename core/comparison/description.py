"""The form of an answer in words for a model: every field, also those within fields, with its values and what is said of it.

Adapters learn from these words, so they follow from what the schema says and not from how it is written: the same model
exported by pydantic, zod or OpenAPI reads the same. What is too long is cut, and the words say so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from core.answers.kinds import EVERY, KINDS
from core.answers.view import SchemaView, view_schema

MAX_TEXT = 400  # Characters of one description.
MAX_VALUES = 150  # Of one list to choose from; as many labels as a task with many intents has.
MAX_LEVELS = 8  # Of objects within objects.
MAX_WHOLE = 12_000  # Characters, some 3,000 tokens: what then still comes is named and not described.
LEAST_REPEATED = 80  # Characters: a shorter description of an object is repeated where it comes again.


def describe_answer(schema: Mapping[str, Any]) -> str:
    """Describe the answer's fields in one line for a model: names, allowed values, descriptions."""
    view, teller = view_schema(schema), _Teller()
    forms = list(dict.fromkeys(teller.tell_answer(option) for option in view.readings))
    start = "Answer with one JSON object and nothing else."
    if len(forms) == 1:
        return f"{start} Its fields: {forms[0]}."
    numbered = " ".join(f"({number}) {form}." for number, form in enumerate(forms, start=1))
    return f"{start} Its fields are those of one of these forms: {numbered}"


def describe_fields(schema: Mapping[str, Any]) -> dict[str, str]:
    """Describe each field at the top of a schema, in whichever of its forms it stands first, as a prompt does."""
    teller = _Teller()
    return {name: teller.describe(view, name) for name, view in view_schema(schema).names.items()}


class _Teller:
    """Describes the places of one schema, and remembers what it has told."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}  # Where each longer object was described first.
        self._texts: dict[tuple[Any, ...], str] = {}  # Objects that were described, each once.
        self._within: dict[tuple[Any, ...], str] = {}  # What is being described, from the outside in.
        self._length = 0

    def tell_answer(self, view: SchemaView) -> str:
        """Name the fields of the whole answer."""
        self._within = {_find_key(view): "the whole answer"}
        return self._list_fields(view, "; ")

    def describe(self, view: SchemaView, name: str) -> str:
        """Say what one field takes."""
        return self._describe(view, name)[0]

    def _list_fields(self, view: SchemaView, separator: str) -> str:
        """Name the fields of an object with what each takes."""
        known = {name: field for name, field in view.fields.items() if not _is_forbidden(field)}
        others = {f"names like {pattern}": child for pattern, child in view.patterns.items()}
        if view.others is not None and view.others.nodes:
            others["other names" if known else "any names"] = view.others
        parts = [f'"{name}"{self._add_words(field, name, before=" ")}' for name, field in known.items()]
        parts += [f"{names}{self._add_words(child, names, before=', each ')}" for names, child in others.items()]
        bare = sum(not part.endswith(")") for part in parts)
        more = [f"the last {bare} are not described here"] if bare else []
        return separator.join([*parts, *more])

    def _add_words(self, view: SchemaView, name: str, *, before: str) -> str:
        """Return what a field takes in brackets; nothing once the whole is too long."""
        if self._length > MAX_WHOLE:
            self._length += len(name)
            return ""
        return f"{before}({self._describe(view, name)[0]})"

    def _describe(self, view: SchemaView, name: str) -> tuple[str, bool]:
        """Say what a field takes: in the task's words where it has some, then what they do not tell; and whether that is much."""
        start = self._length
        said, (words, more) = _read_description(view), self._tell(view, name)
        words = _put_together(said, words, more=more)
        self._length = start + len(words)  # What stands inside is part of it.
        return words, more or bool(said)

    def _tell(self, view: SchemaView, name: str, *, beside: bool = False) -> tuple[str, bool]:
        """Say what may stand at a place, and whether that is more than a description would tell.

        With `beside` it is one of several alternatives, for which null is told once.
        """
        nullable = view.nullable and not beside
        if view.choices is not None:
            return self._tell_values(view, nullable=nullable), True
        null = ["null"] if nullable and view.atoms != EVERY else []
        if view.alternatives:
            options = [self._tell_option(option, name) for option in view.alternatives]
            words = list(dict.fromkeys(option[0] for option in options))
            return _join([*words, *null]), any(option[1] for option in options)
        if view.atoms == EVERY and len(view.kinds) >= len(KINDS) - 1:
            return "any", False
        told = [self._tell_kind(view, kind, name) for kind in _order_kinds(view)]
        return _join([*(words for words, _ in told), *null]), any(more for _, more in told)

    def _tell_option(self, view: SchemaView, name: str) -> tuple[str, bool]:
        """Say what one of several alternatives is."""
        said, (words, more) = _read_description(view), self._tell(view, name, beside=True)
        return _put_together(said, words, more=more), more or bool(said)

    def _tell_values(self, view: SchemaView, *, nullable: bool) -> str:
        values = list(view.choices or ()) + [None] * nullable
        if len(view.nodes) == 1 and isinstance(view.nodes[0].get("enum"), list) and len(view.nodes[0]["enum"]) == len(values):
            values = view.nodes[0]["enum"]  # In the order in which it was written, null included.
        more = f" … and {len(values) - MAX_VALUES} more" if len(values) > MAX_VALUES else ""
        named = "one of " if len(values) > 1 else "always "
        return named + ", ".join(map(_write_value, values[:MAX_VALUES])) + more

    def _tell_kind(self, view: SchemaView, kind: str, name: str) -> tuple[str, bool]:
        if kind == "array":
            return self._tell_list(view, name)
        if kind == "object" and (view.fields or view.is_map):
            return self._tell_object(view, name), True
        return kind, False

    def _tell_list(self, view: SchemaView, name: str) -> tuple[str, bool]:
        if view.is_tuple:
            places = [self._describe(view.find_item(place), name)[0] for place in range(view.tuple_length)]
            rest = view.find_item(view.tuple_length)
            after = f", then any number of ({self._describe(rest, name)[0]})" if rest.nodes and rest.atoms else ""
            return f"list of, in this order, {', '.join(f'({words})' for words in places)}{after}", True
        item = view.find_item(0)
        if not item.nodes:
            return "array", False
        words, more = self._describe(item, name)
        return f"list of ({words})" if " or " in words and not words.startswith("object") else f"list of {words}", more

    def _tell_object(self, view: SchemaView, name: str) -> str:
        """Describe an object by its fields; one that contains itself, or was described before, by where that was."""
        key = _find_key(view)
        if key in self._within:
            return f"object like {self._within[key]}"
        if len(self._within) >= MAX_LEVELS or self._length > MAX_WHOLE:
            names = ", ".join(f'"{field}"' for field in view.fields) or "any names"
            return f"object with {names}, not described here"
        if key not in self._texts:
            self._within[key] = f'"{name}"'
            self._texts[key] = self._list_fields(view, ", ")
            del self._within[key]
        fields = self._texts[key]
        first = self._told.setdefault(fields, name)
        if first != name and len(fields) > LEAST_REPEATED:
            return f'object like "{first}"'
        return f"object with {fields}"


def _find_key(view: SchemaView) -> tuple[int, ...]:
    """Return what tells one form of objects from another."""
    return tuple(id(node) for node in view.nodes if "properties" in node or "additionalProperties" in node)


def _put_together(said: str, words: str, *, more: bool) -> str:
    """Put what the schema says of a place before what it does not tell."""
    if not said or not more:
        return said or words
    return f"{said}: {'each ' + words.removeprefix('list of ') if words.startswith('list of ') else words}"


def _join(options: list[str]) -> str:
    """Join what may stand at one place; a list or an object among several is marked off."""
    marked = [f"({words})" if words.startswith(("list of", "object with")) else words for words in options]
    return " or ".join(marked) if len(options) > 1 else options[0]


def _order_kinds(view: SchemaView) -> Iterable[str]:
    """Return the kinds of a place in the order in which the schema names them, if it does."""
    named = view.nodes[0].get("type") if view.nodes else None
    if isinstance(named, list) and set(named) - {"null"} == set(view.kinds):
        return [kind for kind in named if kind != "null"]
    return view.kinds


def _read_description(view: SchemaView) -> str:
    """Return what the schema says of a place in words, on one line; the outermost words count."""
    said = view.keywords.get("description")
    text = " ".join(said.split()) if isinstance(said, str) else ""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT].rstrip()} … (cut after {MAX_TEXT} characters)"


def _is_forbidden(field: SchemaView) -> bool:
    """Say whether no value may stand here, as under `false`."""
    return not field.atoms or (field.choices == () and not field.nullable)


def _write_value(value: Any) -> str:
    """Write a value to choose: a text as it is, in quotes where its end would not show."""
    plain = isinstance(value, str) and value.strip() == value != "" and ", " not in value and "\n" not in value
    return str(value) if plain else json.dumps(value, ensure_ascii=False)
