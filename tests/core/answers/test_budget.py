"""No schema and no value may take long, or much memory: each of these took minutes or gigabytes once."""

import time

import pytest

from core.answers.validation import check_schema, validate
from core.errors import LabError


def ladder(word, last, count=25, **more):
    """Schemas that refer to the next one twice: as many ways through as 2 ** count."""
    steps = {f"a{n}": {word: [{"$ref": f"#/$defs/a{n + 1}"}, {"$ref": f"#/$defs/a{n + 1}", "x-n": 1}]} for n in range(count)}
    return {"$ref": "#/$defs/a0", "$defs": {**steps, f"a{count}": last}, **more}


def nest(word, depth):
    schema = {}
    for _ in range(depth):
        schema = {word: schema}
    return schema


HOSTILE = {
    "any": (ladder("anyOf", {"type": "integer"}), "x", {"anyOf"}),
    "one": (ladder("oneOf", {"type": "integer"}), "x", {"oneOf"}),
    "all": (ladder("allOf", {"type": "integer"}), "x", {"type"}),
    "unevaluated": (ladder("anyOf", {"properties": {"b": {}}}, unevaluatedProperties=False), {"a": 1}, {"budget"}),
    "itself": ({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, 1, {"depth"}),
    "deep schema": (nest("not", 3000), 1, {"depth", "$schema"}),
    "two hundred nots": (nest("not", 200), 1, {"depth", "$schema"}),
    "written out": ({"pattern": "(?:a{1000}){1000}"}, "a", {"$schema"}),
    "many patterns": ({"patternProperties": {f"^{n}": {} for n in range(501)}}, {}, {"$schema"}),
    "slow patterns": (
        {"allOf": [{"pattern": f"^(a|a)*(a|a)*{n}$"} for n in range(40)]},
        "a" * 5000 + "!",
        {"budget", "pattern"},
    ),
    "keys": ({"patternProperties": {f"^{n}": {} for n in range(99)}}, {f"k{n}": 1 for n in range(20_000)}, {"budget"}),
    "address": ({"format": "iri-reference"}, "1" * 20_000, {"format"}),
    "unlike items": ({"uniqueItems": True}, [[n] for n in range(20_000)] + [[1]], {"uniqueItems"}),
    "infinite": ({"minimum": float("inf")}, 1, {"$schema"}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_ends_in_a_sentence(name):
    schema, value, keywords = HOSTILE[name]
    start = time.process_time()
    issues = validate(value, schema)
    assert {issue.keyword for issue in issues} <= keywords
    assert issues
    assert time.process_time() - start < 4  # Two seconds on a quiet machine.


def test_memory_is_bounded():
    import tracemalloc

    validate(1, {})
    tracemalloc.start()
    for name in ("any", "one", "all", "keys"):
        schema, value, _ = HOSTILE[name]
        validate(value, schema)
    assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    tracemalloc.stop()


def test_a_pattern_that_is_slow_for_one_row_is_not_tried_for_each():
    start = time.perf_counter()
    for row in range(40):
        assert validate("a" * 100 + f"!{row}", {"pattern": "^((a{1,9}){1,9}){1,99}$"})
    assert time.perf_counter() - start < 6
    assert validate("a", {"pattern": "^((a{1,9}){1,9}){1,99}$"}) == []


def test_ways_without_end_are_gone_once():
    assert validate(3, ladder("anyOf", {"type": "integer"}, 90)) == []
    assert validate(3, ladder("allOf", {"type": "integer"}, 90)) == []


def test_right_prices_are_multiples_of_a_cent():
    schema = {"multipleOf": 0.01}
    assert not [cents for cents in range(10_000) if validate(cents / 100, schema)]
    assert validate(19.991, schema)
    assert validate(1e300, {"multipleOf": 1e-300}) == []
    assert validate(10**400, {"multipleOf": 7})
    assert validate(float("inf"), schema)


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"properties": {"a": 3}}, "properties"),
        ({"properties": {"a": {"type": "text"}}}, "properties/a/type"),
        ({"required": ["a", "a"]}, "required"),
        ({"items": [{}]}, "items"),
        ({"anyOf": []}, "anyOf"),
        ({"minLength": -1}, "minLength"),
        ({"multipleOf": 0}, "multipleOf"),
        ({"properties": {"a": {"pattern": "("}}}, "properties/a/pattern"),
    ],
)
def test_what_is_wrong_with_a_schema_is_said_with_its_place(schema, place):
    with pytest.raises(LabError, match=f"at {place}: "):
        check_schema(schema, origin="schema.json")


def test_a_field_may_be_named_like_a_keyword():
    named = {"type": "object", "properties": {"enum": {"type": "string"}, "default": {"type": "null"}, "required": True}}
    check_schema(named, origin="schema.json")
    assert validate({"enum": "a", "default": None}, named) == []
