"""The shortest end of a held answer: from any place in a right answer it leads to a valid one, and cut answers take it."""

import json

import pytest
from nested_corpus import load_corpus
from schema_corpus import of

from core.answers.bounds import bound_outputs
from core.answers.intake import read_schema
from core.answers.parsing import parse
from core.answers.validation import validate
from core.answers.writing import serialize
from core.generation.constraint import compile_schema
from core.generation.decoder import load_generator
from core.generation.ending import rank_tokens
from core.generation.loading import load_tokenizer
from core.generation.vocabulary import load_constraint_tokenizer
from core.values import DecodeOptions, Message

HARD = {
    "zod-union-not",
    "decimal-steps",
}  # A pattern of mail addresses, a number that must be a certain multiple: cut as before.
MOST = 600  # Tokens; the tiny tokenizer writes nearly a token for each letter.


@pytest.fixture(scope="module")
def engine(tiny_model):
    tokenizer = load_tokenizer(tiny_model)
    ending = rank_tokens(tokenizer.convert_ids_to_tokens(range(len(tokenizer))), ends=frozenset({tokenizer.eos_token_id}))
    return tokenizer, load_constraint_tokenizer(tokenizer, vocabulary=len(tokenizer)), ending


def end_from(engine, schema, text, share):
    """Write a share of a text under a schema, then its shortest end; returns the whole and whether it was found."""
    tokenizer, prepared, ending = engine
    matcher = compile_schema(schema, prepared).start()
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    written = ids[: int(share * len(ids))]
    for token in written:
        matcher.accept(token)
    end = ending.find(matcher, most=MOST)
    return (None if end is None else tokenizer.decode([*written, *end])), len(ids) - len(written), end


@pytest.mark.parametrize("case", [case for case in load_corpus() if case.name not in HARD], ids=lambda case: case.name)
def test_from_any_place_in_a_right_answer_the_end_makes_it_whole(engine, case):
    schema = read_schema(case.schema, origin=case.name)
    copy = bound_outputs(schema, case.golds)
    support = compile_schema(copy, engine[1]).support
    for share in (0, 0.35, 0.8):
        text, _, _ = end_from(engine, copy, serialize(case.golds[0], schema), share)
        assert text is not None, share
        parsed = parse(text)
        assert parsed.stage == "strict", text
        assert support.afterwards or not validate(parsed.value, schema), text


@pytest.mark.parametrize(
    ("schema", "begun", "whole"),
    [
        (of(a={"type": "string"}), '{"a": "so', {"a": "so"}),
        (of(a={"type": ["string", "null"]}), '{"a": ', {"a": None}),
        (of(a={"type": "string"}), '{"a": "null and } or ]', {"a": "null and } or ]"}),
        (of(a={"type": "array", "items": {"type": "integer"}}), '{"a": [1, 2', {"a": [1, 2]}),
        (of(a={"type": "integer", "minimum": 5}), '{"a": ', {"a": 11}),
        (of(a={"type": "string"}) | {"additionalProperties": {"type": "integer"}}, '{"a": "x", "b": 1', {"a": "x", "b": 1}),
    ],
)
def test_ends_invent_as_little_as_they_can(engine, schema, begun, whole):
    text, _, _ = end_from(engine, schema, begun, 1)
    assert json.loads(text) == whole


def test_an_answer_that_meets_its_limit_is_whole(tiny_model):
    generator = load_generator(tiny_model)
    schema = of(words={"type": "array", "items": {"type": "string"}}, note={"type": "string"})
    for seed in range(4):
        options = DecodeOptions(mode="constrained", max_new_tokens=60, temperature=1.0, seed=seed)
        _, answer = next(generator.generate([[Message("user", "go")]], adapter=None, options=options, schema=schema))
        parsed = parse(answer.text)
        assert parsed.stage == "strict"
        assert not validate(parsed.value, schema), answer.text
        assert answer.new_tokens <= 60
        assert answer.finish == "length" or answer.new_tokens < 60


def test_no_end_is_found_where_there_is_no_room(engine):
    tokenizer, prepared, ending = engine
    matcher = compile_schema(of(a={"type": "string"}), prepared).start()
    assert ending.find(matcher, most=2) is None
    assert not matcher.finished  # Looking ahead leaves the row where it is.
