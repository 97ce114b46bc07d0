"""Answers inside other text: which of several objects is meant, what was only thought, and texts made to take long."""

import time

import pytest

from core.answers.parsing import load_json, parse

SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "pages": {"type": "array", "items": {"type": "integer"}}},
    "required": ["answer"],
}


@pytest.mark.parametrize(
    ("text", "stage", "value"),
    [
        ('According to [1], the answer is {"answer": "x"}', "extracted", {"answer": "x"}),
        ('As [{"id": 1}] says: {"answer": "x"}', "extracted", {"answer": "x"}),
        ('{"a": 1} and then {"answer": "x"}', "extracted", {"answer": "x"}),
        ('{"answer": "a", "pages": ["b"]}, no: {"answer": "x", "pages": [1]}', "extracted", {"answer": "x", "pages": [1]}),
        ('[see {"answer": "x"}]', "extracted", {"answer": "x"}),
        ('He wrote "{" and then {"answer": "x"}', "extracted", {"answer": "x"}),
        ('An open { and then ```json\n{"answer": "x"}\n```', "extracted", {"answer": "x"}),
        ('<think>{"answer": "no"}?</think>{"answer": "x"}', "extracted", {"answer": "x"}),
        ('{"answer": "no"}? no.</think>{"answer": "x"}', "extracted", {"answer": "x"}),
        ('<think>{"answer": "no"}', "failed", None),
        ('so: {"answer": "</think>"} it is', "extracted", {"answer": "</think>"}),
        ("According to [1] it is {'answer': 'x',}", "repaired", {"answer": "x"}),
        ('<think>[1]</think> {"answer": "cut o', "repaired", {"answer": "cut o"}),
        ("[1], [2]", "extracted", [1]),
    ],
)
def test_the_object_that_is_the_answer_is_found(text, stage, value):
    found = parse(text, SCHEMA)
    assert (found.stage, found.value) == (stage, value)


def test_without_a_schema_the_first_object_is_meant():
    assert parse('see [1]: {"a": 1} or {"b": 2}').value == {"a": 1}


LONG = [
    "[",
    "{",
    "[]",
    "[}",
    "[{",
    "]",
    '{"a":',
    '["',
    "[1,",
    "{}",
    '{"a":1}',
    "{a}",
    "[[x]]",
    "<think>",
    "</think>",
    '{"',
    "\\[",
]


@pytest.mark.parametrize("piece", LONG)
def test_no_text_takes_long(piece):
    start = time.process_time()
    parse(piece * (200_000 // len(piece)), SCHEMA)
    assert time.process_time() - start < 2  # A tenth of it on a quiet machine.


@pytest.mark.parametrize(
    ("text", "reason"),
    [("1e400", "out of range"), ("NaN", "no"), ("-Infinity", "no"), ("[" * 101, "deeper"), ("{", "Expecting")],
)
def test_what_json_cannot_say_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        load_json(text)


def test_keys_that_stand_twice_are_told():
    twice = []
    assert load_json('{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}', duplicates=twice) == {"a": 3, "b": {"c": 2}}
    assert sorted(twice) == ["a", "c"]
