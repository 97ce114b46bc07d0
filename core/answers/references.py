"""What the references of a schema point to: by pointer, by anchor, by the `$id` of a part.

Nothing outside the document is ever looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urljoin

from core.answers.keywords import Path, list_subschemas

DRAFTS = {"draft-03": 3, "draft-04": 4, "draft-06": 6, "draft-07": 7, "2019-09": 2019, "2020-12": 2020}
NEWEST = 2020
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a schema stands: the document it counts as part of, and the draft that it is written in."""

    base: str
    draft: int


@dataclass(slots=True)
class SchemaIndex:
    """All places of a document where a schema stands, and the names by which they are referred to."""

    root: Any
    places: dict[Path, Place] = field(default_factory=dict)
    resources: dict[str, Path] = field(default_factory=dict)
    anchors: dict[tuple[str, str], Path] = field(default_factory=dict)

    def find(self, reference: str, base: str) -> Path | None:
        """Return where a reference points to, None where that is not in the document."""
        document, _, fragment = _join(base, reference).partition("#")
        start = self.resources.get(document)
        if start is None:
            return None
        name = unquote(fragment)
        if name and not name.startswith("/"):
            return self.anchors.get((document, name))
        return walk(self.root, start, name.split("/")[1:])


def index_schema(root: Any) -> SchemaIndex:
    """Find every schema of a document: where keywords put them, and where references point to."""
    index = SchemaIndex(root)
    start = root.get("$schema") if isinstance(root, Mapping) else None
    waiting: list[tuple[Path, Any, Place]] = [((), root, Place("", _find_draft(start) or NEWEST))]
    index.resources[""] = ()
    while waiting:
        references = list(_scan(index, waiting))
        waiting = []
        for reference, place in references:  # A reference may point to a place that no keyword makes a schema.
            path = index.find(reference, place.base)
            if path is not None and path not in index.places:
                waiting.append((path, read(root, path), place))
    return index


def _scan(index: SchemaIndex, waiting: list[tuple[Path, Any, Place]]) -> list[tuple[str, Place]]:
    """Index the schemas given and all inside them; return the references that were met."""
    references = []
    while waiting:
        path, node, place = waiting.pop()
        if path in index.places:
            continue
        place = _enter(index, path, node, place)
        index.places[path] = place
        if isinstance(node, Mapping):
            references += [(node[word], place) for word in REFERENCES if isinstance(node.get(word), str)]
            waiting.extend(((*path, *way), child, place) for way, child in list_subschemas(node))
    return references


def _enter(index: SchemaIndex, path: Path, node: Any, around: Place) -> Place:
    """Return the place of a schema, and note the names that it gives itself."""
    if not isinstance(node, Mapping):
        return around
    draft = around.draft
    own = node.get("id" if draft <= DRAFTS["draft-04"] else "$id")
    if isinstance(own, str):
        draft = _find_draft(node.get("$schema")) or draft
    base = around.base
    # Up to draft 7 nothing counts beside a reference.
    if isinstance(own, str) and not (draft <= DRAFTS["draft-07"] and "$ref" in node):
        document, _, fragment = _join(base, own).partition("#")
        base = base if own.startswith("#") else document
        if not own.startswith("#"):
            index.resources.setdefault(document, path)
        if fragment:
            index.anchors.setdefault((base, unquote(fragment)), path)
    for word in ("$anchor", "$dynamicAnchor"):
        if isinstance(node.get(word), str):
            index.anchors.setdefault((base, node[word]), path)
    return Place(base, draft)


def _find_draft(uri: Any) -> int | None:
    """Return the draft that `$schema` names, None where it names none that we know."""
    return next((draft for name, draft in DRAFTS.items() if isinstance(uri, str) and f"/{name}/" in uri), None)


def _join(base: str, reference: str) -> str:
    if reference.startswith("#"):  # `urljoin` forgets a base such as urn:uuid:….
        return base + reference
    try:
        return urljoin(base, reference)
    except ValueError:  # No address at all.
        return reference


def walk(root: Any, start: Path, tokens: list[str]) -> Path | None:
    """Follow the tokens of a JSON pointer from a place; None where there is nothing."""
    node, path = read(root, start), start
    for token in tokens:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping) and key in node:
            node, path = node[key], (*path, key)
        elif isinstance(node, list) and key.isdecimal() and len(key) < 6 and int(key) < len(node):
            node, path = node[int(key)], (*path, int(key))
        else:
            return None
    return path


def read(root: Any, path: Path) -> Any:
    """Return what stands at a path that exists."""
    for key in path:
        root = root[key]
    return root


def write_pointer(path: Path) -> str:
    """Write a path as a reference inside the document."""
    parts = (str(key).replace("~", "~0").replace("/", "~1").replace("%", "%25") for key in path)
    return "#" + "".join(f"/{part}" for part in parts)


def find_outside(schema: Any) -> str | None:
    """Return the first reference of a schema to what is not in it, None where there is none."""
    index = index_schema(schema)
    for path, place in index.places.items():
        node = read(schema, path)
        for word in REFERENCES:
            reference = node.get(word) if isinstance(node, Mapping) else None
            if isinstance(reference, str) and index.find(reference, place.base) is None:
                return reference
    return None


def follow(reference: str, root: Mapping[str, Any]) -> Any:
    """Return what a reference of a normalised document points to; True, which says nothing, where that is not in it."""
    base, _, fragment = reference.partition("#")
    if base and base != root.get("$id"):
        return True
    if fragment and not fragment.startswith("/"):
        return _find_anchor(fragment, root)
    path = walk(root, (), unquote(fragment).split("/")[1:])
    return True if path is None else read(root, path)


def _find_anchor(name: str, root: Mapping[str, Any]) -> Any:
    """Return the schema with an anchor, wherever it stands."""
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            if name in (node.get("$anchor"), node.get("$dynamicAnchor")):
                return node
            waiting.extend(child for _, child in list_subschemas(node))
    return True
