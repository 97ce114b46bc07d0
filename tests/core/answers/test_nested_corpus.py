"""Schemas as people's tools write them go the whole way: loaded, described, bounded, written, marked, encoded, or refused in words."""

import json
from collections import defaultdict
from dataclasses import replace

import pytest
from conftest import write_task
from nested_corpus import load_corpus, load_refused

from core.answers.bounds import bound_outputs
from core.answers.intake import parse_schema, read_schema
from core.answers.normalising import normalise_schema
from core.answers.validation import validate
from core.answers.view import view_schema
from core.answers.writing import serialize
from core.comparison.description import describe_answer
from core.errors import LabError
from core.evaluation.rules import check_rules
from core.evaluation.scoring import score_answer
from core.tasks.check import check_task
from core.tasks.loading import load_task
from core.values import Example

CORPUS = load_corpus()
# Forms of one model that say the same; the others have no descriptions beside references, no tuples, or their own order.
TWINS = {"pydantic", "zod", "openapi"}


@pytest.fixture(scope="module")
def schemas():
    return {case.name: read_schema(case.schema, origin=case.name) for case in CORPUS}


def _list_names(schema):
    """Every name of a field, however deep, and every value to choose from."""
    waiting, seen, names, values = [view_schema(schema)], set(), set(), set()
    while waiting:
        view = waiting.pop()
        key = tuple(map(id, view.nodes))
        if view.choices is not None:
            values.update(value for value in view.choices if isinstance(value, str))
        if key in seen and view.nodes:
            continue
        seen.add(key)
        names.update(view.fields)
        waiting += [*view.alternatives, *(child for _, child in view.children())]
    return names, values


def test_the_corpus_is_large_and_its_answers_are_right(schemas):
    assert len(CORPUS) >= 150
    wrong = [(case.name, validate(gold, schemas[case.name])) for case in CORPUS for gold in case.golds]
    assert not [found for found in wrong if found[1]]


def test_every_prompt_names_every_field_and_value(schemas):
    for name, schema in schemas.items():
        told, (names, values) = describe_answer(schema), _list_names(schema)
        assert not [field for field in names if f'"{field}"' not in told], name
        assert not [value for value in values if value not in told], name


def test_the_same_model_reads_the_same_whatever_tool_wrote_it(schemas):
    told = defaultdict(set)
    for name, schema in schemas.items():
        form, _, model = name.partition("-")
        if form in TWINS and f"pydantic-{model}" in schemas and not _has_tuple(schema):
            told[model].add(describe_answer(schema))
    assert len(told) > 25
    assert not {model: texts for model, texts in told.items() if len(texts) > 1}


def _has_tuple(schema):
    return "prefixItems" in json.dumps(schema) or '"items": {}' in json.dumps(schema)


def test_the_decoding_copy_takes_every_right_answer_in_the_order_in_which_it_is_written(schemas):
    for case in CORPUS:
        schema = schemas[case.name]
        copy = bound_outputs(schema, case.golds)
        for gold in case.golds:
            assert not validate(gold, copy), (case.name, gold)
            assert serialize(gold, schema) == serialize(gold, copy), case.name
            assert json.loads(serialize(gold, schema)) == gold


def test_a_right_answer_has_the_full_mark_and_another_has_not(schemas):
    for case in CORPUS:
        schema = schemas[case.name]
        for gold in case.golds:
            score = score_answer(gold, gold, schema)
            assert (score.score, score.exact, score.invented, score.missing, score.wrong) == (1.0, 1.0, 0, 0, 0), case.name
            if gold:
                assert score_answer({}, gold, schema).exact == 0 or not any(gold.values()), case.name


def _write_case(folder, case):
    rows = [{"id": f"{case.name}-{n}", "input": f"Text {n}", "output": gold} for n, gold in enumerate(case.golds)]
    write_task(folder, train=rows, test=rows, schema=case.schema)
    settings = (folder / "task.toml").read_text().replace('"answer"', '"score"')
    (folder / "task.toml").write_text(settings)
    return folder


def test_every_answer_is_encoded_for_training_and_read_back(schemas, tmp_path, tiny_model):
    from core.generation.loading import load_tokenizer
    from finetune.data import encode_examples

    tokenizer = load_tokenizer(tiny_model)
    task = load_task(_write_case(tmp_path / "task", CORPUS[0]))
    for case in CORPUS:
        examples = [Example(f"{n}", f"Text {n}", gold) for n, gold in enumerate(case.golds)]
        here = replace(task, schema=schemas[case.name], instruction="Fill in.")
        encoded, too_long = encode_examples(here, examples, tokenizer, max_tokens=20_000)
        assert too_long == []
        written = [json.loads(tokenizer.decode(item.answer, skip_special_tokens=True)) for item in encoded]
        assert written == list(case.golds), case.name


@pytest.mark.parametrize("case", CORPUS[::24], ids=lambda case: case.name)
def test_a_folder_with_any_of_them_is_a_task(tmp_path, case):
    task = load_task(_write_case(tmp_path / "task", case))
    assert [example.output for example in task.test] == list(case.golds)
    assert check_task(task)["problems"] == []


@pytest.mark.parametrize("case", load_refused(), ids=lambda case: case.name)
def test_what_is_no_form_of_an_answer_is_refused_with_a_sentence(case):
    with pytest.raises(LabError, match="schema.json") as caught:
        read_schema(case.schema, origin="schema.json")
    assert case.refused in str(caught.value)


def _nest(levels, wrap):
    node = {"type": "string"}
    for _ in range(levels):
        node = wrap(node)
    return {"type": "object", "properties": {"a": node}}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda node: {"not": node},
        lambda node: {"anyOf": [node, {"type": "null"}]},
        lambda node: {"type": "object", "properties": {"a": node}},
        lambda node: {"type": "array", "items": node},
    ],
    ids=["not", "anyOf", "properties", "items"],
)
@pytest.mark.parametrize("levels", [20, 200])
def test_depth_is_a_sentence_or_goes_the_whole_way(wrap, levels):
    schema = _nest(levels, wrap)
    if levels > 20:
        with pytest.raises(LabError, match="nested"):
            read_schema(schema, origin="here")
        return
    plain = read_schema(schema, origin="here")
    describe_answer(plain)
    bound_outputs(plain, [{}])
    validate({"a": "x"}, plain)
    assert score_answer({"a": "x"}, {"a": "x"}, plain).score == 1


def test_a_text_of_three_thousand_levels_is_a_sentence():
    for text in ('{"not":' * 3000 + "{}" + "}" * 3000, "[" * 5000, "[" * 5000 + "]" * 5000):
        with pytest.raises(LabError, match="here"):
            parse_schema(text, origin="here")


def test_references_that_lead_far_or_in_circles_end():
    chain = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(400)} | {"d400": {"type": "string"}}
    far = {f"d{n}": {"type": "object", "properties": {"x": {"$ref": f"#/$defs/d{n + 1}"}}} for n in range(400)}
    circle = {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}
    for named, start in ((chain, "d0"), (far | {"d400": {"type": "string"}}, "d0"), (circle, "a")):
        schema = read_schema({"properties": {"p": {"$ref": f"#/$defs/{start}"}}, "$defs": named}, origin="here")
        assert len(describe_answer(schema)) < 20_000
        assert bound_outputs(schema, [{}])["properties"]
        assert score_answer({"p": 1}, {"p": 1}, schema).score == 1


def test_many_descriptions_and_values_are_cut_and_say_so():
    fields = {f"f{n}": {"enum": [f"value {n} {k}" for k in range(400)], "description": "d" * 2000} for n in range(40)}
    told = describe_answer({"type": "object", "properties": fields})
    assert "cut after 400 characters" in told
    assert "… and 250 more" in told
    assert "are not described here" in told
    assert len(told) < 20_000
    assert all(f'"{name}"' in told for name in fields)


def _object(**properties):
    return {"type": "object", "properties": properties}


def _refer(number):
    return {"$ref": f"#/$defs/d{number}"}


HOSTILE = {
    "unions in unions": {f"d{n}": {"anyOf": [_refer(n + 1), _refer(n + 2), {"type": "null"}]} for n in range(40)},
    "ten to the thirtieth": {f"d{n}": _object(**{f"k{i}": _refer(n + 1) for i in range(10)}) for n in range(40)},
    "ten copies of ten": {f"d{n}": {"allOf": [_refer(n + 1)] * 10} for n in range(40)},
    "unions side by side": {
        "d0": {"allOf": [{"anyOf": [_object(**{f"a{k}{n}": _refer(0)}) for n in range(8)]} for k in range(6)]}
    },
    "rings": {f"d{n}": _object(**{f"k{i}": _refer((n * 7 + i) % 40) for i in range(6)}) for n in range(40)},
    "products": {
        "d0": {"allOf": [_refer(n) for n in range(1, 8)]},
        **{f"d{n}": _object(l=_refer(n * 3 % 7 + 1), **{f"r{n % 3}": _refer(n * 5 % 7 + 1)}) for n in range(1, 8)},
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_shapes_that_multiply_end(name):
    named = {"d40": {"type": "string"}, "d41": _object(x={"type": "string"}), **HOSTILE[name]}
    schema = read_schema({**_object(p=_refer(0)), "$defs": named}, origin="here")
    check_rules(schema, origin="here")
    assert '"p"' in describe_answer(schema)
    assert len(describe_answer(schema)) < 40_000
    copy = bound_outputs(schema, [{"p": {"k0": {"k1": {}}}}])
    assert "p" in copy["properties"]
    assert serialize({"p": {}}, schema) == '{"p": {}}'


def test_what_is_written_as_the_one_form_stays_as_it_is(schemas):
    for name, schema in schemas.items():
        assert normalise_schema(schema) == schema, name
        assert read_schema(schema, origin=name) == schema
