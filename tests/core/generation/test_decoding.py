"""The decode loop and the schema constraint on tiny random models: the real model code, no download."""

import json
from dataclasses import replace

import pytest
from schema_corpus import SCHEMAS, of

from core.answers.parsing import parse
from core.answers.validation import validate
from core.generation.chat import encode_prompt
from core.generation.decoder import load_generator
from core.generation.device import Device
from core.generation.loading import load_model, load_tokenizer
from core.generation.loop import DecodeLoop
from core.values import DecodeOptions, Message

GREEDY = DecodeOptions(max_new_tokens=12, batch_size=3)
SAMPLED = DecodeOptions(mode="constrained", max_new_tokens=220, temperature=1.0, seed=7)


@pytest.fixture
def exact(monkeypatch):
    """Answers in float32: two orders of the same sum agree there to the last chosen token."""
    import torch

    monkeypatch.setattr("core.generation.loading.choose_device", lambda: Device("cpu", torch.float32))


@pytest.fixture
def generator(tiny_model):
    return load_generator(tiny_model)


def ask(text):
    return [Message("user", text)]


def decode(folder, prompts, options, prefix=0):
    loaded = load_model(folder, storage="full")
    loop = DecodeLoop(model=loaded.model, ends=frozenset({2}), bridge=[5], options=options)
    return dict(loop.run(prompts, prefix=prefix))


def generate_plainly(folder, prompt, count):
    """What transformers' own generate writes for one prompt."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.tensor([prompt])
    with torch.inference_mode():
        output = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False, pad_token_id=0)
    written = output[0, len(prompt) :].tolist()
    return written[: written.index(2)] if 2 in written else written


def save_tiny(folder, kind):
    """Save a tiny random model of another family."""
    import torch
    import transformers

    torch.manual_seed(1)
    sizes = {"vocab_size": 99, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}  # fmt: skip
    more = {"Mistral": {"sliding_window": 9}, "Qwen3": {"head_dim": 16}, "Qwen2": {}, "Gemma": {"head_dim": 8}}[kind]
    config = getattr(transformers, f"{kind}Config")(
        **sizes, **more, initializer_range=0.3, eos_token_id=2, bos_token_id=1, pad_token_id=0
    )
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def make_prompts(lengths, *, shared=(), seed=0):
    from random import Random

    random = Random(seed)
    return [[*shared, *(random.randrange(3, 90) for _ in range(length))] for length in lengths]


def test_rows_of_all_lengths_say_what_generate_says(exact, tiny_model):
    """Refill, closing ranks, several lengths: no row may feel its neighbours."""
    prompts = make_prompts([30, 3, 17, 1, 44, 9, 21])
    found = decode(tiny_model, prompts, GREEDY)
    for index, prompt in enumerate(prompts):
        assert found[index].tokens == generate_plainly(tiny_model, prompt, 12), index


def test_a_long_shared_beginning_changes_nothing(exact, tiny_model):
    """Eight rows behind 150 common tokens take the path that reads the beginning once."""
    shared = make_prompts([150], seed=5)[0]
    prompts = make_prompts([4, 9, 30, 2, 7, 12, 3, 25, 6, 40], shared=shared)
    found = decode(tiny_model, prompts, replace(GREEDY, batch_size=9), prefix=150)
    for index, prompt in enumerate(prompts):
        assert found[index].tokens == generate_plainly(tiny_model, prompt, 12), index


@pytest.mark.parametrize("kind", ["Mistral", "Qwen2", "Qwen3", "Gemma"])
def test_other_families_of_models(exact, tmp_path, kind):
    """Mistral's window of 9 tokens is shorter than the prompts."""
    class_folder = save_tiny(tmp_path / kind, kind)
    import core.generation.loading as loading

    original, loading.load_tokenizer = loading.load_tokenizer, lambda _: None
    try:
        prompts = make_prompts([30, 5, 18])
        found = decode(class_folder, prompts, GREEDY)
    finally:
        loading.load_tokenizer = original
    for index, prompt in enumerate(prompts):
        assert found[index].tokens == generate_plainly(class_folder, prompt, 12), index


@pytest.mark.parametrize("number", range(len(SCHEMAS)))
def test_a_random_model_cannot_write_an_invalid_answer(generator, number):
    schema = SCHEMAS[number]
    assert generator.check_support(schema).enforced, generator.check_support(schema).reason
    prompts = [ask(f"{number} {item}") for item in range(4)]
    for _, answer in generator.generate(prompts, adapter=None, options=SAMPLED, schema=schema):
        assert answer.finish == "stop", answer.text
        parsed = parse(answer.text)
        assert parsed.stage == "strict"
        assert validate(parsed.value, schema) == []


def test_the_corpus_is_large_enough():
    assert len(SCHEMAS) >= 60


def test_white_space_and_order_are_those_of_the_serializer(generator, task):
    """Optional blanks would let a small model write them for ever."""
    for _, answer in generator.generate([ask("a")], adapter=None, options=SAMPLED, schema=SCHEMAS[-1]):
        assert answer.text == json.dumps(json.loads(answer.text), ensure_ascii=False)
        assert list(json.loads(answer.text)) == ["score", "verdict", "covered", "missing"]


def test_forced_text_costs_no_step(generator):
    calls = []
    schema = of(the_first_long_name={"type": "boolean"}, the_second_long_name={"type": "boolean"})
    original = DecodeLoop._forward

    def count(self, *arguments, **more):
        calls.append(1)
        return original(self, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DecodeLoop, "_forward", count)
        _, answer = next(generator.generate([ask("q")], adapter=None, options=replace(SAMPLED, temperature=0), schema=schema))
    assert len(calls) <= 4  # one choice a boolean; a byte a token, so about 60 tokens
    assert answer.forced_tokens >= answer.new_tokens - 4
    assert validate(json.loads(answer.text), schema) == []


def test_an_answer_without_any_choice_needs_no_model(generator):
    _, answer = next(generator.generate([ask("q")], adapter=None, options=SAMPLED, schema=of(a={"const": 1})))
    assert (answer.text, answer.finish) == ('{"a": 1}', "stop")


def test_what_does_not_fit_is_called_cut_off(generator):
    options = replace(SAMPLED, max_new_tokens=20)
    schema = of(a={"type": "string", "minLength": 100})
    _, answer = next(generator.generate([ask("q")], adapter=None, options=options, schema=schema))
    assert answer.finish == "length"
    assert answer.new_tokens == 20


@pytest.mark.parametrize(
    "schema",
    [
        of(a={"enum": []}),
        {**of(a={}), "required": ["a", "b"]},
        of(a={"type": "array", "items": False, "minItems": 2}),
        of(a={"enum": ["x" * 300_000]}),
    ],
)
def test_a_schema_that_cannot_be_enforced_is_named_and_answered_freely(generator, schema):
    support = generator.check_support(schema)
    assert not support.enforced
    assert support.reason
    assert dict(generator.generate([ask("q")], adapter=None, options=replace(SAMPLED, max_new_tokens=5), schema=schema))


def test_a_schema_that_calls_itself_is_enforced(generator):
    schema = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"], "additionalProperties": False}  # fmt: skip
    _, answer = next(generator.generate([ask("q")], adapter=None, options=SAMPLED, schema=schema))
    assert answer.finish == "length" or validate(json.loads(answer.text), schema) == []


def test_a_seed_gives_one_answer_whatever_stands_beside_it(generator):
    options = replace(SAMPLED, mode="free", max_new_tokens=15)
    prompts = [ask(f"number {index}") for index in range(5)]
    together = dict(generator.generate(prompts, adapter=None, options=options))
    narrow = dict(generator.generate(prompts, adapter=None, options=replace(options, batch_size=2)))
    other = dict(generator.generate(prompts, adapter=None, options=replace(options, seed=8)))
    assert sum(together[i].text == narrow[i].text for i in range(5)) >= 4  # bfloat16 may round one choice away
    assert any(together[i].text != other[i].text for i in range(5))


def test_a_draft_comes_first_and_the_answer_is_still_valid(generator):
    options = replace(SAMPLED, mode="think", draft_tokens=9)
    for _, answer in generator.generate([ask("a"), ask("b")], adapter=None, options=options, schema=SCHEMAS[-2]):
        assert answer.draft
        assert validate(json.loads(answer.text), SCHEMAS[-2]) == []


def test_time_is_shared_out_completely(generator):
    import time

    start = time.perf_counter()
    answers = dict(generator.generate([ask(f"q{i}") for i in range(6)], adapter=None, options=GREEDY))
    wall = time.perf_counter() - start
    assert 0.5 * wall < sum(answer.seconds for answer in answers.values()) <= wall


def test_text_streams_and_stopping_stops(generator):
    seen = []
    answers = generator.generate(
        [ask("a"), ask("a longer one")], adapter=None, options=replace(GREEDY, max_new_tokens=40, batch_size=1),
        on_text=lambda index, text: seen.append((index, text)),
    )  # fmt: skip
    _, first = next(answers)
    told = len(seen)
    answers.close()
    assert told >= 2
    assert first.text.startswith(seen[0][1])
    assert len(seen) == told


def test_prompt_ids_are_the_chat_template(tiny_model):
    tokenizer = load_tokenizer(tiny_model)
    assert tokenizer.decode(encode_prompt(tokenizer, ask("hi"))).endswith("assistant\n")


def test_an_answer_whose_engine_gives_up_goes_on_freely_and_says_so(generator, monkeypatch):
    options = DecodeOptions(mode="constrained", max_new_tokens=12, batch_size=2)
    prompts = [ask("One?"), ask("Two?")]
    held = [given for _, given in generator.generate(prompts, adapter=None, options=options, schema=SCHEMAS[0])]
    monkeypatch.setattr("core.generation.constraint.Matcher.broken", property(lambda self: True))
    freed = [given for _, given in generator.generate(prompts, adapter=None, options=options, schema=SCHEMAS[0])]
    assert ([one.let_go for one in held], [one.let_go for one in freed]) == ([False, False], [True, True])
