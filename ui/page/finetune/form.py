"""The settings of a training as a form: read from its fields, written into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from finetune.config import TrainConfig, default_alpha

STORAGES = [("4 bits, NF4 (QLoRA)", "nf4"), ("8 bits", "int8"), ("16 bits, not quantized (LoRA)", "full")]
HOLDOUT, EVALUATIONS, MINUTES = 16, 4, 4


@dataclass(frozen=True)
class Form:
    """The fields, in the order of `NAMES`."""

    fields: tuple[Any, ...]

    @property
    def sized(self) -> list[Any]:
        """The fields whose starting values depend on the model's size, in the order of `SIZED`."""
        return [self.fields[NAMES.index(name)] for name in SIZED]

    @property
    def rate(self) -> Any:
        """The field of the learning rate."""
        return self.fields[NAMES.index("learning_rate")]


NAMES = (
    "minutes", "epochs", "rank", "learning_rate", "alpha", "storage", "batch_size", "rslora", "dora", "with_context",
    "holdout", "evaluations", "patience", "seed",
)  # fmt: skip
SIZED = ("learning_rate", "rank", "batch_size", "storage")
OPTIONAL = frozenset({"minutes", "alpha"})  # An empty field of numbers reaches the server as 0.
WHOLE = frozenset({"rank", "alpha", "batch_size", "holdout", "evaluations", "patience", "seed"})


def build_form() -> Form:
    """Build the fields: four that matter most, the others folded away."""
    made: dict[str, Any] = {}
    with gr.Row():
        made["minutes"] = gr.Number(MINUTES, label="Minutes (0: no limit)", minimum=0, step=0.5, min_width=130)
        made["epochs"] = gr.Number(3, label="Passes, at most", minimum=0.1, step=0.5, min_width=130)
    with gr.Row():
        made["rank"] = gr.Slider(2, 128, value=16, step=2, label="Rank r", min_width=200)
        made["learning_rate"] = gr.Number(1e-3, label="Learning rate", minimum=1e-6, maximum=0.1, step=1e-4, min_width=130)
    with gr.Accordion("More settings", open=False):
        with gr.Row():
            made["storage"] = gr.Dropdown(STORAGES, value="nf4", label="Frozen weights", min_width=300)
            made["batch_size"] = gr.Number(8, label="Examples a step", precision=0, minimum=1, min_width=170)
            made["alpha"] = gr.Number(0, label="Alpha (0: 2r)", precision=0, minimum=0, min_width=170)
        with gr.Row():
            made["rslora"] = gr.Checkbox(False, label="rsLoRA: scale by alpha / √r", min_width=160)
            made["dora"] = gr.Checkbox(False, label="DoRA: lengths apart, slower", min_width=160)
            made["with_context"] = gr.Checkbox(False, label="With passages: for RAG + QLoRA", min_width=160)
        with gr.Row():
            made["holdout"] = gr.Number(HOLDOUT, label="Held-out examples", precision=0, minimum=0, min_width=170)
            made["evaluations"] = gr.Number(EVALUATIONS, label="Answered so often", precision=0, minimum=1, min_width=170)
            made["patience"] = gr.Number(0, label="Patience (0: to the end)", precision=0, minimum=0, min_width=170)
            made["seed"] = gr.Number(0, label="Seed", precision=0, minimum=0, min_width=170)
    return Form(tuple(made[name] for name in NAMES))


def read_form(values: Sequence[Any]) -> TrainConfig:
    """Return the settings that the fields hold; no alpha is 2r, with rsLoRA r, and no minutes are no limit.

    Raises:
        LabError: A value is impossible.
    """
    given: dict[str, Any] = {name: value for name, value in zip(NAMES, values, strict=True) if value is not None}
    given = {name: value for name, value in given.items() if value or name not in OPTIONAL}
    given.setdefault("rank", TrainConfig().rank)
    given.setdefault("alpha", default_alpha(int(given["rank"]), rslora=bool(given.get("rslora"))))
    given |= {name: int(given[name]) for name in WHOLE & given.keys()}
    return TrainConfig(**given)


def fill_form(config: TrainConfig) -> list[Any]:
    """Return the values of the fields for settings; 0 stands for no limit and for an alpha that follows from the rank."""
    usual = config.alpha == default_alpha(config.rank, rslora=config.rslora)
    return [0 if name == "alpha" and usual else getattr(config, name) or 0 for name in NAMES]
