"""A training from task to stored adapter: what its states follow from, what it says when memory runs out."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from core.errors import LabError
from finetune.config import TrainConfig
from finetune.data import Encoded
from lab.training.run import _explain_memory, _identify


def test_states_are_those_of_one_instruction_and_prompts(task):
    loaded = SimpleNamespace(weights_hash="w")

    def identify(task, prompt):
        return _identify(task, TrainConfig(), SimpleNamespace(loaded=loaded, examples=[Encoded("a", prompt, [3])]))

    known = identify(task, [1, 2])
    assert identify(task, [1, 2]) == known
    assert known not in {identify(replace(task, instruction="Say no."), [1, 2]), identify(task, [1, 9])}
    assert identify(replace(task, schema={"type": "object"}), [1, 2]) != known


def test_memory_that_runs_out_is_told_and_other_errors_are_not_hidden():
    with pytest.raises(LabError, match="does not fit into memory.*--batch-size"), _explain_memory():
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")
    with pytest.raises(LabError, match="does not fit into memory"), _explain_memory():
        raise MemoryError
    with pytest.raises(RuntimeError, match="shape"), _explain_memory():
        raise RuntimeError("shape mismatch")
