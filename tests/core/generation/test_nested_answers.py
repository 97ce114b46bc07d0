"""The bundled model under schemas as people's tools write them: valid answers, and few that are cut."""

import os

import pytest
from nested_corpus import load_corpus

from core.answers.bounds import bound_outputs
from core.answers.intake import read_schema
from core.answers.parsing import parse
from core.answers.validation import validate
from core.answers.writing import serialize
from core.comparison.prompts import describe_answer
from core.generation.decoder import load_generator
from core.values import DecodeOptions, Message
from lab.answering import HELD_FACTOR, MARGIN

COUNT = 30


def list_leaves(value):
    if isinstance(value, dict | list):
        return [leaf for item in (value.values() if isinstance(value, dict) else value) for leaf in list_leaves(item)]
    return [] if value is None else [str(value)]


def choose_cases():
    """Of the models that many tools write, each once, in another tool's words; one answer shows the length."""
    by_model = {}
    for case in load_corpus():
        _, _, model = case.name.partition("-")
        by_model.setdefault(model, []).append(case)
    models = sorted(model for model, cases in by_model.items() if len(cases) > 2)
    return [by_model[model][place % len(by_model[model])] for place, model in enumerate(models)][:COUNT]


@pytest.mark.slow
@pytest.mark.skipif("RAGFT_NESTED" not in os.environ, reason="a quarter of an hour and more on two cores: set RAGFT_NESTED=1")
def test_answers_under_nested_schemas_are_valid_and_end(real_settings):
    from core.generation.models import find_model

    generator = load_generator(find_model(real_settings))
    valid = cut = 0
    told = []
    cases = choose_cases()
    assert len(cases) == COUNT
    for case in cases:
        schema = read_schema(case.schema, origin=case.name)
        longest = max(len(generator._tokenizer(serialize(gold, schema))["input_ids"]) for gold in case.golds)
        options = DecodeOptions(mode="constrained", max_new_tokens=(longest + MARGIN) * HELD_FACTOR)
        prompt = [
            Message("system", f"Read the text.\n{describe_answer(schema)}"),
            Message("user", f"Text: {', '.join(list_leaves(case.golds[0]))}."),
        ]
        copy = bound_outputs(schema, case.golds)
        _, answer = next(generator.generate([prompt], adapter=None, options=options, schema=copy))
        parsed = parse(answer.text)
        issues = validate(parsed.value, schema) if parsed.stage == "strict" else [parsed.stage]
        valid += not issues
        cut += answer.finish == "length"
        told.append((case.name, answer.finish, answer.new_tokens, issues))
    assert valid >= 0.95 * COUNT, told
    assert cut <= 0.05 * COUNT, told
