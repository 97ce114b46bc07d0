import json
from pathlib import Path

import pytest

from core.answers.bounds import bound_outputs
from core.answers.intake import read_schema
from core.answers.parsing import parse
from core.answers.validation import validate
from core.answers.writing import serialize
from core.errors import LabError

SCHEMA = {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"enum": ["x", None]}}, "required": ["b"]}


@pytest.mark.parametrize(
    ("text", "stage", "value"),
    [
        ('{"b": 1}', "strict", {"b": 1}),
        ('Sure! ```json\n{"b": 1}\n``` Bye', "extracted", {"b": 1}),
        ('{"s": "a } b", "t": "\\"{"} tail', "extracted", {"s": "a } b", "t": '"{'}),
        ("{'b': 1,}", "repaired", {"b": 1}),
        ('{"b": 1, "c": "cut of', "repaired", {"b": 1, "c": "cut of"}),
        ("no json here", "failed", None),
        ("", "failed", None),
        ('{"b": NaN}', "failed", None),
        ('{"b": 1e999}', "failed", None),
        ("[" * 100_000, "failed", None),
    ],
)
def test_parse_says_how_it_got_there(text, stage, value):
    found = parse(text)
    assert (found.stage, found.value) == (stage, value)


def test_duplicate_keys_are_legal_but_reported():
    found = parse('{"b": 1, "b": 2}')
    assert found.stage == "strict"
    assert [issue.keyword for issue in found.issues] == ["duplicateKey"]


def test_serializer_follows_the_schema_not_the_object():
    assert serialize({"a": "x", "b": 1, "ü": "é"}, SCHEMA) == '{"b": 1, "a": "x", "ü": "é"}'


def test_validate_names_pointer_keyword_and_words():
    issues = validate({"b": "one", "a": "y"}, SCHEMA)
    assert {(issue.pointer, issue.keyword) for issue in issues} == {("/b", "type"), ("/a", "enum")}
    assert any("integer" in issue.message for issue in issues)
    assert validate({"b": 1, "a": None}, SCHEMA) == []


def test_hostile_pattern_ends(monkeypatch):
    schema = {"type": "object", "properties": {"s": {"type": "string", "pattern": "^(a+)+$"}}}
    issues = validate({"s": "a" * 40 + "!"}, schema)
    assert [issue.keyword for issue in issues] == ["pattern"]


def test_remote_reference_opens_no_connection(monkeypatch):
    import socket

    def refuse(*_args, **_kwargs):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    issues = validate({"a": 1}, {"type": "object", "properties": {"a": {"$ref": "http://example.com/x.json"}}})
    assert [issue.keyword for issue in issues] == ["$ref"]


@pytest.mark.parametrize("schema", [[], {"type": "nonsense"}, {"type": "array"}, {"type": "object"}])
def test_what_is_no_answer_schema_is_refused(schema):
    with pytest.raises(LabError, match="here"):
        read_schema(json.loads(json.dumps(schema)), origin="here")


HOSTILE = "^(a+)+$"


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"properties": {"a": {"pattern": HOSTILE + "b"}}}, "pattern"),
        ({"properties": {"a": {"pattern": "("}}}, "$schema"),
        ({"patternProperties": {"(": True}}, "$schema"),
        ({"type": "nope"}, "$schema"),
        ({"minimum": "x"}, "$schema"),
        ({"$ref": "http://127.0.0.1:1/x.json"}, "$ref"),
        ({"$ref": "file:///etc/passwd"}, "$ref"),
        ({"properties": {"a": {"$ref": "#/nowhere"}}}, "$ref"),
    ],
)
def test_no_schema_makes_validation_raise_or_hang(schema, keyword):
    issues = validate({"a": "a" * 40 + "!"}, schema)
    assert keyword in {issue.keyword for issue in issues}


def test_hostile_patterns_for_keys_are_cut_short():
    import time

    start = time.perf_counter()
    validate({"a" * 40 + "!": 1}, {"patternProperties": {HOSTILE: {"type": "null"}}, "additionalProperties": False})
    assert time.perf_counter() - start < 5


def test_keys_by_pattern_and_additional_keys():
    schema = {
        "properties": {"a": True},
        "patternProperties": {"^k": {"type": "null"}},
        "additionalProperties": {"type": "integer"},
    }
    assert validate({"a": "x", "k1": None, "z": 3}, schema) == []
    assert {issue.pointer for issue in validate({"k1": 0, "z": "no"}, schema)} == {"/k1", "/z"}
    assert validate({"b": 1}, {"properties": {"a": True}, "additionalProperties": False})[0].keyword == "additionalProperties"


def test_a_huge_value_is_refused_in_words():
    assert validate([0] * 60_000, {"uniqueItems": True})[0].keyword == "size"


def test_json_test_suite():
    """Every text that JSON must accept is `strict`, none that it must reject is, and nothing crashes (340 cases)."""
    import base64
    import gzip
    import json

    path = Path(__file__).resolve().parents[4] / "shared" / "data" / "json_test_suite" / "cases.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"needs the JSON test suite at {path}")
    cases = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    assert len(cases) == 340
    for case in cases:
        text = base64.b64decode(case["bytes_b64"]).decode("utf-8", errors="surrogateescape")
        stage = parse(text).stage
        if case["expect"] == "accept":
            assert stage == "strict", case["name"]
        if case["expect"] == "reject":
            assert stage != "strict", case["name"]


def test_open_text_ends_at_twice_what_is_known():
    schema = {"properties": {"a": {"type": ["string", "null"]}, "b": {"type": "string", "maxLength": 5}, "c": {"enum": ["x"]}}}
    outputs = [{"a": "y" * 20, "b": "z", "c": "x"}, {"a": None, "b": "zz", "c": "x"}]
    bounded = bound_outputs(schema, outputs)["properties"]
    assert bounded["a"]["maxLength"] == 40
    assert bounded["b"] == {"type": "string", "maxLength": 5}
    assert "maxLength" not in schema["properties"]["a"]
    assert all(len(output["a"] or "") <= bounded["a"]["maxLength"] for output in outputs)


def test_open_lists_end_too_at_every_level():
    item = {"type": "object", "properties": {"v": {"type": "string"}}}
    schema = {"properties": {"a": {"type": "array", "items": item}, "b": {"type": "array", "maxItems": 9}}}
    bounded = bound_outputs(schema, [{"a": [{"v": "x" * 30}] * 3, "b": []}, {"a": [], "b": [1]}])["properties"]
    assert bounded["a"]["maxItems"] == 6
    assert bounded["a"]["items"]["properties"]["v"]["maxLength"] == 60
    assert bounded["b"]["maxItems"] == 9


SHARED = {
    "properties": {
        "label": {"$ref": "#/$defs/label"},
        "short": {"$ref": "#/$defs/short"},
        "date": {"$ref": "#/$defs/date"},
        "either": {"anyOf": [{"$ref": "#/$defs/label"}, {"type": "string", "pattern": "^x+$"}]},
        "open": {"$ref": "#/$defs/open"},
        "own": {"type": "string"},
        "same": {"$ref": "#/properties/own"},
        "list": {"prefixItems": [{"$ref": "#/$defs/label"}], "items": {"$ref": "#/$defs/open"}},
        "any": True,
    },
    "$defs": {
        "label": {"enum": ["a label of more than sixteen characters", "b"]},
        "short": {"type": "string", "maxLength": 90},
        "date": {"type": "string", "format": "date"},
        "open": {"type": "string"},
    },
}


def test_what_is_limited_behind_a_reference_is_not_bounded_again():
    row = {name: "b" for name in SHARED["properties"]} | {"list": ["b", "c", "d"], "date": "2026-01-01", "either": "x"}
    bounded = bound_outputs(SHARED, [row])
    properties = bounded["properties"]
    assert properties["label"]["enum"] == SHARED["$defs"]["label"]["enum"]
    assert (properties["short"]["maxLength"], properties["date"]["format"]) == (90, "date")
    for name in ("own", "same", "open"):
        assert properties[name] == {"type": "string", "maxLength": 16}, name
    assert properties["list"]["items"]["maxLength"] == 16
    long = row | {"label": SHARED["$defs"]["label"]["enum"][0], "short": "y" * 90, "either": "x" * 50, "any": {"of": "it"}}
    assert not validate(long, bounded)
    assert validate(row | {"own": "z" * 99}, bounded)


def test_a_bound_never_undercuts_what_the_schema_demands():
    schema = {
        "properties": {
            "text": {"$ref": "#/$defs/long"},
            "list": {"type": "array", "minItems": 50, "items": {"type": "integer"}},
        },
        "$defs": {"long": {"type": "string", "minLength": 600}},
    }
    bounded = bound_outputs(schema, [{"text": "short", "list": [1]}])["properties"]
    assert (bounded["text"]["maxLength"], bounded["list"]["maxItems"]) == (600, 50)


def test_the_decoding_copy_has_one_order_however_the_schema_is_written():
    def part(name):
        return {"properties": {name: {"type": "integer"}}, "required": [name]}

    schema = {
        "allOf": [{"anyOf": [part("d"), part("e")]}, {"$ref": "#/$defs/c"}, part("b")],
        **part("a"),
        "$defs": {"c": part("c")},
    }
    value = {"e": 5, "c": 3, "b": 2, "a": 1}
    bounded = bound_outputs(schema, [value])
    assert list(bounded["anyOf"][1]["properties"]) == list(json.loads(serialize(value, schema))) == ["a", "c", "b", "e"]
    assert not validate(value, bounded)


def test_what_the_copy_does_not_read_it_passes_on():
    schema = {
        "properties": {"a": {"type": "string", "pattern": "x", "allOf": [{"pattern": "y"}]}, "b": {"type": "integer"}},
        "not": {"required": ["b"], "properties": {"b": {"$ref": "#/$defs/zero"}}},
        "unevaluatedProperties": False,
        "$defs": {"zero": {"const": 0}},
    }
    bounded = bound_outputs(schema, [{"a": "xy"}])
    for value in ({"a": "xy"}, {"a": "xy", "b": 1}, {"a": "x"}, {"a": "y"}, {"b": 0}, {"c": 1}):
        assert bool(validate(value, bounded)) == bool(validate(value, schema)), value
    assert bounded["additionalProperties"] is False


def test_a_schema_within_itself_is_not_bounded_by_its_outermost_values():
    tree = {"type": "object", "properties": {"name": {"type": "string"}, "below": {"type": "array", "items": {"$ref": "#"}}}}
    bounded = bound_outputs(tree, [{"name": "a", "below": [{"name": "n" * 40, "below": []}]}])
    assert not validate({"name": "a", "below": [{"name": "n" * 40, "below": []}]}, bounded)


def test_keys_behind_a_reference_are_written_in_its_order():
    person = {"type": "object", "properties": {"first": {"type": "string"}, "last": {"type": "string"}}}
    schema = {
        "properties": {
            "one": {"$ref": "#/$defs/person"},
            "many": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/person"}, {"type": "null"}]}},
            "plain": True,
        },
        "$defs": {"person": person},
    }
    value = {"plain": {"b": 1, "a": 2}, "many": [{"last": "L", "x": 0, "first": "F"}, None], "one": {"last": "L", "first": "F"}}
    assert serialize(value, schema) == (
        '{"one": {"first": "F", "last": "L"}, "many": [{"first": "F", "last": "L", "x": 0}, null], "plain": {"b": 1, "a": 2}}'
    )
    inline = {"properties": {"one": person, "many": {"type": "array", "items": person}, "plain": {}}}
    assert serialize(value, schema) == serialize(value, inline)


def test_keys_end_too_where_known_answers_have_no_others():
    """A schema that leaves other keys open lets a small model invent them until it is cut."""
    inner = {"type": "object", "properties": {"x": {"type": "integer"}}}
    schema = {
        "type": "object",
        "properties": {"a": inner, "map": {"type": "object", "additionalProperties": {"type": "integer"}}},
    }
    bounded = bound_outputs(schema, [{"a": {"x": 1}, "map": {"k": 1, "l": 2, "m": 3}}])
    assert bounded["additionalProperties"] is False
    assert bounded["properties"]["a"]["additionalProperties"] is False
    assert bounded["properties"]["map"]["maxProperties"] == 6
    other = bound_outputs(schema, [{"a": {"x": 1, "new": 2}, "map": {}}])
    assert "additionalProperties" not in other["properties"]["a"]
    assert not validate({"a": {"x": 1, "new": 2}, "map": {}}, other)
