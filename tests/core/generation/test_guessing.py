"""Guesses save steps and change no answer."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from schema_corpus import of

from core.generation.decoder import load_generator
from core.generation.device import Device
from core.generation.guessing import LONGEST, Guesser
from core.generation.loading import load_model
from core.generation.loop import DecodeLoop, count_same
from core.values import DecodeOptions, Message

OPTIONS = DecodeOptions(max_new_tokens=48, batch_size=4)


@pytest.fixture
def exact(monkeypatch):
    """Answers in float32: two orders of the same sum agree there to the last chosen token."""
    import torch

    monkeypatch.setattr("core.generation.loading.choose_device", lambda: Device("cpu", torch.float32))


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 9))
def test_a_guess_is_what_followed_the_last_tokens_before(tokens, most):
    guesser = Guesser()
    guesser.read(tokens)
    guess = guesser.guess(most=most)
    assert len(guess) <= most
    if guess:
        places = [
            place
            for length in (2, LONGEST)
            for place in range(length, len(tokens))
            if tokens[place - length : place] == tokens[len(tokens) - length :] and tokens[place : place + most] == guess
        ]
        assert places


def test_reading_in_parts_is_reading_at_once():
    tokens = [1, 2, 3, 1, 2, 4, 1, 2]
    whole, parts = Guesser(), Guesser()
    whole.read(tokens)
    for token in tokens:
        parts.read([token])
    assert whole.guess(most=3) == parts.guess(most=3) == [4, 1, 2]


def test_the_same_beginning_is_counted():
    assert [count_same([1, 2, 3], other) for other in ([1, 2, 4], [1, 2, 3], [1], [], [9])] == [2, 3, 1, 0, 0]


def decode(loaded, prompts, options, *, guesses):
    loop = DecodeLoop(model=loaded.model, ends=frozenset({2}), bridge=[5], options=options, guesses=guesses)
    return dict(loop.run(prompts, prefix=0))


@pytest.mark.parametrize("more", [{}, {"mode": "think", "draft_tokens": 20}, {"temperature": 0.7, "seed": 3}])
def test_answers_are_the_same_with_guesses(exact, tiny_model, more):
    from random import Random

    random = Random(0)
    prompts = [[random.randrange(3, 12) for _ in range(random.randrange(4, 40))] for _ in range(9)]
    loaded = load_model(tiny_model, storage="full")
    options = replace(OPTIONS, **more)
    plain, guessed = (decode(loaded, prompts, options, guesses=on) for on in (False, True))
    assert {index: (row.draft, row.tokens, row.finish) for index, row in plain.items()} == {
        index: (row.draft, row.tokens, row.finish) for index, row in guessed.items()
    }
    assert not any(row.guessed_tokens for row in plain.values())


@pytest.mark.parametrize("more", [{}, {"temperature": 0.7, "seed": 3}])
def test_right_guesses_are_taken_over_and_wrong_ones_change_nothing(exact, tiny_model, monkeypatch, more):
    from random import Random

    random = Random(1)
    prompts = [[random.randrange(3, 90) for _ in range(length)] for length in (5, 9, 14, 20)]
    loaded = load_model(tiny_model, storage="full")
    options = replace(OPTIONS, **more)
    plain = decode(loaded, prompts, options, guesses=False)

    def foresee(guesser, *, most):
        """The right continuation, every other time spoiled at its third token."""
        index = next(i for i, prompt in enumerate(prompts) if guesser.tokens[: len(prompt)] == prompt)
        written = len(guesser.tokens) - len(prompts[index])
        coming = plain[index].tokens[written : written + most]
        return [*coming[:2], 95, *coming[3:]] if written % 2 and len(coming) > 2 else coming

    monkeypatch.setattr(Guesser, "guess", foresee)
    guessed = decode(loaded, prompts, options, guesses=True)
    assert {index: (row.tokens, row.finish) for index, row in plain.items()} == {
        index: (row.tokens, row.finish) for index, row in guessed.items()
    }
    taken, written = (
        sum(count) for count in ((r.guessed_tokens for r in guessed.values()), (len(r.tokens) for r in plain.values()))
    )
    assert 0.5 * written < taken < written


def test_held_answers_are_the_same_with_guesses(exact, tiny_model, monkeypatch):
    generator = load_generator(tiny_model)
    schema = of(a={"type": "string", "maxLength": 30}, b={"enum": ["one two", "one three"]}, c={"type": "integer"})
    prompts = [[Message("user", f'{{"a": "so it is {name}", "b": "one two", "c": 7}} so it is')] for name in "uvw"]
    options = DecodeOptions(mode="constrained", max_new_tokens=120, batch_size=3)
    guessed = dict(generator.generate(prompts, adapter=None, options=options, schema=schema))
    monkeypatch.setattr("core.generation.loop.GUESSING_ROWS", 0)
    plain = dict(generator.generate(prompts, adapter=None, options=options, schema=schema))
    assert [plain[i].text for i in range(3)] == [guessed[i].text for i in range(3)]
