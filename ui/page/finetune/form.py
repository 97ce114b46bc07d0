"""The settings of a training as a form, made from `TrainConfig`: a new setting is a field at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args, get_type_hints

import gradio as gr

from finetune.config import DEFAULTS, QUESTIONS, Question, TrainConfig, default_alpha

# What the form starts with where that is not the usual value: a visitor of the demo should not wait for hours.
STARTS = {"minutes": 4}
SIZED = ("learning_rate", "rank", "batch_size", "storage")  # Their starting values depend on the model's size.
OPTIONAL = frozenset({"minutes"})  # An empty field of numbers reaches the server as 0, which stands for none.
KINDS = get_type_hints(TrainConfig)
NAMES = tuple(sorted(QUESTIONS, key=lambda name: not QUESTIONS[name].main))
IN_A_ROW = 3
NARROWEST = 150  # Pixels of a field.


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

    @property
    def prompts(self) -> Any:
        """The field of which prompts are learned."""
        return self.fields[NAMES.index("prompts")]


def build_form() -> Form:
    """Build the fields: those that matter most, the others folded away."""
    main = [name for name in NAMES if QUESTIONS[name].main]
    made = _build_rows(main, 2)
    with gr.Accordion("More settings", open=False):
        made |= _build_rows([name for name in NAMES if not QUESTIONS[name].main], IN_A_ROW)
    return Form(tuple(made[name] for name in NAMES))


def _build_rows(names: Sequence[str], size: int) -> dict[str, Any]:
    made = {}
    for start in range(0, len(names), size):
        with gr.Row():
            for name in names[start : start + size]:
                made[name] = _build_field(name, QUESTIONS[name])
    return made


def _build_field(name: str, question: Question) -> Any:
    """Build the component that fits a setting's type."""
    value = STARTS.get(name, 0 if name == "alpha" else getattr(DEFAULTS, name))
    label: dict[str, Any] = {"label": question.title, "min_width": NARROWEST}
    if question.choices:
        return gr.Dropdown([(title, choice) for choice, title in question.choices.items()], value=value, **label)
    if isinstance(value, bool):
        return gr.Checkbox(value, **label)
    if KINDS[name] is str or str in get_args(KINDS[name]):
        return gr.Textbox(value, **label)
    whole = _is_whole(name)
    if whole and question.highest is not None:
        return gr.Slider(question.lowest, question.highest, value=value, step=question.step, **label)
    # No limits here: the form would refuse what the command line took; impossible values are refused in words.
    return gr.Number(value, precision=0 if whole else None, step=question.step, **label)


def _is_whole(name: str) -> bool:
    return type(getattr(DEFAULTS, name)) is int


def read_form(values: Sequence[Any]) -> TrainConfig:
    """Return the settings that the fields hold; an empty field has the usual value, and no minutes are no limit.

    Raises:
        LabError: A value is impossible.
    """
    given: dict[str, Any] = {name: value for name, value in zip(NAMES, values, strict=True) if value is not None}
    given = {name: value for name, value in given.items() if value or name not in OPTIONAL}
    typed: dict[str, Any] = {name: int(value) if _is_whole(name) else value for name, value in given.items()}
    return TrainConfig(**typed)


def fill_form(config: TrainConfig) -> list[Any]:
    """Return the values of the fields for settings; 0 stands for no limit and for an alpha that follows from the rank."""
    values = asdict(config)
    if config.alpha == default_alpha(config.rank, rslora=config.rslora):
        values["alpha"] = 0
    return [values[name] or 0 for name in NAMES]
