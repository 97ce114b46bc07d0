"""What an adapter of shuffled answers learns from, and how it is told apart."""

from dataclasses import replace

import pytest
from adapter_files import CARD
from hypothesis import given
from hypothesis import strategies as some

from core.errors import LabError
from core.values import Evidence, Example
from finetune.adapters.model_card import write_readme
from finetune.config import TrainConfig
from finetune.shuffled_labels import SENTENCE, shuffle_outputs


def make(count):
    return [
        Example(f"x-{n}", f"q{n}", {"answer": str(n)}, group=f"g{n}", evidence=(Evidence("d", str(n)),), accept={"answer": [n]})
        for n in range(count)
    ]


@given(count=some.integers(2, 40), seed=some.integers(0, 1000))
def test_no_output_stays_and_none_is_lost(count, seed):
    examples = make(count)
    shuffled = shuffle_outputs(examples, seed=seed)
    assert all(one.output != other.output for one, other in zip(examples, shuffled, strict=True))
    assert sorted(one.output["answer"] for one in shuffled) == sorted(one.output["answer"] for one in examples)
    for one, other in zip(examples, shuffled, strict=True):
        assert (one.id, one.input, one.group, one.evidence) == (other.id, other.input, other.group, other.evidence)
        assert other.accept == {"answer": [int(other.output["answer"])]}, "what is as right goes with its output"


def test_two_labels_are_not_turned_round():
    """Were equal outputs kept apart, each of two labels would always stand at the other's questions."""
    examples = [Example(str(n), str(n), {"answer": n % 2 == 0}) for n in range(200)]
    same = sum(one.output == other.output for one, other in zip(examples, shuffle_outputs(examples, seed=3), strict=True))
    assert 60 < same < 140


def test_shuffled_answers_are_learned_without_passages():
    assert TrainConfig(shuffle_labels=True).prompts == "plain"
    with pytest.raises(LabError, match="learned without passages"):
        TrainConfig(shuffle_labels=True, prompts="mixed")


def test_card_and_readme_say_it():
    card = replace(CARD, config={"prompts": "plain", "shuffle_labels": True})
    assert card.kind == "shuffled"
    assert SENTENCE in write_readme(card)
    assert SENTENCE in write_readme(card, merged=True)
    assert SENTENCE not in write_readme(CARD)
