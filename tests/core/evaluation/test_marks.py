"""What an answer is worth: every kind of schema, and laws that hold for all of them."""

import gzip
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.answers.validation import validate
from core.evaluation.scoring import score_answer

TEXT, COUNT = {"type": "string"}, {"type": "integer"}


def of(required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(required)}


def mark(value, expected, node, **root):
    """The mark of one field's value."""
    return score_answer({"a": value}, {"a": expected}, {**of(a=node), **root}).score


def slips(score):
    return score.invented, score.missing, score.wrong


@pytest.mark.parametrize(
    ("value", "expected", "node", "worth"),
    [
        # Numbers.
        (0.30000000000000004, 0.3, {"type": "number"}, 1), (0.31, 0.3, {"type": "number"}, 0), (3, 3.0, {"type": "number"}, 1),
        (1.1, 1.0, {"type": "number", "x-tolerance": 0.1}, 1), (1.11, 1.0, {"type": "number", "x-tolerance": 0.1}, 0),
        (True, 1, {"type": "number"}, 0), ("1", 1, {"type": "number"}, 0), (10**320, 10**320, {"type": "number"}, 1),
        (10**320, 0.5, {"type": "number", "x-tolerance": 2}, 0), (10**320, 1e308, {"type": "number", "x-tolerance": 10**320}, 0),
        (5, 7, {"type": "integer", "x-tolerance": 2}, 1), (10**15 + 1, 10**15, COUNT, 0), (3.0, 3, COUNT, 1), (True, 1, COUNT, 0),
        (5, 6, {"type": "number", "x-tolerance": "5%"}, 0), (5, 6, {"type": "number", "x-tolerance": float("nan")}, 0),
        # Texts, labels and types that are mixed.
        ("12 working days.", "12 working days", {"$ref": "#/$defs/text"}, 1), ("12 days", "12 days.", {"anyOf": [TEXT, {"type": "null"}]}, 1),
        ("x y", "x", {"oneOf": [{"type": "null"}, TEXT]}, 2 / 3), ("ｘ ", "x", {"enum": ["x", "y"]}, 1), ("X", "x", {"enum": ["x", "X"]}, 0),
        ("x y", "x", {"type": ["string", "integer"]}, 2 / 3), (5, 5, {"type": ["string", "integer"]}, 1), ("5", 5, {"type": ["string", "number"]}, 1),
        (5, "5 days", {"type": ["number", "string"]}, 2 / 3), ("a", 5, {"type": ["number", "string"]}, 0), ("a", "a", True, 1), ({"k": [1]}, {"k": [1]}, True, 1),
        ("\ud800", "\ud800", TEXT, 1), ("\ud800", "x", TEXT, 0), ("x", "X", {"type": "string", "x-score": "exact"}, 0),
        # Steps.
        (2, 3, {"type": "integer", "minimum": 0, "maximum": 4, "x-score": "ordinal"}, 0.75), ("b", "c", {"enum": ["a", "b", "c"], "x-score": "ordinal"}, 0.5),
        (2, 3, {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 4, "x-score": "ordinal"}, 0.5),
        (2, 2, {"type": "integer", "x-score": "ordinal"}, 1),
        ("a", "b", {"oneOf": [{"const": "a"}, {"const": "b"}, {"const": "c"}, {"type": "null"}], "x-score": "ordinal"}, 0.5),
        ("a", "a", {"type": "string", "x-score": []}, 1), (["a"], ["a"], {"type": "array", "items": {"x-score": {}}}, 1),
        (-1, -1, {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 4, "x-score": "ordinal"}, {"type": "number"}]}, 1),
        # Lists of scalars.
        (["Y", "z"], ["x", "y"], {"type": "array", "items": TEXT}, 0.5), (["full time"], ["Full-time"], {"type": "array", "items": TEXT}, 1),
        (["C"], ["C++"], {"type": "array", "items": TEXT}, 0), (["r"], ["R"], {"type": "array", "items": {"enum": ["R", "r"]}}, 0),
        ([], [], {"type": "array"}, 1), ([1], [], {"type": "array"}, 0), ([2, 1.0000000000000002], [1, 2], {"type": "array"}, 1), ([True], [1], {"type": "array"}, 0),
        ([None, "x"], ["x", None], {"type": "array"}, 1), ([1.4, 2.6], [1, 2], {"type": "array", "items": {"type": "number", "x-tolerance": 0.5}}, 0.5),
        (["x y"], ["x"], {"type": "array", "items": {"type": "string", "x-score": "text"}}, 2 / 3), ("x", ["x"], {"type": "array"}, 0),
        # Lists by place.
        (["x", "y"], ["y", "x"], {"type": "array", "items": TEXT, "x-ordered": True}, 0), (["x"], ["x", "y"], {"type": "array", "items": TEXT, "x-ordered": True}, 2 / 3),
        (["x", 2], ["x", 3], {"prefixItems": [TEXT, COUNT]}, 0.5),
        # Objects and lists of them.
        ({"x": "p", "y": 2}, {"x": "p", "y": 1}, of(x=TEXT, y=COUNT), 0.5), ("x", {"x": "p"}, of(x=TEXT), 0), ({}, {}, of(x=TEXT), 1),
        ([{"x": "q", "y": 2}, {"x": "p", "y": 9}], [{"x": "p", "y": 1}, {"x": "q", "y": 2}], {"type": "array", "items": of(x=TEXT, y=COUNT)}, 0.75),
        ([{"x": "p", "extra": 1}], [{"x": "p"}], {"type": "array", "items": of(x=TEXT)}, 1), ([[1, 2], [3]], [[3], [2, 1]], {"type": "array"}, 1),
        ({"k": 1, "l": 2}, {"k": 1, "m": 2}, {"type": "object", "additionalProperties": COUNT}, 1 / 3),
    ],
)  # fmt: skip
def test_marks_of_one_field(value, expected, node, worth):
    definitions = {"$defs": {"text": TEXT}}
    assert mark(value, expected, node, **definitions) == pytest.approx(worth)
    assert mark(expected, expected, node, **definitions) == 1


def test_absent_and_null_are_not_stated():
    schema = of(["r"], a={"type": ["string", "null"]}, b=TEXT, r={"type": ["string", "null"]})
    gold = {"r": None}
    perfect = score_answer(gold, gold, schema)
    assert (perfect.score, perfect.exact, perfect.fields) == (1, 1, {"a": 1, "b": 1, "r": 1})
    assert score_answer({"r": None, "a": None}, gold, schema).exact == 1, "null where the schema allows it"
    assert score_answer({"r": None}, {"r": None, "a": None}, schema).exact == 1, "absent where null is expected"
    forbidden = score_answer({"r": None, "b": None}, gold, schema)
    assert (forbidden.fields["b"], forbidden.exact, slips(forbidden)) == (0, 0, (1, 0, 0)), (
        "a null that the schema forbids is invented"
    )
    assert slips(score_answer({}, gold, schema)) == (0, 1, 0), "a required null must be said"


def test_invented_missing_and_wrong_are_counted():
    schema = {**of(a=TEXT, b=TEXT, c=COUNT, d={"type": "array", "items": TEXT}), "additionalProperties": True}
    gold = {"a": "x", "c": 1, "d": ["p", "q"]}
    score = score_answer({"a": "x y", "b": "new", "d": ["p", "r"], "zzz": {"k": [1, 2]}}, gold, schema)
    assert score.fields == pytest.approx({"a": 2 / 3, "b": 0, "c": 0, "d": 0.5})
    assert slips(score) == (1 + 1 + 2, 1 + 1, 1)
    unknown = score_answer({**gold, "zzz": 1}, gold, schema)
    assert (unknown.score, unknown.exact, slips(unknown)) == (1, 0, (1, 0, 0)), "an unknown key costs `exact` alone"
    filled = score_answer({**gold, "b": "new"}, gold, schema)
    assert (filled.score, filled.fields["b"], filled.exact) == (0.75, 0, 0)


def test_nothing_is_earned_by_what_nobody_expects():
    schema = of(**{f"f{n}": {"type": ["string", "null"]} for n in range(20)})
    gold = {"f0": "x", "f1": "y"}
    assert score_answer({}, gold, schema).score == 0
    assert score_answer(dict.fromkeys(schema["properties"]), gold, schema).score == 0


@pytest.mark.parametrize("value", [None, [], "text", 3, True, [{"a": "x"}]])
def test_an_unreadable_answer_answers_nothing(value):
    score = score_answer(value, {"a": "x", "l": [1, 2]}, of(a=TEXT, l={"type": "array"}, b=TEXT))
    assert (score.score, score.exact, score.fields, slips(score)) == (0, 0, {"a": 0, "l": 0, "b": 0}, (0, 3, 0))
    assert score_answer(value, {}, of(a=TEXT)).score == 0


def test_one_wrong_leaf_costs_its_share_at_any_depth():
    person = of(name=TEXT, boss={"anyOf": [{"$ref": "#/$defs/person"}, {"type": "null"}]})
    schema = {**of(p={"$ref": "#/$defs/person"}), "$defs": {"person": person}}
    gold = {"p": {"name": "A", "boss": {"name": "B", "boss": {"name": "C", "boss": None}}}}
    given = {"p": {"name": "A", "boss": {"name": "B", "boss": {"name": "X", "boss": None}}}}
    score = score_answer(given, gold, schema)
    assert (score.score, slips(score)) == (pytest.approx(1 - 0.5**3), (0, 0, 1))


def test_the_expected_value_says_which_alternative_counts():
    cat = {**of(kind={"const": "cat"}, name=TEXT), "required": ["kind"]}
    dog = {**of(kind={"const": "dog"}, name={"type": "string", "x-score": "exact"}), "required": ["kind"]}
    node = {"oneOf": [cat, dog]}
    assert mark({"kind": "cat", "name": "big tom"}, {"kind": "cat", "name": "tom"}, node) == pytest.approx((1 + 2 / 3) / 2)
    assert mark({"kind": "dog", "name": "big tom"}, {"kind": "dog", "name": "tom"}, node) == 0.5


def test_ignored_fields_are_left_out_everywhere():
    node = of(x=TEXT, note={"type": "string", "x-score": "ignore"})
    assert mark({"x": "p", "note": "1"}, {"x": "p"}, node) == 1
    assert mark([{"x": "p"}], [{"x": "p", "note": "2"}], {"type": "array", "items": node}) == 1
    assert score_answer({"note": "1"}, {"note": "2"}, node).fields == {"x": 1}


def test_best_assignment_and_its_bounds():
    items = {"type": "array", "items": of(x=TEXT, y=COUNT)}
    gold = [{"x": f"name {n}", "y": n} for n in range(40)]
    assert mark(gold[::-1], gold, items) == 1
    many = [{"x": f"name {n}", "y": n, "z": [n]} for n in range(1_000)]
    start = time.process_time()
    assert mark(many[::-1], many, items) == 1
    assert 0 <= mark([*many[5:], {"x": "?"}], many, items) < 1
    deep = [[[{"x": [f"{a} {b} {c}"]} for a in range(10)] for b in range(10)] for c in range(10)]
    assert mark(deep, deep, {"type": "array"}) == 1
    assert 0 <= mark(deep[::-1], [*deep, 1], {"type": "array"}) <= 1
    assert time.process_time() - start < 10


def nest(levels, leaf):
    for level in range(levels):
        leaf = [leaf] if level % 2 else {"a": leaf}
    return leaf


def test_values_nested_deeply_have_marks():
    for levels in (60, 900):
        assert mark(nest(levels, 1), nest(levels, 1), True) == 1
        assert mark(nest(levels, 1), nest(levels, 2), True) == 0
    assert score_answer({"a": 10**5000}, {"a": 10**5000}, of(a={"type": ["number", "string"]})).exact == 1
    assert score_answer({"a": "1"}, {"a": 10**5000}, of(a={"type": ["number", "string"]})).exact == 0


# Laws over generated schemas and values.
NAMES = st.sampled_from(["a", "b", "c", "é", "x/y", "score"])
NUMBERS = st.one_of(
    st.integers(-9, 99),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([10**320, -(10**320), 0.1 + 0.2, 1e308]),
)
TEXTS = st.one_of(st.text(max_size=8), st.sampled_from(["12 days", "3-5", "\ud800", "", "a", "1,450", "2024-11-01"]))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)


def mixed(first, second):
    """A field that may be either."""
    return {"anyOf": [first[0], second[0]]}, first[1] | second[1]


def optional(node):
    return {"anyOf": [node[0], {"type": "null"}]}, node[1] | st.none()


def array(node, **words):
    return {"type": "array", "items": node[0], **words}, st.lists(node[1], max_size=4)


def pair(first, second):
    return {"type": "array", "prefixItems": [first[0], second[0]]}, st.tuples(first[1], second[1]).map(list)


def record(fields, required):
    known = {name: node for name, (node, _) in fields.items()}
    must = {name: values for name, (_, values) in fields.items() if name in required}
    may = {name: values for name, (_, values) in fields.items() if name not in required}
    node = {"type": "object", "properties": known, "required": list(must), "additionalProperties": False}
    return node, st.fixed_dictionaries(must, optional=may)


LEAVES = st.sampled_from(
    [
        ({"type": "string"}, TEXTS), ({"type": "number"}, NUMBERS), ({"type": "integer"}, st.integers(-5, 5)), ({"type": "boolean"}, st.booleans()),
        ({"type": "number", "x-tolerance": 0.5}, NUMBERS), ({"enum": ["x", "X", 1, None]}, st.sampled_from(["x", "X", 1, None])),
        ({"type": "integer", "minimum": 0, "maximum": 4, "x-score": "ordinal"}, st.integers(0, 4)), ({"const": "k"}, st.just("k")),
        ({"enum": ["lo", "mid", "hi"], "x-score": "ordinal"}, st.sampled_from(["lo", "mid", "hi"])), (True, VALUES), ({"type": ["number", "string"]}, NUMBERS | TEXTS),
        ({"$ref": "#/$defs/tree"}, st.recursive(st.just({}), lambda inner: st.fixed_dictionaries({"kids": st.lists(inner, max_size=3)}), max_leaves=6)),
        ({"$ref": "#/$defs/text"}, TEXTS | st.none()), ({"type": "string", "x-score": "exact"}, TEXTS), ({"properties": {"q": TEXT}}, VALUES),
    ]
)  # fmt: skip
NODES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(optional), inner.map(array), inner.map(lambda node: array(node, **{"x-ordered": True})), st.tuples(inner, inner).map(lambda two: mixed(*two)),
        st.tuples(inner, inner).map(lambda two: pair(*two)), st.builds(record, st.dictionaries(NAMES, inner, max_size=4), st.sets(NAMES)),
    ),
    max_leaves=8,
)  # fmt: skip
DEFINITIONS = {
    "tree": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}},
    "text": {"anyOf": [{"type": "string"}, {"type": "null"}], "x-score": "text"},
}


@st.composite
def cases(draw):
    """A schema, two values valid under it, and any value."""
    node, values = draw(st.builds(record, st.dictionaries(NAMES, NODES, min_size=1, max_size=4), st.sets(NAMES)))
    node = {**node, "$defs": DEFINITIONS, "additionalProperties": draw(st.booleans())}
    values = st.fixed_dictionaries({}, optional={}) if not node["properties"] else values
    return node, draw(values), draw(st.one_of(values, VALUES))


def reverse(value):
    """The same value with the keys of every object the other way round."""
    if isinstance(value, dict):
        return {key: reverse(value[key]) for key in reversed(value)}
    return [reverse(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=100, deadline=None)
@given(cases())
def test_laws_of_marks(case):
    schema, gold, value = case
    assert validate(gold, schema) == [], "the generator makes valid answers"
    perfect = score_answer(gold, gold, schema)
    assert (perfect.score, perfect.exact, set(perfect.fields.values()) <= {1.0}, slips(perfect)) == (1.0, 1.0, True, (0, 0, 0))
    score = score_answer(value, gold, schema)
    assert all(0.0 <= worth <= 1.0 for worth in (score.score, score.exact, *score.fields.values()))
    assert set(score.fields) == set(perfect.fields)
    assert score.exact == float(score.score == 1.0 and slips(score) == (0, 0, 0))
    assert score_answer(reverse(value), reverse(gold), schema) == score


def test_the_schemas_of_the_json_schema_test_suite():
    path = Path(__file__).resolve().parents[4] / "shared" / "data" / "json_schema_test_suite" / "cases.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"needs the JSON Schema test suite at {path}")
    for case in map(json.loads, gzip.decompress(path.read_bytes()).decode().splitlines()[::3]):
        schema, value = case["schema"], case["data"]
        perfect = score_answer({"a": value}, {"a": value}, of(a=schema))
        assert (perfect.score, perfect.exact) == (1, 1), case
        if isinstance(value, dict) and isinstance(schema, dict) and case["valid"]:
            assert score_answer(value, value, schema).exact == 1, case
            assert 0 <= score_answer({}, value, schema).score <= 1


WORDS = [
    "type",
    "enum",
    "const",
    "properties",
    "items",
    "prefixItems",
    "anyOf",
    "oneOf",
    "allOf",
    "$ref",
    "minimum",
    "maximum",
    "required",
]
WORDS += ["x-score", "x-tolerance", "x-ordered", "additionalProperties", "patternProperties", "format"]
WORD_VALUES = st.one_of(
    VALUES,
    st.sampled_from(
        [
            "string",
            "object",
            "array",
            ["number", "null"],
            "#",
            "#/properties/a",
            "ordinal",
            "set",
            "text",
            "^a",
            "(",
            float("nan"),
        ]
    ),
)
ANY_SCHEMA = st.deferred(lambda: st.booleans() | st.dictionaries(st.sampled_from(WORDS), WORD_VALUES | PARTS, max_size=5))
PARTS = st.one_of(ANY_SCHEMA, st.lists(ANY_SCHEMA, max_size=3), st.dictionaries(NAMES, ANY_SCHEMA, max_size=3))


@settings(max_examples=100, deadline=None)
@given(ANY_SCHEMA, VALUES, st.dictionaries(NAMES, VALUES, max_size=4))
def test_no_schema_and_no_value_raise(schema, value, gold):
    schema = schema if isinstance(schema, dict) else {"properties": {"a": schema}}
    for answer in (value, gold, {"a": float("nan"), "b": float("inf")}):
        score = score_answer(answer, gold, schema)
        assert 0.0 <= score.score <= 1.0


def test_exact_reads_no_text_as_a_number():
    node = {"type": ["number", "string"], "x-score": "exact"}
    assert [mark(given, 5, node) for given in ("five", "the 5.", "5", True, 5.0, 5)] == [0, 0, 0, 0, 1, 1]
    assert [mark(given, "5", node) for given in (5, "five", " ５ ", "5")] == [0, 0, 1, 1]
    assert mark("five", 5, {"type": ["number", "string"]}) == 1


@pytest.mark.parametrize(("given", "right"), [("Bob reports to Alice", "Alice reports to Bob"), ("Fri-Mon", "Mon-Fri")])
def test_words_in_another_order_have_the_full_mark_and_are_not_exact(given, right):
    for node, answer, gold in (
        (TEXT, given, right),
        ({"type": "object", "properties": {"k": TEXT}}, {"k": given}, {"k": right}),
    ):
        score = score_answer({"a": answer}, {"a": gold}, of(a=node))
        assert (score.score, score.fields["a"], score.exact, slips(score)) == (1, 1, 0, (0, 0, 1))
    assert score_answer({"a": f"the {right.upper()}!"}, {"a": right}, of(a=TEXT)).exact == 1
    assert score_answer({"a": "EUR 1,450"}, {"a": "€1450"}, of(a=TEXT)).exact == 1
