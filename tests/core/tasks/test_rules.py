"""How fields are marked is checked when a task is loaded, and so are the margins of its metrics."""

import json

import pytest

from core.errors import LabError
from core.tasks.loading import load_task
from tests.conftest import row, write_task


def load(folder, *, node=None, toml="", **root):
    properties = {"answer": {"type": "string"}, "area": {"enum": ["pay", "time"]}, "sure": {"type": "boolean"}, "x": node or {}}
    schema = {"type": "object", "properties": properties, **root}
    return load_task(write_task(folder / "task", train=[], test=[row(1, "q", "a", "pay")], schema=schema, toml=toml))


TEXT, COUNT, LIST = {"type": "string"}, {"type": "integer"}, {"type": "array"}


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({**TEXT, "x-score": "exakt"}, "at /properties/x: x-score is 'exakt'. It must be one of exact, text"),
        ({**TEXT, "x-score": ["text"]}, "x-score is ['text']"),
        ({**TEXT, "x-score": "number"}, "x-score is 'number', but the field is of type string"),
        ({**COUNT, "x-score": "text"}, "Text fits string"),
        ({**COUNT, "x-score": "ordinal"}, "Ordinal fits integer with minimum and maximum, or an enum"),
        ({"enum": ["a"], "x-score": "ordinal"}, "at least two values"),
        ({**TEXT, "x-score": "set"}, "Set fits array"),
        ({**COUNT, "x-tolerance": "5%"}, "x-tolerance is '5%'. It must be a number of at least 0"),
        ({**COUNT, "x-tolerance": -1}, "x-tolerance is -1"),
        ({**TEXT, "x-tolerance": 1}, "where no number is marked"),
        ({**COUNT, "x-tolerance": 1, "x-score": "exact"}, "where no number is marked"),
        ({**LIST, "x-ordered": "yes"}, "x-ordered is 'yes'"),
        ({**TEXT, "x-ordered": True}, "x-ordered is True for a field of type string"),
        ({**LIST, "items": {**TEXT, "x-score": "ignore"}}, "at /properties/x/items"),
        ({**LIST, "items": {"properties": {"a/b": {**TEXT, "x-score": "number"}}}}, "at /properties/x/items/properties/a~1b"),
        ({"anyOf": [{"type": "null"}, {**TEXT, "x-score": "number"}]}, "at /properties/x: x-score is 'number'"),
        ({"oneOf": [TEXT, {**COUNT, "x-score": "text"}]}, "at /properties/x/anyOf/1"),
        ({"$ref": "#/$defs/bad"}, "at /properties/x: x-score is 'fuzzy'"),
        ({"additionalProperties": {**TEXT, "x-score": "set"}}, "at /properties/x/additionalProperties"),
        ({"prefixItems": [TEXT, {**TEXT, "x-score": "set"}]}, "at /properties/x/prefixItems/1"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused_by_name_and_place(tmp_path, node, words):
    with pytest.raises(LabError) as caught:
        load(tmp_path, node=node, **{"$defs": {"bad": {"type": "string", "x-score": "fuzzy"}}})
    assert words in str(caught.value)
    assert "schema.json: at " in str(caught.value)


@pytest.mark.parametrize(
    "node",
    [
        {"type": ["string", "number"], "x-score": "number", "x-tolerance": 2}, {"allOf": [COUNT, {"minimum": 0}, {"maximum": 4, "x-score": "ordinal"}]},
        {"oneOf": [{"const": "lo"}, {"const": "hi"}], "x-score": "ordinal"}, {"enum": [1, 2, None], "x-score": "ordinal"}, {**COUNT, "x-tolerance": 1},
        {**LIST, "x-ordered": True, "items": {"$ref": "#"}}, {"x-score": "text"}, {"oneOf": [TEXT, COUNT], "x-score": "text"}, {"type": ["string", "null"], "x-score": "exact"}, {"type": "object", "x-score": "ignore"},
    ],
)  # fmt: skip
def test_rules_that_fit_are_taken(tmp_path, node):
    assert load(tmp_path, node=node).schema["properties"]["x"] == node


def test_a_rule_at_the_top_marks_nothing(tmp_path):
    with pytest.raises(LabError, match="x-score stands at the top"):
        load(tmp_path, **{"x-score": "text"})


def test_what_is_not_marked_is_no_metric(tmp_path):
    folder = write_task(tmp_path / "task", train=[], test=[row(1, "q", "a", "pay")])
    schema = json.loads((folder / "schema.json").read_text())
    schema["properties"]["answer"]["x-score"] = "ignore"
    (folder / "schema.json").write_text(json.dumps(schema))
    with pytest.raises(LabError, match="primary_metric is 'answer'"):
        load_task(folder)


@pytest.mark.parametrize(
    ("toml", "margins"),
    [("", {}), ("margin = 0.02\n", {"answer": 0.02}), ("[margin]\nscore = 0.1\nsure = 0.5\n", {"score": 0.1, "sure": 0.5})],
)
def test_margins_are_read(tmp_path, toml, margins):
    assert load(tmp_path, toml=toml).margins == margins


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("margin = 5\n", "margin of answer is 5"), ("margin = true\n", "margin of answer is True"), ('margin = "5%"\n', "margin of answer is '5%'"),
        ("margin = nan\n", "margin of answer is nan"), ("[margin]\nspeed = 0.1\n", "margin names 'speed'"), ("[margin]\nscore = 0\n", "margin of score is 0"),
    ],
)  # fmt: skip
def test_margins_that_mean_nothing_are_refused(tmp_path, toml, words):
    with pytest.raises(LabError) as caught:
        load(tmp_path, toml=toml)
    assert words in str(caught.value)
