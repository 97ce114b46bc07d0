"""Which fields become lists to choose from, and what is said of the others."""

import json
import os
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from core.answers.validation import check_schema, validate
from core.comparison.description import describe_answer
from core.tasks.schema_inference import Closure, infer_schema
from core.values import Example

NAMES = [f"{first} {last}" for first in ("Anna", "Omar", "Jonas", "Mei", "Lucia") for last in ("Ek", "Rao", "Diaz", "Wu")]


def infer(texts, **more):
    return infer_schema([{"field": text} for text in texts], **more)["properties"]["field"]


def test_labels_become_a_list_and_free_texts_name_examples():
    schema = infer_schema([{"label": "ab"[n % 2], "free": f"text {n}", "slots": [{"kind": "c"}]} for n in range(12)])
    assert schema["properties"]["label"] == {"enum": ["a", "b"]}
    free = schema["properties"]["free"]
    assert (free["type"], free["examples"]) == ("string", ["text 0", "text 1", "text 2"])
    assert schema["properties"]["slots"]["items"]["properties"]["kind"] == {"enum": ["c"]}
    assert "'text 0', 'text 1', 'text 2'" in describe_answer(schema)


def test_a_name_that_few_people_have_is_no_list():
    random = Random(1)
    assert infer([random.choice(NAMES) for _ in range(60)])["type"] == "string"
    once = ["red"] * 40 + ["blue"] * 40 + [f"shade {number}" for number in range(5)]
    assert infer(once)["type"] == "string"
    assert infer(once[:81])["enum"] == ["blue", "red", "shade 0"]


def test_what_is_copied_from_the_input_is_open_however_often_it_comes_back():
    random, rows = Random(1), []
    for number in range(400):
        name = random.choice(NAMES)
        output = {"customer": name, "mood": "ab"[number % 2]}
        rows.append(Example(str(number), f"My name is {name.upper()} and order {number} is late.", output))
    notes = []
    schema = infer_schema([row.output for row in rows], rows=rows, notes=notes)
    assert schema["properties"]["customer"]["type"] == "string"
    assert schema["properties"]["mood"] == {"enum": ["a", "b"]}
    assert "customer (20 values in 400, 100% of them copied from the input)" in notes[1]
    assert "mood (2 values in 400" in notes[0]


def test_a_value_that_only_one_group_has_was_seen_once():
    rows = [
        Example(str(n), f"question {n}", {"page": f"page {n // 10}", "kind": "ab"[n % 2]}, group=f"g{n // 10}")
        for n in range(200)
    ]
    schema = infer_schema([row.output for row in rows], rows=rows)
    assert schema["properties"]["page"]["type"] == "string"
    assert schema["properties"]["kind"] == {"enum": ["a", "b"]}
    assert "enum" in infer_schema([row.output for row in rows])["properties"]["page"]


def test_nulls_lists_and_absent_keys_are_allowed_where_they_were_seen():
    outputs = [{"tags": ["x", "y"][: n % 3], "note": None if n % 4 else f"note {n}", "n": n} for n in range(40)]
    del outputs[7]["n"]
    schema = infer_schema(outputs)
    assert schema["properties"]["tags"]["items"] == {"enum": ["x", "y"]}
    assert schema["properties"]["note"]["description"].startswith("text or null, for example 'note 0'")
    assert schema["required"] == ["note", "tags"]
    assert "examples" not in infer(["a very long text that no prompt should repeat in its description"] * 3)


ANSWERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.dictionaries(st.sampled_from(["x", "y", "z"]), ANSWERS, min_size=1, max_size=3), min_size=1, max_size=8))
def test_every_answer_it_is_inferred_from_is_valid(outputs):
    schema = infer_schema(outputs)
    check_schema(schema, origin="The schema")
    assert not any(validate(json.loads(json.dumps(output)), schema) for output in outputs)
    assert os.linesep not in describe_answer(schema)


def test_counts_are_told_in_plain_words():
    assert Closure(1, 20, 0.0, 0.0).describe() == "1 value in 20, and hardly any new row would bring another"
    assert Closure(2, 34, 0.03, 0.0).describe() == "2 values in 34, about 3.0% of new rows would bring another"


def test_what_is_sometimes_null_or_absent_is_learned_like_the_rest():
    rows = [
        {"who": {"name": f"n {n}", "role": "ab"[n % 2]} if n % 3 else None, "tags": ["x"] if n % 2 else []} for n in range(30)
    ]
    rows += [{"who": {"role": "a", "aka": [{"kind": "pen"}]}, "tags": []} for _ in range(5)]
    schema = infer_schema(rows)
    who = schema["properties"]["who"]
    assert (who["type"], who["additionalProperties"]) == (["object", "null"], False)
    assert (list(who["properties"]), who["required"]) == (["name", "role", "aka"], ["role"])
    assert who["properties"]["role"] == {"enum": ["a", "b"]}
    assert who["properties"]["aka"]["items"]["properties"] == {"kind": {"enum": ["pen"]}}
    assert not [row for row in rows if validate(row, schema)]
    assert validate({"who": {"role": "a", "other": 1}, "tags": []}, schema)


def test_values_of_several_kinds_are_one_field():
    rows = [{"v": 1}, {"v": "x"}, {"v": [1, {"a": 2}]}, {"v": {"a": "s"}}, {"v": None}]
    schema = infer_schema(rows)
    assert schema["properties"]["v"]["type"] == ["integer", "string", "array", "object", "null"]
    assert not [row for row in rows if validate(row, schema)]


def test_names_that_differ_from_row_to_row_are_a_map_and_not_fields():
    rows = [{"skills": {f"skill {n}": "good", f"tool {n % 25}": "bad"}, "fixed": {"a": 1}} for n in range(50)]
    schema = infer_schema(rows)
    assert schema["properties"]["skills"] == {"type": "object", "additionalProperties": {"enum": ["bad", "good"]}}
    assert list(schema["properties"]["fixed"]["properties"]) == ["a"]
    assert not [row for row in rows if validate(row, schema)]
