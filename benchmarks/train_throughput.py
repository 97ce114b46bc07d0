"""A whole training: our trainer against TRL's `SFTTrainer` with peft, same model, examples, settings and steps.

Each side trains in a process of its own, in turns. The peer gets the same token ids with the answer marked, trains on
the answer alone, groups by length, and keeps its adapter in float32 where that is the machine's arithmetic. Both
adapters are then marked on the same held-out examples by one function. Tokens are those of prompt and answer, counted
once for each example on both sides, however often they were computed.

python -m benchmarks.train_throughput
pip install -c constraints.txt "trl>=1.0"   # the peer
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.measure import median_ratio, print_report
from benchmarks.tasks.public import adapt_snips
from core.generation.models import fetch_model
from core.settings import prepare_libraries, read_settings
from core.tasks.task import Task
from core.values import Example
from finetune.config import TrainConfig
from finetune.data import Encoded, encode_examples, pack

CONFIG = TrainConfig(epochs=1, holdout=0)
EXAMPLES, HELD = 256, 32
SPIN = {"GOMP_SPINCOUNT": "1000"}  # As our training jobs run (`core/settings.py`); the peer gains by it as much.
FULL_ROWS, FULL_TOKENS, FULL_ANSWER = 8, 128, 48
TARGETS = {"tokens_per_second": 2.0, "share_of_matmul_rate": 0.45}


def main() -> None:
    """Run the sides in turns, or one side where `--side` says so."""
    arguments = read_side()
    prepare_libraries()
    if arguments.side:
        SIDES[arguments.side](arguments.folder, arguments.steps)
        return
    steps = 4 if arguments.quick else arguments.steps or EXAMPLES // CONFIG.batch_size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, steps * CONFIG.batch_size)
        rounds = [run_round(folder, steps) for _ in range(1 if arguments.quick else arguments.rounds)]
        held = run_side("held", folder, 0)
        limit = run_side("limit", folder, 2 if arguments.quick else 7)
    ours, peer = (
        {key: statistics.median(one[side][key] for one in rounds) for key in rounds[0][side]} for side in ("ours", "trl")
    )
    speeds = [[1 / one[side]["tokens_per_second"] for one in rounds] for side in ("ours", "trl")]
    print_report(
        "train_throughput",
        config={
            "data": "SNIPS", "examples": steps * CONFIG.batch_size, "held_out": HELD, "steps": steps, "rounds": len(rounds),
            "rank": CONFIG.rank, "alpha": CONFIG.alpha, "batch_size": CONFIG.batch_size, "storage": CONFIG.storage,
            "dtype": limit.pop("dtype"), "peer": {name: version(name) for name in ("trl", "peft", "transformers", "torch")},
            "targets": TARGETS,
        },
        ours={**ours, "held_out_loss": held["ours"], "full_rows": limit},
        peer={**peer, "held_out_loss": held["trl"], "base_held_out_loss": held["base"]},
        ratios={
            "tokens_per_second": median_ratio(*speeds),
            "peak_memory": peer["peak_gib"] / ours["peak_gib"],
            "held_out_loss": held["trl"] / held["ours"],
        },
        limits={"share_of_matmul_rate": limit["share_of_matmul_rate"]},
    )  # fmt: skip


def read_side() -> argparse.Namespace:
    """Parse the common arguments, and those by which this file starts itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that it works")
    parser.add_argument("--rounds", type=int, default=3, help="trainings of each side")
    parser.add_argument("--steps", type=int, help="steps of each training; an epoch of 256 examples by default")
    for name, kind in (("--side", str), ("--folder", Path)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    return parser.parse_args()


def run_round(folder: Path, steps: int) -> dict[str, dict[str, float]]:
    """Train both sides, one after the other."""
    return {side: run_side(side, folder, steps) for side in ("ours", "trl")}


def run_side(side: str, folder: Path, steps: int) -> dict[str, Any]:
    """Run one side in a process of its own; returns what it measured."""
    command = [sys.executable, "-m", "benchmarks.train_throughput", "--side", side, "--folder", str(folder)]
    done = subprocess.run(
        [*command, "--steps", str(steps)], stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **SPIN}
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def write_data(folder: Path, count: int) -> None:
    """Encode SNIPS as our task asks it; both sides read the token ids."""
    from core.generation.loading import load_tokenizer

    rows = list(adapt_snips())
    random.Random(0).shuffle(rows)
    examples = [
        Example(str(place), row["text"], {"intent": row["intent"], "slots": row["slots"]})
        for place, row in enumerate(rows[: count + HELD])
    ]
    task = make_task(examples, folder)
    tokenizer = load_tokenizer(fetch_model(read_settings()))
    for name, part in (("train", examples[:count]), ("held", examples[count:])):
        encoded, _ = encode_examples(task, part, tokenizer, max_tokens=2048)
        (folder / f"{name}.json").write_text(json.dumps([[item.prompt, item.answer] for item in encoded]))


def make_task(examples: Sequence[Example], folder: Path) -> Task:
    """Return the SNIPS task."""
    slot = {
        "type": "object",
        "properties": {"entity": {"type": "string"}, "value": {"type": "string"}},
        "required": ["entity", "value"],
        "additionalProperties": False,
    }
    intents = sorted({str((example.output or {})["intent"]) for example in examples})
    schema = {
        "type": "object",
        "properties": {
            "intent": {"enum": intents},
            "slots": {"type": "array", "items": slot, "description": "a list of entity and value as written"},
        },
        "required": ["intent", "slots"],
        "additionalProperties": False,
    }
    return Task(
        name="snips", folder=folder, title="SNIPS", description="", schema=schema, input_label="Request",
        instruction="Read a request to a voice assistant: say what it intends and list its slots.",
        primary_metric="intent", licence="CC0-1.0", shots=(), train=tuple(examples), test=(),
    )  # fmt: skip


def read_data(folder: Path, name: str) -> list[Encoded]:
    """Read encoded examples."""
    rows = json.loads((folder / f"{name}.json").read_text())
    return [Encoded(str(place), prompt, answer) for place, (prompt, answer) in enumerate(rows)]


def load_ours() -> Any:
    """Load the model as our trainings do."""
    from finetune.plan.estimate import choose_unpacking, inspect_machine, read_shape
    from finetune.train.model import load_trainable

    settings = read_settings()
    folder = fetch_model(settings)
    unpack = choose_unpacking(read_shape(folder), inspect_machine(settings.home), storage=CONFIG.storage)
    return load_trainable(folder, storage=CONFIG.storage, unpack=unpack)


def train_ours(folder: Path, steps: int) -> None:
    """Train with our trainer."""
    from finetune.train.model import add_adapter
    from finetune.train.trainer import train

    loaded = load_ours()
    examples = read_data(folder, "train")
    model = add_adapter(loaded, CONFIG)
    ends = [time.perf_counter()]
    losses: list[float] = []
    train(model, examples, CONFIG, on_step=lambda report: (ends.append(time.perf_counter()), losses.append(report.loss)))
    finish("ours", folder, model, examples, ends, losses, steps)


def train_peer(folder: Path, steps: int) -> None:
    """Train with TRL, as it is used, with the settings that are fastest on a CPU."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from core.generation.device import choose_device

    device = choose_device()
    path = fetch_model(read_settings())
    quantization = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=device.dtype
    )
    base = AutoModelForCausalLM.from_pretrained(
        path, dtype=device.dtype, device_map={"": device.name}, quantization_config=quantization
    )
    examples = read_data(folder, "train")
    rows = {
        "input_ids": [item.prompt + item.answer for item in examples],
        "completion_mask": [[0] * len(item.prompt) + [1] * len(item.answer) for item in examples],
    }
    ends: list[float] = []

    class Watch(TrainerCallback):  # type: ignore[misc]
        """Notes when each step ended."""

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            ends.append(time.perf_counter())

        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.perf_counter())

    trainer = SFTTrainer(
        model=base,
        args=SFTConfig(
            output_dir=str(folder / "trl"), per_device_train_batch_size=CONFIG.batch_size, max_steps=steps,
            learning_rate=CONFIG.learning_rate, lr_scheduler_type="cosine", warmup_steps=max(1, round(steps * CONFIG.warmup)),
            max_grad_norm=CONFIG.clip, weight_decay=0.0, seed=CONFIG.seed, bf16=False, use_cpu=device.name == "cpu",
            gradient_checkpointing=False, dataloader_num_workers=0, dataloader_pin_memory=False, packing=False,
            max_length=None, completion_only_loss=True, train_sampling_strategy="group_by_length", save_strategy="no",
            logging_steps=1, report_to=[], disable_tqdm=True,
        ),
        train_dataset=Dataset.from_dict(rows),
        processing_class=AutoTokenizer.from_pretrained(path),
        peft_config=LoraConfig(
            r=CONFIG.rank, lora_alpha=CONFIG.alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
        callbacks=[Watch()],
    )  # fmt: skip
    if device.dtype is torch.float32:
        for parameter in trainer.model.parameters():  # TRL makes them bfloat16, which this machine emulates.
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    finish("trl", folder, trainer.model, examples, ends, losses, steps)


def finish(
    side: str, folder: Path, model: Any, examples: Sequence[Encoded], ends: Sequence[float], losses: Sequence[float], steps: int
) -> None:
    """Store a side's adapter and tell what was measured; the first step, which allocates, does not count."""
    from resource import RUSAGE_SELF, getrusage

    from safetensors.torch import save_file

    from finetune.train.checkpoint import read_adapter

    save_file({name: tensor.float() for name, tensor in read_adapter(model).items()}, folder / f"{side}.safetensors")
    tokens = sum(len(item.prompt) + len(item.answer) for item in examples) / len(examples) * CONFIG.batch_size
    tell(
        tokens_per_second=tokens * (steps - 1) / (ends[-1] - ends[1]),
        median_step_seconds=statistics.median(b - a for a, b in zip(ends[1:], ends[2:], strict=False)),
        peak_gib=getrusage(RUSAGE_SELF).ru_maxrss / 2**20,
        first_loss=losses[0],
        last_loss=statistics.fmean(losses[-8:]),
    )


def mark_held_out(folder: Path, _steps: int) -> None:
    """Measure both adapters, and none, on the held-out examples by the same function."""
    import torch
    from safetensors.torch import load_file

    from finetune.train.checkpoint import write_adapter
    from finetune.train.model import add_adapter, compute_loss

    model = add_adapter(load_ours(), CONFIG).eval()
    held = read_data(folder, "held")
    found: dict[str, float] = {}
    for side in ("base", "ours", "trl"):
        if side != "base":
            write_adapter(model, load_file(folder / f"{side}.safetensors"))
        total = 0.0
        for start in range(0, len(held), CONFIG.batch_size):
            batch = held[start : start + CONFIG.batch_size]
            with torch.no_grad():
                total += float(compute_loss(model, pack(batch))) * sum(len(item.answer) for item in batch)
        found[side] = total / sum(len(item.answer) for item in held)
    tell(**found)


def measure_limit(_folder: Path, rounds: int) -> None:
    """Compare full rows, nothing shared, with the rate of a 1024 x 1024 x 1024 product, measured beside each step.

    Counted are 4 FLOP a parameter and token of the linear layers (2 forward, 2 back through frozen weights), and of the
    head for answers' tokens. Attention, the adapters' own 7 % and the optimizer count as nothing.
    """
    import torch

    from finetune.train.model import add_adapter, compute_loss

    loaded = load_ours()
    dtype, device = loaded.device.dtype, loaded.model.device
    model = add_adapter(loaded, CONFIG).train()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.0)
    draw = random.Random(0)
    vocabulary = model.config.vocab_size
    batch = [
        Encoded(str(row), [row, *draw.choices(range(vocabulary), k=FULL_TOKENS - FULL_ANSWER - 1)], draw.choices(range(vocabulary), k=FULL_ANSWER))
        for row in range(FULL_ROWS)
    ]  # fmt: skip
    packed = pack(batch)
    matrix = torch.randn(1024, 1024, dtype=dtype, device=device)
    config = model.config
    linears = sum(
        layer.base_layer.in_features * layer.base_layer.out_features for layer in model.modules() if hasattr(layer, "lora_A")
    )
    work = 4 * (linears * packed.ids.shape[1] + config.vocab_size * config.hidden_size * len(packed.predicting))

    def step() -> None:
        compute_loss(model, packed).backward()
        torch.nn.utils.clip_grad_norm_(parameters, CONFIG.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    step()
    seconds, rates = [], []
    for _ in range(rounds):
        rates.append(2 * 1024**3 / min(clock(lambda: matrix @ matrix) for _ in range(5)))
        seconds.append(clock(step))
    tell(
        dtype=loaded.device.dtype_name,
        tokens=packed.ids.shape[1],
        step_seconds=statistics.median(seconds),
        best_step_seconds=min(seconds),
        tokens_per_second=packed.ids.shape[1] / statistics.median(seconds),
        product_gflops=statistics.median(rates) / 1e9,
        step_gflops=work / statistics.median(seconds) / 1e9,
        share_of_matmul_rate=statistics.median(work / spent / rate for spent, rate in zip(seconds, rates, strict=True)),
    )


def clock(work: Any) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def tell(**found: Any) -> None:
    """Write what was measured as the last line, which the parent reads."""
    sys.stdout.write("\n" + json.dumps(found) + "\n")


SIDES = {"ours": train_ours, "trl": train_peer, "held": mark_held_out, "limit": measure_limit}

if __name__ == "__main__":
    main()
