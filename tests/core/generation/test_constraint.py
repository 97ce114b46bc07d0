"""The constraint: what the engine cannot hold is named and the rest is held, and every right answer can be written."""

import json

import pytest
from nested_corpus import load_corpus
from schema_corpus import SCHEMAS, of

from core.answers.bounds import bound_outputs
from core.answers.intake import read_schema
from core.answers.validation import validate
from core.answers.writing import serialize
from core.generation.constraint import compile_schema
from core.generation.loading import load_tokenizer
from core.generation.loosening import cap_schema
from core.generation.vocabulary import load_constraint_tokenizer

CASES = load_corpus()


@pytest.fixture(scope="module")
def engine(tiny_model):
    tokenizer = load_tokenizer(tiny_model)
    return tokenizer, load_constraint_tokenizer(tokenizer, vocabulary=len(tokenizer))


def reaches(engine, constraint, text):
    """Whether a text can be written token by token, and the answer may end there."""
    tokenizer, _ = engine
    ids = [*tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"], tokenizer.eos_token_id]
    matcher = constraint.start()
    return matcher._matcher.validate_tokens(ids) == len(ids)


def compiled(engine, schema):
    return compile_schema(schema, engine[1])


def write(value):
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_right_answer_of_the_corpus_can_be_written(engine, case):
    schema = read_schema(case.schema, origin=case.name)
    constraint = compiled(engine, bound_outputs(schema, case.golds))
    assert constraint.support.enforced, constraint.support.reason
    for gold in case.golds:
        assert reaches(engine, constraint, serialize(gold, schema))


HELD = [
    # Schema, what is named, texts that can be written, texts that cannot.
    (of(a={"not": {"const": 1}}), ["/properties/a: not"], ['{"a": 2}'], ['{"b": 2}']),
    (of(a={"type": "string", "format": "isbn"}), ["/properties/a: format isbn"], ['{"a": "x"}'], ['{"a": 1}']),
    (of(a={"type": "string", "pattern": "(?=x)"}), ["/properties/a: pattern"], ['{"a": "x"}'], ['{"a": 1}']),
    (of(a={"type": "array", "uniqueItems": True}), ["/properties/a: uniqueItems"], ['{"a": [1, 1]}'], ['{"a": 1}']),
    (of(a={"uniqueItems": False}), [], ['{"a": [1, 1]}'], []),
    (of(a={"oneOf": [{"minimum": 1}, {"maximum": 5}]}), ["/properties/a: oneOf"], ['{"a": 3}'], ['{"b": 3}']),
    (of(a={"oneOf": [{"type": "null"}]}), [], ['{"a": null}'], ['{"a": 3}']),
    (
        {**of(a={"type": "integer"}), "if": {"properties": {"a": {"const": 1}}}, "then": False, "else": {}},
        ["the answer: if"], ['{"a": 1}'], ['{"a": "x"}'],
    ),
    ({**of(a={"type": "null"}), "dependentRequired": {"a": ["b"]}}, ["the answer: dependentRequired"], ['{"a": null}'], ['{"a": 1}']),
    ({**of(a={"type": "null"}), "propertyNames": {"maxLength": 3}}, ["the answer: propertyNames"], ['{"a": null}'], ['{"a": 1}']),
    ({**of(a={"type": "null"}), "minProperties": 1, "maxProperties": 1}, [], ['{"a": null}'], ['{"a": 1}']),
    (of(a={"$ref": "http://127.0.0.1:1/s.json"}), ["/properties/a: $ref"], ['{"a": 1}'], ['{"b": 1}']),
    (
        of(a={"type": "object", "patternProperties": {"^k": {"type": "integer"}, "x$": {"type": "string"}}, "additionalProperties": False}),
        ["/properties/a: patternProperties", "/properties/a: additionalProperties"], ['{"a": {"k": 1}}'], ['{"a": 1}'],
    ),
    (of(a={"type": "string", "pattern": "^\\d+$"}), [], ['{"a": "12"}'], ['{"a": "x"}', '{"a": "١"}']),
    # A property that is named like a keyword is none.
    (of(default={"type": "string"}, enum={"type": "null"}), [], ['{"default": "x", "enum": null}'], ['{"default": 1, "enum": null}']),
    (of(**{"not": {"type": "null"}, "if": {"type": "null"}}), [], ['{"not": null, "if": null}'], ['{"not": 1, "if": null}']),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "named", "right", "wrong"), HELD)
def test_what_is_not_held_is_named_and_the_rest_is_held(engine, schema, named, right, wrong):
    constraint = compiled(engine, schema)
    assert constraint.support.enforced, constraint.support.reason
    assert list(constraint.support.afterwards) == named
    for text in right:
        assert reaches(engine, constraint, text), text
    for text in wrong:
        assert not reaches(engine, constraint, text), text


def test_a_right_answer_is_reachable_however_odd_the_keywords_beside_it(engine):
    """Leaving something out may only ever allow more."""
    for schema, _, right, _ in HELD:
        constraint = compiled(engine, {"type": "object", "properties": {"deep": schema}, "required": ["deep"]})
        for text in right:
            assert reaches(engine, constraint, write({"deep": json.loads(text)}))


LONG = [
    ({"type": "string", "minLength": 600}, "x" * 600),
    ({"type": "array", "minItems": 100, "items": {"type": "null"}}, [None] * 100),
    ({"allOf": [{"type": "string"}, {"minLength": 600}]}, "x" * 601),
    ({"allOf": [{"type": "string"}, {"enum": ["y" * 700, "b"]}]}, "y" * 700),
    ({"allOf": [{"type": "string"}, {"pattern": "^x{600}$"}]}, "x" * 600),
    ({"type": "array", "const": [1] * 70}, [1] * 70),
    ({"allOf": [{"type": "array"}, {"enum": [[1] * 70]}]}, [1] * 70),
    ({"type": "string", "format": "byte"}, "YQ==" * 200),
    ({"type": "string", "contentEncoding": "base64"}, "YQ==" * 200),
]


@pytest.mark.parametrize(("field", "value"), LONG)
def test_our_own_limits_never_forbid_what_the_schema_asks_for(engine, field, value):
    schema = of(a=field)
    assert not validate({"a": value}, schema)
    constraint = compiled(engine, schema)
    assert constraint.support.enforced, constraint.support.reason
    assert reaches(engine, constraint, write({"a": value}))


WRITTEN = [
    ({"type": "string"}, "\x7f\x00\u2028 \ufeff/\\ <|im_end|> 😀"),
    ({"type": "integer"}, 3.0),
    ({"type": ["integer", "null"], "minimum": 0}, -0.0),
    ({"type": "number", "minimum": 0}, -0.0),
    ({"type": "number", "minimum": 0}, 1e22),
    ({"type": "number", "minimum": 0}, 20.0),
    ({"type": "number"}, 1e-7),
    ({"type": "number", "multipleOf": 0.01}, 19.99),
    ({"const": 1.0}, 1),
    ({"enum": [1, 2.5]}, 1.0),
    ({"enum": [[1.0, {"b": 1, "a": 2}]]}, [1, {"a": 2, "b": 1}]),
]


@pytest.mark.parametrize(("field", "value"), WRITTEN)
def test_a_value_is_written_as_the_grammar_writes_it(engine, field, value):
    schema = of(a=field)
    assert not validate({"a": value}, schema)
    text = serialize({"a": value}, schema)
    assert json.loads(text) == {"a": value}
    assert reaches(engine, compiled(engine, schema), text)


def test_limits_go_into_a_copy_and_are_listed():
    schema = of(a={"type": "string"}, b={"type": "array", "items": {"type": "string", "maxLength": 3}}, c={"enum": ["x"]})
    before = json.dumps(schema)
    capped = cap_schema(schema)
    assert json.dumps(schema) == before
    assert capped.afterwards == []
    assert capped.caps == ["/properties/a: at most 512 characters", "/properties/b: at most 64 items"]
    assert capped.schema["properties"]["a"]["maxLength"] == 512


def test_what_the_engine_refuses_without_saying_where_is_found(engine):
    """Three texts: of one the pattern and the format are refused only together."""
    odd = {"type": "string", "pattern": "^[a-z]{3,}$", "format": "ipv4"}
    schema = of(
        a={"type": "string", "pattern": "^[a-z]$"}, b={"type": "object", "minProperties": 2, "properties": {"x": {}, "y": {}}}
    )
    constraint = compiled(engine, schema)
    assert constraint.support.enforced
    assert set(constraint.support.afterwards) <= {"/properties/b: minProperties"}
    assert not reaches(engine, constraint, '{"a": "1", "b": {"x": 1, "y": 2}}')
    assert not compiled(engine, of(a=odd)).support.enforced  # Nothing satisfies it.


def test_each_answer_has_a_matcher_of_its_own(engine):
    constraint = compiled(engine, SCHEMAS[16])
    first, second = constraint.start(), constraint.start()
    first.take_forced()
    assert first.list_allowed().tolist() != second.list_allowed().tolist()
    assert constraint.start().list_allowed().tolist() == second.list_allowed().tolist()


def test_a_schema_without_bottom_is_named(engine):
    deep = {"type": "null"}
    for _ in range(300):
        deep = of(a=deep)
    assert "levels" in compiled(engine, deep).support.reason
