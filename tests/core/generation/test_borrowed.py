"""Answers on lent GPUs are those of a machine of one's own; a stand-in lends them by forking."""

import os
import pickle

import pytest

from core.errors import LabError
from core.generation.borrowed import AnswerBatch, BorrowingGenerator, answer_batch, estimate_seconds
from core.generation.decoder import load_generator
from core.generation.device import choose_device
from core.generation.zero_gpu import HOLDS, awaits_gpu, borrow_gpu, lends_gpu
from core.settings import Settings
from core.values import DecodeOptions, Message
from lab.model_slot import ModelSlot
from tests.conftest import SCHEMA
from tests.lent_gpu import lender  # noqa: F401

PROMPTS = [[Message("system", "Answer."), Message("user", text)] for text in ("How high is it?", "When?", "Why is it so?")]
OPTIONS = DecodeOptions(max_new_tokens=12)


def tell(generations):
    return {index: (one.text, one.new_tokens, one.prompt_tokens, one.finish) for index, one in generations}


@pytest.mark.parametrize("mode", ["free", "constrained"])
def test_answers_are_the_same_as_without(tiny_model, request, mode):
    options = DecodeOptions(mode=mode, max_new_tokens=12)
    own = load_generator(tiny_model)
    expected = tell(own.generate(PROMPTS, adapter=None, options=options, schema=SCHEMA))
    lent = request.getfixturevalue("lender")
    slot = ModelSlot()
    generator = slot.load(Settings(home=tiny_model.parent, model=str(tiny_model)), prepare=lambda _: pytest.fail("prepared"))
    assert isinstance(generator, BorrowingGenerator)
    told = []
    found = generator.generate(PROMPTS, adapter=None, options=options, schema=SCHEMA, on_text=lambda *one: told.append(one))
    assert tell(found) == expected
    assert dict(told) == {index: text for index, (text, *_) in expected.items()}
    assert [name for name, _ in lent.calls] == ["answer_batch"]
    assert generator.count_tokens(PROMPTS[0]) == own.count_tokens(PROMPTS[0])
    assert generator.context_tokens == own.context_tokens
    assert generator.check_support(SCHEMA) == own.check_support(SCHEMA)
    same = ("model", "weights", "storage", "parameters")
    assert [generator.description[name] for name in same] == [own.description[name] for name in same]
    assert generator.description["device"] == "cuda"


def test_what_is_wrong_comes_back_as_a_sentence(tiny_model, lender):  # noqa: F811
    generator = BorrowingGenerator(tiny_model, storage="nf4")
    with pytest.raises(LabError) as raised:
        list(generator.generate(PROMPTS, adapter="/nowhere/adapter", options=OPTIONS))
    assert "/nowhere/adapter" in str(raised.value)


def test_a_process_that_has_a_gpu_knows_and_the_other_does_not(lender):  # noqa: F811
    assert awaits_gpu()
    assert choose_device().name == "cpu"  # Though CUDA looks available.
    assert borrow_gpu(describe_process, lambda: 5.0)() == ("1", False)
    assert awaits_gpu()
    assert HOLDS not in os.environ


def describe_process():
    return os.environ.get(HOLDS), awaits_gpu()


def test_elsewhere_a_function_stays_what_it_is(monkeypatch):
    borrow_gpu.cache_clear()
    assert not lends_gpu()
    assert borrow_gpu(answer_batch, estimate_seconds) is answer_batch
    borrow_gpu.cache_clear()
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")  # A variable alone lends nothing.
    monkeypatch.setattr("core.generation.zero_gpu.find_spec", lambda name: None)
    assert borrow_gpu(answer_batch, estimate_seconds) is answer_batch
    borrow_gpu.cache_clear()


def test_longer_batches_ask_for_more_time_within_a_limit(tmp_path):
    def estimate(count, tokens, mode="free"):
        options = DecodeOptions(mode=mode, max_new_tokens=tokens, batch_size=4)
        batch = AnswerBatch(tmp_path, "nf4", PROMPTS[:1] * count, None, options, None)
        assert pickle.loads(pickle.dumps(batch)) == batch
        return estimate_seconds(batch)

    assert 0 < estimate(1, 50) < estimate(1, 200) < estimate(9, 200)
    assert estimate(1, 50) == pytest.approx(estimate(4, 50), abs=1)
    assert estimate(1, 50, "think") > estimate(1, 50)
    assert estimate(1000, 256) == 120
