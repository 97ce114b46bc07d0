"""How weights are kept while they answer: said in the description, with adapters in each."""

import pytest
from adapter_files import tiny_adapter

from core.errors import LabError
from core.generation.decoder import load_generator
from core.settings import STORAGES
from core.values import DecodeOptions, Message
from finetune.adapters.store import find_folder

PROMPTS = [[Message("user", f"Question {number}?")] for number in range(2)]
OPTIONS = DecodeOptions(max_new_tokens=6)


def write(generator, adapter=None):
    found = dict(generator.generate(PROMPTS, adapter=adapter, options=OPTIONS))
    return [found[place].text for place in range(len(PROMPTS))]


@pytest.mark.parametrize("storage", STORAGES)
def test_base_and_adapter_answer_in_each_storage(settings, tiny_model, storage):
    tiny_adapter(settings, tiny_model, "one")
    generator = load_generator(tiny_model, storage=storage)
    assert generator.description["storage"] == storage
    assert generator.description["parameters"] == sum(weight.numel() for weight in generator._model.parameters())
    before = write(generator)
    tuned = write(generator, str(find_folder(settings, "one")))
    assert tuned != before
    assert write(generator) == before, "the base answers as before"


def test_a_storage_that_is_none_is_a_sentence(tiny_model):
    with pytest.raises(LabError, match="no storage 'fp8'"):
        load_generator(tiny_model, storage="fp8")


def test_a_processor_without_packed_products_answers_all_the_same(tiny_model, monkeypatch):
    import torch

    from core.generation.device import Device

    monkeypatch.setattr("core.generation.loading.choose_device", lambda: Device("cpu", torch.bfloat16))
    assert len(write(load_generator(tiny_model))) == len(PROMPTS)
