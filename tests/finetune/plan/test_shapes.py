"""Shapes of known models, against the published numbers of their parameters."""

import pytest

from finetune.plan.shapes import KNOWN, shape_llama


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("SmolLM2-135M", 134_515_008),
        ("SmolLM2-1.7B", 1_711_376_384),
        ("Llama-3.2-3B", 3_212_749_824),
        ("Llama-2-7B", 6_738_415_616),
        ("Llama-3.1-8B", 8_030_261_248),
        ("Llama-2-13B", 13_015_864_320),
        ("Llama-3.1-70B", 70_553_706_496),
    ],
)
def test_a_shape_has_the_published_parameters(name, parameters):
    assert shape_llama(name, KNOWN[name]).parameters == parameters


def test_an_adapter_of_the_bundled_model_has_the_parameters_that_peft_counts():
    assert shape_llama("s", KNOWN["SmolLM2-135M"]).count_trainable(16) == 4_884_480
