"""One reading of a schema, however it is written."""

import gzip
import json
from pathlib import Path

import pytest

from core.answers.kinds import find_kind
from core.answers.view import view_schema


def field(node, **root):
    return view_schema({"type": "object", "properties": {"a": node}, **root}).fields["a"]


DEFINITIONS = {
    "$defs": {
        "word": {"type": "string", "maxLength": 9},
        "maybe": {"anyOf": [{"$ref": "#/$defs/word"}, {"type": "null"}]},
        "again": {"$ref": "#/$defs/maybe"},
        "circle": {"$ref": "#/$defs/circle"},
        "here": {"$anchor": "spot", "type": "boolean"},
    }
}


@pytest.mark.parametrize(
    ("node", "kinds", "nullable"),
    [
        ({"type": "string"}, ("string",), False),
        ({"type": ["string", "null"]}, ("string",), True),
        ({"type": ["number", "string"]}, ("string", "number"), False),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, ("integer",), True),
        ({"oneOf": [{"type": "null"}, {"$ref": "#/$defs/word"}]}, ("string",), True),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "type": "string"}, ("string",), False),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}, ("string", "integer"), True),
        ({"$ref": "#/$defs/word"}, ("string",), False),
        ({"$ref": "#/$defs/again"}, ("string",), True),
        ({"$ref": "#spot"}, ("boolean",), False),
        ({"allOf": [{"type": "number"}, {"type": "integer"}]}, ("integer",), False),
        ({"allOf": [{"$ref": "#/$defs/maybe"}], "description": "x"}, ("string",), True),
        ({"properties": {"x": True}}, ("object",), True),
        ({"items": {"type": "string"}}, ("array",), True),
        ({"enum": ["a", 1, None]}, ("string", "integer"), True),
        ({"const": None}, (), True),
        (False, (), False),
        (True, ("object", "array", "string", "number", "boolean"), True),
        ({"$ref": "#/$defs/circle"}, ("object", "array", "string", "number", "boolean"), True),
        ({"$ref": "#/nowhere"}, ("object", "array", "string", "number", "boolean"), True),
        ({"$ref": "http://127.0.0.1:1/x.json"}, ("object", "array", "string", "number", "boolean"), True),
    ],
)
def test_kinds_and_null(node, kinds, nullable):
    view = field(node, **DEFINITIONS)
    assert (view.kinds, view.nullable) == (kinds, nullable)


@pytest.mark.parametrize(
    ("node", "choices"),
    [
        ({"enum": ["b", "a", None]}, ("b", "a")),
        ({"const": 3}, (3,)),
        ({"oneOf": [{"const": "l", "title": "left"}, {"const": "r"}, {"type": "null"}]}, ("l", "r")),
        ({"enum": [1, 2, 3], "allOf": [{"enum": [2, 3, 4]}]}, (2, 3)),
        ({"type": "string", "enum": ["a", 1]}, ("a",)),
        ({"enum": [True, 1, 1.0]}, (True, 1.0)),
        ({"anyOf": [{"const": "l"}, {"type": "integer"}]}, None),
    ],
)
def test_choices_are_found_wherever_they_stand(node, choices):
    assert field(node).choices == choices


def test_limits_tighten_and_the_outermost_annotation_counts():
    node = {"$ref": "#/$defs/n", "maximum": 5, "x-score": "ordinal", "description": "mine"}
    view = field(node, **{"$defs": {"n": {"type": "integer", "minimum": 0, "maximum": 9, "description": "its"}}})
    assert view.keywords == {"maximum": 5, "x-score": "ordinal", "description": "mine", "minimum": 0}


def test_parts_of_an_object_are_one():
    view = field(
        {
            "properties": {"x": {"type": "string"}, "y": True},
            "required": ["x"],
            "allOf": [{"properties": {"z": {"type": "integer"}, "x": {"maxLength": 3}}, "required": ["z"]}],
        }
    )
    assert list(view.fields) == ["x", "y", "z"]
    assert view.required == {"x", "z"}
    assert (view.fields["x"].kinds, view.fields["x"].keywords) == (("string",), {"maxLength": 3})


def test_names_by_pattern_maps_and_forbidden_names():
    view = view_schema(
        {"properties": {"a": True}, "patternProperties": {"^k": {"type": "null"}, "(": True}, "additionalProperties": False}
    )
    assert view.find_field("k1").kinds == ()
    assert view.knows("k1")
    assert view.find_field("other") is None
    assert not view.knows("other")
    assert view_schema({"properties": {"a": True}, "additionalProperties": {"type": "integer"}}).find_field("b").kinds == (
        "integer",
    )
    assert view_schema({"type": "object"}).knows("anything")


def test_items_by_place():
    view = view_schema({"prefixItems": [{"type": "string"}, {"type": "boolean"}], "items": {"type": "integer"}})
    assert [view.find_item(place).kinds for place in range(3)] == [("string",), ("boolean",), ("integer",)]
    assert view.is_tuple


def test_a_schema_that_contains_itself_is_read_as_deep_as_asked():
    view = view_schema(
        {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "v": {"type": "integer"}}}
    )
    for _ in range(200):
        view = view.fields["next"]
    assert (view.kinds, view.nullable, view.fields["v"].kinds) == (("object",), True, ("integer",))


def test_the_alternative_is_picked_by_labels_keys_and_kind():
    cat = {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind"]}
    dog = {"type": "object", "properties": {"kind": {"const": "dog"}, "tricks": {"type": "array"}}, "required": ["kind"]}
    view = field({"oneOf": [cat, {"$ref": "#/$defs/dog"}, {"type": "string"}]}, **{"$defs": {"dog": dog}})
    assert list(view.pick({"kind": "dog", "lives": 9}).fields) == ["kind", "tricks"]
    assert list(view.pick({"lives": 9}).fields) == ["kind", "lives"]
    assert view.pick("x").kinds == ("string",)


def test_choices_that_multiply_end():
    layers = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 2}"}]} for n in range(60)}
    view = field({"allOf": [{"$ref": f"#/$defs/d{n}"} for n in range(40)]}, **{"$defs": layers})
    assert view.nullable
    assert view.pick({"a": 1}).kinds
    laughs = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 10} for n in range(60)}
    assert field({"$ref": "#/$defs/d0"}, **{"$defs": laughs}).nullable


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (True, "boolean"),
        (3, "integer"),
        (3.0, "integer"),
        (3.5, "number"),
        ("", "string"),
        ([], "array"),
        ({}, "object"),
    ],
)
def test_kinds_of_values(value, kind):
    assert find_kind(value) == kind


def test_what_the_json_schema_test_suite_calls_valid_a_view_allows():
    path = Path(__file__).resolve().parents[4] / "shared" / "data" / "json_schema_test_suite" / "cases.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"needs the JSON Schema test suite at {path}")
    cases = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    valid = [case for case in cases if case["valid"] and case["draft"] == "draft2020-12"]
    assert len(valid) > 1000
    for case in valid:
        view, value = view_schema(case["schema"]), case["data"]
        kind = find_kind(value)
        assert {kind, "fraction" if kind == "number" else kind} & view.atoms, case
        if view.choices is not None and value is not None:
            assert any(value == choice for choice in view.choices), case
        if isinstance(value, dict):
            assert all(view.pick(value).find_field(name) is not None for name in value), case
