"""What a prompt says of the answer's fields: however the schema says it, the same; and for the bundled tasks never another text."""

import hashlib
import json

import pytest

from core.answers.writing import serialize
from core.comparison.description import describe_answer
from core.comparison.prompts import build_prompt
from core.settings import BUNDLED_TASKS
from core.tasks.loading import load_task

# Of the prompt of a question with fifty training examples as its shots, and of all training targets. Adapters learned from these
# texts: a change needs other adapters for every task, so it is no repair.
LEARNED = {
    "answer-grading": ("121e666529956920", "d4e4b47c2562e074"),
    "cv-match": ("fff302fd8376e5a4", "1a25dcb570a2150c"),
    "cv-screening": ("caa7cefd485b53ea", "b67277d1a41a3066"),
    "hiring-handbook": ("8d6e148ec9714949", "e1e8b0fcea39849f"),
    "ml-interview": ("c04cd681bc4f123c", "d3037e38dcbf4fe3"),
}
DEFS = {
    "area": {"enum": ["sales", "law"], "description": "Where it belongs"},
    "state": {"type": "string", "enum": ["open", "shut"]},
    "text": {"type": "string"},
}
FIELDS = {
    "true": (True, "any"),
    "empty": ({}, "any"),
    "plain": ({"type": ["string", "null"]}, "string or null"),
    "worded": ({"enum": ["a", "b"], "description": "the code"}, "the code: one of a, b"),
    "reference": ({"$ref": "#/$defs/state"}, "one of open, shut"),
    "described": ({"$ref": "#/$defs/area"}, "Where it belongs: one of sales, law"),
    "own words": ({"$ref": "#/$defs/area", "description": "The area"}, "The area: one of sales, law"),
    "labels or null": ({"anyOf": [{"$ref": "#/$defs/state"}, {"type": "null"}]}, "one of open, shut, null"),
    "text or null": ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
    "choice": ({"oneOf": [{"$ref": "#/$defs/text"}, {"type": "integer"}, {"type": "null"}]}, "string or integer or null"),
    "text or label": ({"anyOf": [{"$ref": "#/$defs/state"}, {"type": "integer"}]}, "one of open, shut or integer"),
    "all": ({"allOf": [{"$ref": "#/$defs/text"}, {"description": "a name"}]}, "a name"),
    "constant": ({"const": 5}, "always 5"),
    "null": ({"anyOf": [{"type": "null"}]}, "null"),
    "odd values": ({"enum": ["", "a, b", "c", True, 2]}, 'one of "", "a, b", c, true, 2'),
    "list": ({"type": "array", "items": {"$ref": "#/$defs/area"}}, "list of Where it belongs: one of sales, law"),
    "described list": (
        {"type": "array", "description": "all areas", "items": {"$ref": "#/$defs/state"}},
        "all areas: each one of open, shut",
    ),
    "object": (
        {"properties": {"s": {"$ref": "#/$defs/state"}, "t": {"type": "string", "description": "why"}}},
        'object with "s" (one of open, shut), "t" (why)',
    ),
    "tuple": (
        {"type": "array", "prefixItems": [{"$ref": "#/$defs/text"}], "items": {"type": "integer"}},
        "list of, in this order, (string), then any number of (integer)",
    ),
    "map": (
        {"type": "object", "additionalProperties": {"$ref": "#/$defs/state"}},
        "object with any names, each (one of open, shut)",
    ),
    "long": ({"description": "w " * 300}, f"{('w ' * 200).rstrip()} … (cut after 400 characters)"),
    "dangling": ({"$ref": "#/$defs/nobody"}, "any"),
}


def _hash(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", LEARNED)
def test_bundled_tasks_keep_the_prompts_and_targets_that_adapters_learned(name):
    task = load_task(BUNDLED_TASKS / name)
    prompt = build_prompt(task, "What?", shots=task.train[:50])
    targets = [serialize(example.output, task.schema) for example in task.train]
    assert (_hash([[message.role, message.content] for message in prompt]), _hash(targets)) == LEARNED[name]


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_described_however_its_schema_says_it(name):
    field, words = FIELDS[name]
    assert describe_answer({"properties": {"x": field}, "$defs": DEFS}).endswith(f'Its fields: "x" ({words}).')


def test_what_must_be_absent_is_not_asked_for():
    said = describe_answer({"properties": {"x": False, "y": {"allOf": [{"enum": ["a"]}, {"enum": ["b"]}]}, "z": True}})
    assert said.endswith('Its fields: "z" (any).')


def test_a_task_with_a_field_of_any_kind_is_asked(task_folder):
    place = task_folder / "schema.json"
    schema = json.loads(place.read_text())
    schema["properties"] |= {"more": True}
    place.write_text(json.dumps(schema))
    task = load_task(task_folder)
    system, *_ = build_prompt(task, "What?", shots=task.train[:2])
    assert system.content.endswith('"more" (any).')
