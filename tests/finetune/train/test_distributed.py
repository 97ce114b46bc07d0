"""Several processes train the adapter that one trains; savings change no loss."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.generation.loading import load_tokenizer
from finetune.config import TrainConfig
from finetune.data import Encoded, encode_examples
from finetune.plan.estimate import MARGIN, Machine, ModelShape, choose_unpacking, estimate_training
from finetune.plan.memory import MemoryPlan, plan_memory
from finetune.train.distributed import ProcessGroup, end_process, find_blocks, join_group
from finetune.train.model import add_adapter, load_trainable
from finetune.train.trainer import train

ROOT = Path(__file__).resolve().parents[3]
CONFIG = TrainConfig(rank=4, alpha=8, epochs=6, batch_size=3, learning_rate=2e-2)


def train_once(model, task, result, *, processes, storage="nf4", environment=None):
    """Train in so many processes; returns the adapter's tensors, the losses, and how many weights were divided."""
    from safetensors import safe_open
    from safetensors.torch import load_file

    result.mkdir()
    command = ["-m", "tests.finetune.train.train_once", str(model), str(task), str(result), storage]
    if processes > 1:
        command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), *command]
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    with safe_open(result / "adapter.safetensors", "pt") as file:
        told = file.metadata()
    losses = [float(part) for part in told["losses"].split()]
    return load_file(result / "adapter.safetensors"), losses, int(told["divided"])


@pytest.mark.slow
@pytest.mark.parametrize("sharded", [False, True])
def test_two_processes_learn_the_adapter_of_one(tiny_model, task_folder, tmp_path, sharded):
    alone, losses, _ = train_once(tiny_model, task_folder, tmp_path / "alone", processes=1)
    environment = {"ACCELERATE_USE_FSDP": "true"} if sharded else None
    together, same, divided = train_once(tiny_model, task_folder, tmp_path / "both", processes=2, environment=environment)
    assert divided == (2 * 9 if sharded else 0)  # Seven linear layers and two norms a block.
    assert same == pytest.approx(losses, abs=1e-5)
    assert len(losses) == 8
    assert set(together) == set(alone)
    assert max(float((together[name] - alone[name]).abs().max()) for name in alone) < 1e-5


def test_shares_cover_a_step_and_their_weights_add_up():
    batch = [Encoded(str(n), [1], [2] * (n + 1)) for n in range(5)]
    parts = [ProcessGroup(rank, 3).share(batch) for rank in range(3)]
    assert sorted(item.id for part, _ in parts for item in part) == ["0", "1", "2", "3", "4"]
    assert sum(weight for _, weight in parts) == pytest.approx(1)
    assert ProcessGroup(2, 3).share(batch[:2]) == ([batch[0]], 0.0)
    assert ProcessGroup().share(batch) == (batch, 1.0)
    assert join_group() == ProcessGroup()
    assert (ProcessGroup().any(True), ProcessGroup().any(False)) == (True, False)


@pytest.mark.parametrize("storage", ["nf4", "full"])
def test_recomputed_blocks_give_the_same_losses(tiny_model, task, storage):
    examples = encode_examples(task, task.train, load_tokenizer(tiny_model), max_tokens=2048)[0]
    curves = []
    for memory in (MemoryPlan(), MemoryPlan(checkpoint_activations=True)):
        model = add_adapter(load_trainable(tiny_model, storage=storage), replace(CONFIG, storage=storage))
        losses = []
        train(model, examples, CONFIG, on_step=lambda report, losses=losses: losses.append(report.loss), memory=memory)
        curves.append(losses)
        assert [block.gradient_checkpointing for block in find_blocks(model)] == [memory.checkpoint_activations] * 2
    assert curves[0] == pytest.approx(curves[1], rel=1e-6)
    assert curves[0][-1] < curves[0][0]


def test_weights_dequantized_once_give_the_same_training(tiny_model, task):
    examples = encode_examples(task, task.train, load_tokenizer(tiny_model), max_tokens=2048)[0]
    curves = []
    for unpack in (False, True):
        model = add_adapter(load_trainable(tiny_model, storage="nf4", unpack=unpack), CONFIG)
        losses = []
        train(model, examples, CONFIG, on_step=lambda report, losses=losses: losses.append(report.loss))
        curves.append(losses)
        kinds = {type(module.base_layer).__name__ for module in model.modules() if hasattr(module, "lora_A")}
        assert kinds == ({"Linear"} if unpack else {"Linear4bit"})
    from core.generation.device import choose_device

    # In bfloat16 the two products round at different places.
    assert curves[0] == pytest.approx(curves[1], rel=1e-5 if choose_device().dtype_name == "float32" else 0.02)


def test_weights_are_dequantized_once_only_on_a_cpu_with_room():
    shape = ModelShape("m", ((1000, 1000),), 10**6, width=1000, layers=1, vocabulary=100, context=2048)
    roomy, tight = Machine("cpu", 4, 32 * 10**6, 0), Machine("cpu", 4, 32 * 10**6 - 1, 0)
    assert choose_unpacking(shape, roomy, storage="nf4")
    assert not choose_unpacking(shape, tight, storage="nf4")
    assert not choose_unpacking(shape, roomy, storage="full")
    assert not choose_unpacking(shape, replace(roomy, device="cuda"), storage="nf4")


def test_savings_are_chosen_only_where_memory_is_short():
    shape = ModelShape("m", ((1024, 1024),) * 56, 10**8, width=1024, layers=28, vocabulary=50_000, context=2048)
    machine = Machine("cuda", 2, 10**12, 10**12)
    config = TrainConfig()
    need = estimate_training(shape, config, machine, prefix=100, own=[200] * 20, answers=[50] * 20)
    paged = need.optimizer // 2

    def choose(available, device="cuda"):
        return plan_memory(replace(need, available=int(available)), device=device)

    assert choose(MARGIN * need.peak + 1) == MemoryPlan()
    assert choose(MARGIN * (need.peak - paged) + 1) == MemoryPlan(paged_optimizer=True)
    assert choose(0.5 * need.peak) == MemoryPlan(paged_optimizer=True, checkpoint_activations=True)
    assert choose(MARGIN * (need.peak - paged) + 1, "cpu") == MemoryPlan(checkpoint_activations=True)


@pytest.mark.slow
def test_processes_end_without_an_abort_whoever_keeps_their_group(tmp_path):
    script = tmp_path / "exchange.py"
    script.write_text(
        "import torch\n"
        "from finetune.train.distributed import end_process, join_group\n"
        "group = join_group()\n"
        "kept = torch.distributed.group.WORLD\n"
        "print('done', end=' ')\n"
        "for _ in range(50):\n"
        "    assert group.any(group.leads)\n"
        "end_process()\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "4", str(script)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    for _ in range(3):  # Wound down, two launches of three abort.
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.count("done") == 4


def test_a_process_alone_is_not_ended():
    end_process()


@pytest.mark.slow
def test_a_launched_training_stores_one_adapter(tiny_model, task_folder, tmp_path):
    home = tmp_path / "home"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "ui.cli.launch"]
    done = subprocess.run(
        [*command, str(task_folder), "--epochs", "6", "--batch-size", "2", "--rank", "4", "--holdout", "0"],
        cwd=ROOT, capture_output=True, text=True, timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1", "RAGFT_HOME": str(home), "RAGFT_MODEL": str(tiny_model)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("The adapter is ready.") == 1
    assert len(list((home / "adapters").glob("*/adapter_model.safetensors"))) == 1


@pytest.mark.slow
def test_a_launched_training_is_refused_in_a_sentence(tiny_model, task_folder, tmp_path):
    train = (task_folder / "train.jsonl").read_text()
    (task_folder / "test.jsonl").write_text(train)
    done = subprocess.run(
        [sys.executable, "-m", "ui.cli.launch", str(task_folder)], cwd=ROOT, capture_output=True, text=True, timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1", "RAGFT_HOME": str(tmp_path / "home"), "RAGFT_MODEL": str(tiny_model)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "preflight" in done.stderr
    assert "Traceback" not in done.stderr
