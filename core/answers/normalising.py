"""One form for schemas of every dialect: draft 2020-12, in which every reference is a pointer inside the document.

Whoever reads a schema reads this form: view, validator, constraint. What a dialect says otherwise is put into it by
`core/answers/dialects.py`; where references point is found by `core/answers/references.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from core.answers.dialects import convert, relocate
from core.answers.keywords import Path
from core.answers.references import DRAFTS, REFERENCES, SchemaIndex, index_schema, read, walk, write_pointer
from core.errors import LabError

MAX_DEPTH = 100  # Levels; whoever reads a schema recurses.
PLAIN = "https://json-schema.org/draft/2020-12/schema"
NAMES = {"$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor"}  # What pointers make needless.


def normalise_schema(schema: Any) -> Any:
    """Return a copy of a schema in the one form; a schema in that form comes back equal.

    Total but for depth: what is no schema stays as it is, for `check_schema` to refuse.

    Raises:
        LabError: It is nested too deeply.
    """
    check_depth(schema, what="The schema")
    index = index_schema(schema)
    return _copy(schema, (), index, keep=_is_dynamic(index))


def check_depth(value: Any, *, what: str) -> None:
    """Refuse JSON that is nested deeper than we read.

    Raises:
        LabError: Says so of `what`.
    """
    waiting = [(value, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise LabError(
                f"{what} is nested deeper than {MAX_DEPTH} levels.",
                "Keep parts of it in $defs and refer to them, or leave levels out.",
            )
        if isinstance(node, Mapping | list):
            waiting.extend((part, depth + 1) for part in (node.values() if isinstance(node, Mapping) else node))


def _copy(node: Any, path: Path, index: SchemaIndex, *, keep: bool) -> Any:
    """Copy a part of a document, converting what is a schema; `keep` leaves references and names as they are."""
    if isinstance(node, list):
        return [_copy(item, (*path, place), index, keep=keep) for place, item in enumerate(node)]
    if not isinstance(node, Mapping):
        return node
    place = index.places.get(path)
    copied = {word: _copy(value, (*path, word), index, keep=keep) for word, value in node.items()}
    if place is None:
        return copied
    if not keep:
        _point(copied, node, path, index)
    plain = convert(copied, place.draft)
    if "$schema" in plain and isinstance(plain["$schema"], str):
        if path:
            del plain["$schema"]
        elif "/2020-12/" not in plain["$schema"]:
            plain["$schema"] = PLAIN
    return plain


def _point(copied: dict[str, Any], node: Mapping[str, Any], path: Path, index: SchemaIndex) -> None:
    """Write the references of a schema as pointers, and leave out the names that are then needless."""
    place = index.places[path]
    for word in REFERENCES:
        reference = node.get(word)
        if not isinstance(reference, str):
            continue
        target = index.find(reference, place.base)
        if target is None:
            continue
        moved = _move(target, index)
        plain = reference == "#" or reference.startswith("#/")
        same = plain and moved == target and walk(index.root, (), unquote(reference).split("/")[1:]) == target
        pointer = reference if same else write_pointer(moved)
        if word == "$ref":
            copied[word] = pointer
        else:
            del copied[word]
            copied["allOf"] = [*copied.get("allOf", ()), {"$ref": pointer}]
    for word in NAMES & set(node):
        named = word != "id" or place.draft <= DRAFTS["draft-04"]
        if named and isinstance(node[word], str | bool) and (path or word != "$id"):
            del copied[word]


def _move(path: Path, index: SchemaIndex) -> Path:
    """Return where what stands at a path stands in the one form."""
    moved: list[str | int] = []
    node = index.root
    for length, key in enumerate(path):
        place = index.places.get(path[:length])
        found = relocate(node, place.draft).get(str(key)) if place is not None and isinstance(node, Mapping) else None
        moved.extend(found or (key,))
        node = node[key]
    return tuple(moved)


def _is_dynamic(index: SchemaIndex) -> bool:
    """Whether what a reference points to depends on the way that leads to it, which no pointer can say."""
    nodes = (read(index.root, path) for path in index.places)
    asked = any(isinstance(node, Mapping) and {"$dynamicRef", "$recursiveRef"} & set(node) for node in nodes)
    return asked and len(set(index.resources.values())) > 1
