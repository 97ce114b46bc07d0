"""Measures what the Learn tab shows of small real trainings, and writes it to `lab/learn/measured.json`.

The question is the field's rule of thumb "r about 16, alpha = 2r": the same trainings are repeated for every rank r and
every scale alpha / r, each with several seeds, and the loss on texts that were kept out is measured along the way. One full
fine-tuning of the same model on the same texts shows how large a rank a free update takes.

The model is the bundled one, which takes hours on two cores; `--quick` takes a tiny one that is made here in a minute or
two: a byte-level Llama that first reads the bundled articles on machine learning. Both then learn the bundled hiring
handbook, another kind of text. The file says which of the two it was.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.generation.loading import load_model, silence_libraries
from core.generation.models import fetch_model
from core.settings import BUNDLED_TASKS, read_settings
from core.storage import write_json
from lab.learn.measured import FILE
from lab.learn.updates import read_update

RANKS = (1, 2, 4, 8, 16, 32, 64)
SCALES = (0.5, 1.0, 2.0, 4.0, 8.0)  # alpha / r
KEPT_DIGITS = 4
TINY_FACTOR = 10  # Times as many steps make the tiny model as train an adapter of it.
HELD_BATCHES = 3  # Batches of windows kept out that are measured: enough to rank the trainings.
HELD_SHARE = 10  # One document in so many is kept out.
DRAWN = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class Plan:
    """How long the trainings are.

    Args:
        steps: Of each training of an adapter.
        batch: Windows of text a step.
        window: Tokens of a window.
        seeds: Each training is repeated so often.
        rate: Learning rate of AdamW, constant, the same for every rank and scale.
        full_rate: That of the full fine-tuning.
        points: How often the loss on the texts kept out is measured.
    """

    steps: int
    batch: int
    window: int
    seeds: int
    rate: float
    full_rate: float
    points: int = 4


QUICK = Plan(steps=80, batch=8, window=96, seeds=2, rate=2e-3, full_rate=1e-3)
WHOLE = Plan(steps=100, batch=8, window=256, seeds=3, rate=5e-4, full_rate=5e-5)


def main() -> None:
    """Train, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tiny model, made here")
    parser.add_argument("--steps", type=int, help="of each training, instead of the usual number")
    parser.add_argument("--seeds", type=int, help="of each training, instead of the usual number")
    parser.add_argument("--adapter", type=Path, help="folder of a trained adapter whose update is kept in the file too")
    parser.add_argument("--out", type=Path, default=FILE)
    given = parser.parse_args()
    plan = QUICK if given.quick else WHOLE
    plan = Plan(**{**asdict(plan), **{k: v for k in ("steps", "seeds") if (v := getattr(given, k)) is not None}})
    write_json(given.out, measure(plan, quick=given.quick, adapter=given.adapter))


def measure(plan: Plan, *, quick: bool, adapter: Path | None = None) -> dict[str, Any]:
    """Return the content of the file."""
    import torch

    torch.manual_seed(0)
    model, encode = make_tiny(plan) if quick else load_bundled()
    texts = read_texts("hiring-handbook")
    held = cut_windows(encode, texts[::HELD_SHARE], plan.window)
    train = cut_windows(encode, [text for place, text in enumerate(texts) if place % HELD_SHARE], plan.window)
    base = measure_loss(model, held, plan)
    runs = [
        train_adapter(model, train, held, plan, rank=rank, scale=scale, seed=seed)
        for rank in RANKS
        for scale in SCALES
        for seed in range(plan.seeds)
    ]
    full, update = train_fully(model, train, held, plan)
    about = {
        "model": "a tiny byte-level Llama made for this" if quick else "SmolLM2-135M-Instruct",
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "quick": quick,
        "before": "the bundled articles on machine learning" if quick else "its own training",
        "data": "the bundled hiring handbook",
        "train_windows": len(train),
        "held_windows": len(held),
        **asdict(plan),
    }
    return {
        "about": about,
        "base_loss": round_number(base),
        "runs": runs,
        "full": full,
        "update": update,
        "adapter": keep_adapter(adapter) if adapter else None,
    }


def read_texts(task: str) -> list[str]:
    """Return the documents of a bundled task, in order of their names."""
    return [path.read_text(encoding="utf-8") for path in sorted((BUNDLED_TASKS / task / "documents").rglob("*.md"))]


def make_tiny(plan: Plan) -> tuple[Any, Callable[[str], list[int]]]:
    """Make a small Llama that reads bytes and teach it the bundled articles; returns it with its encoder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=256, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=plan.window, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    windows = cut_windows(encode_bytes, read_texts("ml-interview"), plan.window)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    for batch in draw_batches(windows, plan.batch, steps=TINY_FACTOR * plan.steps, seed=0):
        take_step(model, optimizer, batch)
    return model.eval(), encode_bytes


def encode_bytes(text: str) -> list[int]:
    """Return a text's bytes as tokens."""
    return list(text.encode("utf-8"))


def load_bundled() -> tuple[Any, Callable[[str], list[int]]]:
    """Load the bundled model as it is, with its tokenizer's encoder."""
    silence_libraries()
    loaded = load_model(fetch_model(read_settings()), storage="full", attention="sdpa")
    return loaded.model, lambda text: list(loaded.tokenizer(text, add_special_tokens=False)["input_ids"])


def cut_windows(encode: Callable[[str], list[int]], texts: Sequence[str], window: int) -> Any:
    """Return texts as windows of tokens, what is left over dropped. Shape: (windows, window)."""
    import torch

    tokens = [token for text in texts for token in encode(text + "\n\n")]
    count = len(tokens) // window
    return torch.tensor(tokens[: count * window]).reshape(count, window)


def draw_batches(windows: Any, batch: int, *, steps: int, seed: int) -> Any:
    """Yield so many batches, drawn with a seed."""
    import torch

    random = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        yield windows[torch.randint(len(windows), (batch,), generator=random)]


def take_step(model: Any, optimizer: Any, batch: Any) -> float:
    """Take one step of training on a batch; returns its loss in nats a token."""
    loss = model(input_ids=batch, labels=batch).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return float(loss)


def measure_loss(model: Any, held: Any, plan: Plan) -> float:
    """Return the mean loss on windows that were kept out, in nats a token."""
    import torch

    with torch.inference_mode():
        losses = [
            float(model(input_ids=part, labels=part).loss) for part in held[: HELD_BATCHES * plan.batch].split(plan.batch)
        ]
    return sum(losses) / len(losses)


def train_adapter(model: Any, train: Any, held: Any, plan: Plan, *, rank: int, scale: float, seed: int) -> dict[str, Any]:  # noqa: PLR0913
    """Train one adapter on all linear layers; the model is as before afterwards."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=scale * rank, target_modules=list(DRAWN), lora_dropout=0.0)  # type: ignore[arg-type]
    adapted = get_peft_model(model, config)
    parameters = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    held_losses = follow(adapted, parameters, train, held, plan, rate=plan.rate, seed=seed)
    adapted.unload()
    return {
        "rank": rank,
        "scale": scale,
        "seed": seed,
        "trained": sum(parameter.numel() for parameter in parameters),
        "held": held_losses,
    }


# One parameter for each thing that two kinds of training differ in.
def follow(
    model: Any, parameters: Sequence[Any], train: Any, held: Any, plan: Plan, *, rate: float, seed: int
) -> list[list[float]]:
    """Train, and return (step, loss on what was kept out) along the way; a loss that is no number ends the training."""
    import torch

    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0)
    every = max(1, plan.steps // plan.points)
    points = [[0, round_number(measure_loss(model, held, plan))]]
    for step, batch in enumerate(draw_batches(train, plan.batch, steps=plan.steps, seed=seed), start=1):
        if not math.isfinite(take_step(model, optimizer, batch)):
            break
        if step % every == 0:
            points.append([step, round_number(measure_loss(model, held, plan))])
    return points


def train_fully(model: Any, train: Any, held: Any, plan: Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train all weights; returns the curve, and the singular values of what changed in the middle block's matrices."""
    import torch

    for parameter in model.parameters():
        parameter.requires_grad_(requires_grad=True)
    layers = model.config.num_hidden_layers
    middle = f".layers.{layers // 2}."
    wanted = {name: value for name, value in model.named_parameters() if middle in name and name.split(".")[-2] in DRAWN}
    before = {name: value.detach().clone().float() for name, value in wanted.items()}
    points = follow(model, list(model.parameters()), train, held, plan, rate=plan.full_rate, seed=0)
    matrices = []
    for name, value in wanted.items():
        change = value.detach().float() - before[name]
        singular = torch.linalg.svdvals(change).tolist()
        matrices.append(
            {"name": name.split(".")[-2], "shape": list(change.shape), "singular": list(map(round_number, singular))}
        )
    return {"held": points, "rate": plan.full_rate}, {"layer": layers // 2, "matrices": matrices}


def keep_adapter(folder: Path) -> dict[str, Any]:
    """Return the singular values of some of an adapter's updates: the first, the middle and the last block."""

    def choose(places: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
        layers = sorted({layer for layer, _ in places})
        chosen = {layers[0], layers[len(layers) // 2], layers[-1]}
        return [place for place in places if place[0] in chosen]

    update = read_update(folder, choose=choose)
    kept = [
        {"layer": m.layer, "name": m.name, "shape": list(m.shape), "singular": list(map(round_number, m.singular))}
        for m in update.matrices
    ]
    return {"title": update.title, "rank": update.rank, "matrices": kept}


def round_number(value: float) -> float:
    """Return a number with the digits that a picture shows."""
    return float(f"{value:.{KEPT_DIGITS}g}")


if __name__ == "__main__":
    main()
