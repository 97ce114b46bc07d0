"""A JSON Schema from examples of answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.answers.kinds import find_kind
from core.errors import LabError
from core.tasks.wording import normalize
from core.values import Example

MAX_ENUM = 100  # Values of a list to choose from; a prompt names them all.
MAX_FIELDS = 60  # Of an answer; a prompt describes every one.
REPEATS = 5  # Times that a text comes back on average before it is taken for a label.
MOST_NEW = 0.05  # Share of new rows that may bring a value that no row has had; more, and the field is open.
COPIED = 0.8  # Share of values that stand in the input from which on a field is copied out of it, and open.
SHOWN = 3  # Examples of a text.
LONGEST_SHOWN = 40  # Characters of one.
# Objects within an answer whose names differ from row to row are maps: this many names, each in at most this share of them.
MAP_NAMES = 20
MAP_SHARE = 0.1
MAP_OBJECTS = 10


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an answer comes from: its normalised input in spaces, and the rows that came with it."""

    asked: str
    group: str


@dataclass(frozen=True, slots=True)
class Closure:
    """Whether a field's texts look like a closed list of labels, and by which counts.

    Args:
        values: Distinct texts.
        rows: How many texts there are.
        new: Share of new rows (of new groups where there are groups) that would bring another text, estimated.
        copied: Share of the texts that stand in their row's input; 0 where inputs are not known.
    """

    values: int
    rows: int
    new: float
    copied: float

    @property
    def closed(self) -> bool:
        """Labels come back often, hardly any is new, and they are not copied out of the input."""
        often = self.values <= MAX_ENUM and self.rows >= REPEATS * self.values
        return often and self.new <= MOST_NEW and self.copied < COPIED

    def describe(self) -> str:
        """Say in a few words what speaks for or against a closed list."""
        values = f"{self.values} value{'' if self.values == 1 else 's'} in {self.rows}"
        if self.copied >= COPIED:
            return f"{values}, {self.copied:.0%} of them copied from the input"
        if self.new < 0.001:
            return f"{values}, and hardly any new row would bring another"
        return f"{values}, about {self.new:.1%} of new rows would bring another"


def infer_schema(
    outputs: Sequence[Mapping[str, Any]], *, rows: Sequence[Example] = (), notes: list[str] | None = None
) -> dict[str, Any]:  # fmt: skip
    """Infer a closed schema from training answers: types by genson, texts that come back as `enum`, others with examples.

    A text becomes an `enum` only if its values look closed: each comes back 5 times on average, a new row would bring a
    new value in at most 5 % of cases, and fewer than 80 % of the values stand in their row's input, since what is copied
    out of a text can be anything. What is no `enum` is a text that names a few examples, so that a prompt shows its form.

    Args:
        outputs: Answers to learn the form from: of training rows alone, so that the exam tells nothing.
        rows: The examples they belong to, where known, for their inputs and groups.
        notes: Gains a sentence on which texts became lists and which did not.

    Raises:
        LabError: There are more fields than a model could answer.

    Source: the share of new rows with a new value is estimated as the number of values seen once over the number of
    all: Good 1953, *The population frequencies of species and the estimation of population parameters*, Biometrika 40.
    Rows of one group are one sighting of a value, because they are not drawn apart.
    """
    try:
        inferred = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_infer([dict(output) for output in outputs])}
    except RecursionError as error:
        raise LabError("The answers are nested too deeply.", "A model can answer a few levels.") from error
    order = list(dict.fromkeys(name for output in outputs for name in output))
    if len(order) > MAX_FIELDS:
        raise LabError(
            f"The answers have {len(order)} fields (first: {', '.join(order[:5])}).", f"Choose at most {MAX_FIELDS} columns."
        )
    properties = inferred.get("properties", {})
    groups = [row.group if row.group is not None else f"row {number}" for number, row in enumerate(rows)]
    origins = [Origin(f" {normalize(row.input)} ", group) for row, group in zip(rows, groups, strict=True)]
    origins = origins or [Origin("", f"row {number}") for number in range(len(outputs))]
    found: dict[str, Closure] = {}
    closed = _close(inferred, list(zip(outputs, origins, strict=True)), "", found)
    if notes is not None:
        notes.extend(_describe_found(found))
    return {**closed, "properties": {name: properties[name] for name in order}}


def _close(
    node: dict[str, Any], values: list[tuple[Any, Origin]], place: str, found: dict[str, Closure]
) -> dict[str, Any]:  # fmt: skip
    """Make one schema of alternatives by kind, refuse unknown fields, and say of texts what they can be, at every level; changes the node.

    Args:
        node: A schema.
        values: What stands at its place, each with its origin.
        place: Where that is, as people read it.
        found: Gains what was found of the texts, by place.
    """
    _join_kinds(node)
    objects = [(value, origin) for value, origin in values if isinstance(value, Mapping)]
    if place and _is_map([value for value, _ in objects]):
        inner = [(item, origin) for value, origin in objects for item in value.values()]
        for word in ("properties", "required"):
            node.pop(word, None)
        node["additionalProperties"] = _close(_infer([item for item, _ in inner]), inner, f"{place}.*", found)
    elif "properties" in node:
        node["additionalProperties"] = False
        for name, child in node["properties"].items():
            inner = [(value[name], origin) for value, origin in objects if name in value]
            _close(child, inner, f"{place}.{name}" if place else name, found)
    if isinstance(node.get("items"), dict):
        inner = [(item, origin) for value, origin in values if isinstance(value, list) for item in value]
        _close(node["items"], inner, place, found)
    kinds = _list_kinds(node)
    if "string" in kinds and set(kinds) <= {"string", "null"}:
        texts = [(value, origin) for value, origin in values if isinstance(value, str)]
        counts = Counter(text for text, _ in texts)
        found[place] = closure = measure_closure(texts)
        if closure.closed:
            del node["type"]
            node["enum"] = sorted(counts) + ([None] if "null" in kinds else [])
        else:
            node |= _show(counts, kinds)
    return node


def _join_kinds(node: dict[str, Any]) -> None:
    """Say alternatives that differ by kind in one schema, changing it: what is said of objects says nothing of texts."""
    alternatives = node.pop("anyOf", None)
    if alternatives is None:
        return
    kinds = dict.fromkeys(kind for option in alternatives for kind in _list_kinds(option))
    for option in alternatives:
        node |= option
    node["type"] = sorted(kinds, key="null".__eq__)  # Null last, as people say it.


def _list_kinds(node: Mapping[str, Any]) -> list[str]:
    kinds = node.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _is_map(objects: Sequence[Mapping[str, Any]]) -> bool:
    """Whether names tell rows apart and not fields: many of them, each rare, all with values of one kind."""
    counts = Counter(name for value in objects for name in value)
    if len(objects) < MAP_OBJECTS or len(counts) < MAP_NAMES:
        return False
    kinds = {find_kind(item).replace("integer", "number") for value in objects for item in value.values()} - {"null"}
    return len(kinds) == 1 and counts.total() <= MAP_SHARE * len(counts) * len(objects)


def _infer(values: Sequence[Any]) -> dict[str, Any]:
    """Infer the schema of values that stand at one place."""
    from genson import SchemaBuilder

    builder = SchemaBuilder(schema_uri=None)
    for value in values:
        builder.add_object(value)
    return dict(builder.to_schema())


def measure_closure(texts: Sequence[tuple[str, Origin]]) -> Closure:
    """Count what tells a list of labels from open texts, each given with its origin."""
    sightings = {(text, origin.group) for text, origin in texts}
    counts = Counter(text for text, _ in sightings)
    once = sum(count == 1 for count in counts.values())
    wordings = {text: f" {normalize(text)} " for text in counts}
    copied = sum(wordings[text] in origin.asked for text, origin in texts if wordings[text].strip())
    return Closure(len(counts), len(texts), once / max(1, len(sightings)), copied / max(1, len(texts)))


def _show(counts: Counter[str], kinds: Sequence[str]) -> dict[str, Any]:
    """Return what tells of an open text: a few examples, the most frequent ones, for programs and for prompts."""
    short = [text for text, _ in counts.most_common() if text.strip() and len(text) <= LONGEST_SHOWN and "\n" not in text]
    if not short:
        return {}
    kind = "text or null" if "null" in kinds else "text"
    shown = short[:SHOWN]
    return {"description": f"{kind}, for example {', '.join(map(repr, shown))}", "examples": shown}


def _describe_found(found: Mapping[str, Closure]) -> list[str]:
    """Say which texts became lists to choose from, and which came back often and did not."""
    lists = [f"{place} ({closure.describe()})" for place, closure in found.items() if closure.closed]
    often = {
        place: closure for place, closure in found.items() if not closure.closed and closure.rows >= 2 * closure.values > 0
    }
    texts = [f"{place} ({closure.describe()})" for place, closure in often.items()]
    notes = [f"Lists to choose from, by the training rows: {'; '.join(lists)}"] if lists else []
    return notes + ([f"Kept as texts, though values come back: {'; '.join(texts)}"] if texts else [])
