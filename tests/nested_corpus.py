"""Schemas as people bring them, each with answers that are right: what `tests/core/test_nested_corpus.py` walks over.

`schemas/pydantic.jsonl` holds models as pydantic writes them, which `schema_forms.py` rewrites as other tools do;
`schemas/native.jsonl` what has no such twin, `schemas/refused.jsonl` what is refused, with a part of the sentence.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from schema_forms import FORMS

FOLDER = Path(__file__).parent / "schemas"


@dataclass(frozen=True)
class Case:
    """A schema as it was written, answers valid under it, and what the refusal says where it is refused."""

    name: str
    schema: object
    golds: tuple
    refused: str = ""


def load_corpus():
    """Return every schema of the corpus that is accepted."""
    cases = []
    for row in _read("pydantic.jsonl"):
        for form, write in FORMS.items():
            schema = write(row["schema"], row["name"])
            if schema is None:
                continue
            golds = row["golds"]
            if form == "function":
                golds = [fill(gold, row["schema"], row["schema"].get("$defs", {})) for gold in golds]
            cases.append(Case(f"{form}-{row['name']}", schema, tuple(golds)))
    return cases + [Case(row["name"], row["schema"], tuple(row["golds"])) for row in _read("native.jsonl")]


def load_refused():
    """Return the schemas that are refused with a sentence."""
    return [Case(row["name"], row["schema"], (), row["refused"]) for row in _read("refused.jsonl")]


def fill(value, node, named):
    """Return an answer with null for every field that it leaves out, as a form wants it in which all are required."""
    while "$ref" in node:
        node = named[node["$ref"].rsplit("/", 1)[1]]
    if isinstance(value, list):
        return [fill(item, node.get("items", {}), named) for item in value]
    if not isinstance(value, dict) or "properties" not in node:
        options = [option for option in node.get("anyOf", node.get("oneOf", ())) if option != {"type": "null"}]
        return fill(value, options[0], named) if len(options) == 1 else value
    return {name: fill(value.get(name), part, named) for name, part in node["properties"].items()}


def _read(file):
    path = FOLDER / file
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
