"""Beginnings of prompts are computed once, bounded in memory, and change no answer."""

from random import Random

import pytest

from core.generation.beginnings import Beginnings
from core.generation.decoder import MIN_PREFIX, load_generator
from core.generation.loading import load_model
from core.generation.loop import DecodeLoop
from core.generation.slots import Slots
from core.values import DecodeOptions, Message

GREEDY = DecodeOptions(mode="free", max_new_tokens=12, temperature=0.0)


@pytest.fixture(scope="module")
def model(tiny_model):
    return load_model(tiny_model, storage="full").model


def draw(count, seed):
    random = Random(seed)
    return [random.randrange(3, 90) for _ in range(count)]


class Counting:
    """A model that counts the tokens it is given."""

    def __init__(self, model):
        self.model, self.device, self.seen = model, model.device, 0

    def __call__(self, **arguments):
        self.seen += arguments["input_ids"].numel()
        return self.model(**arguments)


def run(model, prompts, *, kept=None, adapter=None, beginnings=(), prefix=0, options=GREEDY):
    counting = Counting(model)
    loop = DecodeLoop(
        model=counting, ends=frozenset({2}), bridge=[5], options=options, guesses=False, kept=kept, adapter=adapter
    )
    found = {index: written.tokens for index, written in loop.run(prompts, prefix=prefix, beginnings=beginnings)}
    return found, counting.seen


def test_the_second_question_reads_only_its_own_part_and_answers_the_same(model):
    start, kept = draw(60, 1), Beginnings()
    prompts = [[*start, *draw(9, seed)] for seed in (2, 3)]
    plain = [run(model, [prompt])[0] for prompt in prompts]
    first, read_first = run(model, [prompts[0]], kept=kept, beginnings=[60])
    second, read_second = run(model, [prompts[1]], kept=kept, beginnings=[60])
    assert [first, second] == plain
    assert read_first - read_second == 60


def test_rows_with_beginnings_of_their_own_answer_as_alone(model):
    kept = Beginnings()
    prompts = [[*draw(40, 1), *draw(7, 2)], [*draw(25, 3), *draw(30, 4)], draw(12, 5)]
    alone = {index: run(model, [prompt])[0][0] for index, prompt in enumerate(prompts)}
    for _ in range(2):
        # Two rows at a time: a row that is admitted later finds a place that was used before.
        options = DecodeOptions(mode="free", max_new_tokens=12, temperature=0.0, batch_size=2)
        found, _ = run(model, prompts, kept=kept, beginnings=[40, 25, 0], options=options)
        assert found == alone


def test_a_common_beginning_is_kept_for_the_next_batch(model):
    start, kept = draw(50, 1), Beginnings()
    batches = [[[*start, *draw(6 + seed, seed)] for seed in seeds] for seeds in (range(2, 8), range(8, 14))]
    for batch in batches:
        found, _ = run(model, batch, kept=kept, prefix=50)
        assert found == run(model, batch, prefix=50)[0]
    assert run(model, batches[0], prefix=50)[1] - run(model, batches[0], kept=kept, prefix=50)[1] == 50


def test_another_adapter_has_beginnings_of_its_own(model):
    start, kept = draw(50, 1), Beginnings()
    prompt = [*start, 7]
    run(model, [prompt], kept=kept, adapter="one", beginnings=[50])
    assert kept.find("two", start) is None
    assert kept.find(None, start) is None
    assert kept.find("one", start[:-1]) is None
    assert kept.find("one", start) is not None
    kept.forget("one")
    assert kept.find("one", start) is None


def fill(tokens):
    slots = Slots(1, tokens)
    slots.open_layer(0, 1, 8)  # Two tensors of 4 bytes * 8 a token.
    return slots


def test_what_is_kept_is_bounded_and_the_longest_unused_goes():
    kept = Beginnings(most_bytes=64 * 30)
    for name in (1, 2, 3):
        kept.keep(None, [name], fill(10))
    assert kept.find(None, [1]) is not None
    kept.keep(None, [4], fill(10))
    assert [kept.find(None, [name]) is not None for name in (1, 2, 3, 4)] == [True, False, True, True]
    kept.keep(None, [5], fill(31))  # Larger than all that may be kept.
    assert kept.find(None, [5]) is None
    assert kept.find(None, [1]) is not None
    kept.forget(None)
    kept.keep(None, [6], fill(30))
    assert kept.find(None, [6]) is not None


def test_a_generator_writes_the_same_whatever_was_asked_before(tiny_model):
    system = Message("system", "Answer with one word, and nothing else at all.")
    questions = [[system, Message("user", text)] for text in ("first", "second", "third")]
    fresh = [
        next(iter(load_generator(tiny_model).generate([prompt], adapter=None, options=GREEDY)))[1].text for prompt in questions
    ]
    generator = load_generator(tiny_model)
    for _ in range(2):
        assert [next(iter(generator.generate([prompt], adapter=None, options=GREEDY)))[1].text for prompt in questions] == fresh
    assert len(system.content) > MIN_PREFIX  # Else nothing would be kept.
    assert len(generator._beginnings._kept) == 1
