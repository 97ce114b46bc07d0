"""Laws of one view, for schemas drawn at random with a value that each takes."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.answers.bounds import bound_outputs
from core.answers.intake import read_schema
from core.answers.normalising import normalise_schema
from core.answers.validation import validate
from core.answers.writing import serialize
from core.comparison.description import describe_answer
from core.evaluation.scoring import score_answer

NAMES = ["a", "b", "type", "enum", "$ref", "default", "items", "x-score", "properties", "é"]
LEAVES = [
    ({"type": "string"}, st.text(max_size=30)),
    ({"type": "string", "minLength": 2, "description": "two or more"}, st.text(min_size=2, max_size=9)),
    ({"type": "integer", "minimum": -3}, st.integers(-3, 10**6)),
    ({"type": "number"}, st.floats(-1e6, 1e6).map(lambda number: round(number, 3))),
    ({"type": "boolean"}, st.booleans()),
    ({"enum": ["x", "yy", 3]}, st.sampled_from(["x", "yy", 3])),
    ({"const": "fixed"}, st.just("fixed")),
    ({}, st.sampled_from(["any", 1, None, ["l"], {"k": {"z": 1, "y": 2}}])),
]


@st.composite
def places(draw, depth=3):
    """Draw a schema as tools nest them, and a value that it takes; references are put in later."""
    kind = draw(st.sampled_from(["leaf", "object", "list", "null", "tuple", "all", "union", "map"])) if depth else "leaf"
    if kind == "leaf":
        node, values = draw(st.sampled_from(LEAVES))
        return dict(node), draw(values)
    below = places(depth=depth - 1)
    if kind == "object":
        return draw(objects(depth))
    if kind == "list":
        node, value = draw(below)
        return {"type": "array", "items": node}, draw(st.sampled_from([[], [value], [value, value]]))
    if kind == "map":
        node, value = draw(below)
        return {"type": "object", "additionalProperties": node}, draw(
            st.sampled_from([{}, {"k": value}, {"z": value, "k": value}])
        )
    if kind == "null":
        node, value = draw(below)
        value = draw(st.sampled_from([value, None]))
        form = draw(st.sampled_from(["anyOf", "nullable"]))
        return ({"anyOf": [node, {"type": "null"}]} if form == "anyOf" else {"allOf": [node], "nullable": True}), value
    if kind == "tuple":
        parts = draw(st.lists(below, min_size=1, max_size=3))
        return {"type": "array", "items": [node for node, _ in parts], "additionalItems": False}, [value for _, value in parts]
    if kind == "all":
        (first, value), (second, other) = draw(objects(depth)), draw(objects(depth))
        names = set(first["properties"])
        kept = {name: node for name, node in second["properties"].items() if name not in names}
        second = {**second, "properties": kept, "required": [name for name in second["required"] if name in kept]}
        return {"allOf": [first, second]}, {**value, **{name: item for name, item in other.items() if name in kept}}
    parts = [draw(objects(depth)) for _ in range(2)]
    for place, (node, value) in enumerate(parts):
        node["properties"] = {"kind": {"const": f"k{place}"}, **node["properties"]}
        node["required"] = ["kind", *node["required"]]
        value["kind"] = f"k{place}"
    word = draw(st.sampled_from(["anyOf", "oneOf"]))
    return {word: [node for node, _ in parts]}, draw(st.sampled_from([value for _, value in parts]))


@st.composite
def objects(draw, depth):
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    parts = {name: draw(places(depth=depth - 1)) for name in names}
    required = draw(st.lists(st.sampled_from(names), unique=True))
    value = {name: item for name, (_, item) in parts.items() if name in required or draw(st.booleans())}
    order = draw(st.permutations(list(value)))
    node = {"type": "object", "properties": {name: part for name, (part, _) in parts.items()}, "required": required}
    return node, {name: value[name] for name in order}


def put_away(node, named, *, shallow=True):
    """Move every object within a schema under `$defs`, and refer to it."""
    if isinstance(node, list):
        return [put_away(part, named) for part in node]
    if not isinstance(node, dict):
        return node
    moved = dict(node)
    for word in ("properties",):
        if word in moved:
            moved[word] = {name: put_away(part, named) for name, part in moved[word].items()}
    for word in ("items", "additionalProperties", "anyOf", "oneOf", "allOf"):
        if isinstance(moved.get(word), dict | list):
            moved[word] = put_away(moved[word], named)
    if shallow and "properties" in moved:
        name = f"part/{len(named)}"
        named[name] = moved
        return {"$ref": f"#/$defs/{name.replace('/', '~1')}"}
    return moved


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(objects(3))
def test_a_right_answer_goes_the_whole_way_however_its_schema_is_written(drawn):
    written, value = drawn
    named = {}
    referring = {**put_away(written, named, shallow=False), "$defs": named}
    schemas = [normalise_schema(written), normalise_schema(referring)]
    texts = [serialize(value, schema) for schema in schemas]
    assert texts[0] == texts[1]
    assert json.loads(texts[0]) == value
    for schema in schemas:
        assert normalise_schema(schema) == schema
        assert not validate(value, schema)
        copy = bound_outputs(schema, [value])
        assert not validate(value, copy)
        assert serialize(value, copy) == texts[0]
        score = score_answer(value, value, schema)
        assert (score.score, score.exact) == (1.0, 1.0)
    assert describe_answer(schemas[0]) == describe_answer(schemas[1])


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(objects(3))
def test_what_the_copy_allows_without_known_values_is_what_the_schema_allows(drawn):
    written, value = drawn
    schema = read_schema(written, origin="here")
    copy = bound_outputs(schema, [])
    for wrong in ({**value, "a": [object.__name__]}, {name: [item] for name, item in value.items()}, {}):
        assert bool(validate(wrong, copy)) == bool(validate(wrong, schema))
