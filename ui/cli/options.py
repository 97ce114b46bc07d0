"""A training's settings as command-line options, made from `TrainConfig`: a new setting is an option at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from finetune.config import DEFAULTS, QUESTIONS, TrainConfig, option_of

Command = Callable[..., None]
MODEL_HELP = "A name that `ragft models list` shows, or a folder; by default $RAGFT_MODEL, else the bundled model."
STORAGE_HELP = "How its weights are kept while it answers: nf4 (4 bits), int8 or bf16 (16 bits); by default nf4."
ModelName = Annotated[str, typer.Option("--model", help=MODEL_HELP, show_default=False)]
ModelNames = Annotated[
    list[str] | None, typer.Option("--model", help=f"May be repeated: each model's comparison is a run. {MODEL_HELP}")
]
StorageName = Annotated[str, typer.Option("--storage", help=STORAGE_HELP, show_default=False)]
StorageNames = Annotated[list[str] | None, typer.Option("--storage", help=f"May be repeated, as --model. {STORAGE_HELP}")]


def take_settings(*, leave_out: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """Decorate a command that takes `config: TrainConfig`: the settings become its options.

    Args:
        leave_out: Settings that mean nothing to this command; they keep their usual value.
    """

    def decorate(command: Command) -> Command:
        hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=hints[name])
            for name, parameter in inspect.signature(command).parameters.items()
            if name != "config"
        ]
        kinds = get_type_hints(TrainConfig)
        made = [
            inspect.Parameter(
                item.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=item.default,
                annotation=Annotated[kinds[item.name], typer.Option(_write_names(item.name), help=QUESTIONS[item.name].help)],
            )
            for item in fields(TrainConfig)
            if item.name not in leave_out
        ]

        @wraps(command)
        def run(**values: Any) -> None:
            given = {parameter.name: values.pop(parameter.name) for parameter in made}
            command(config=TrainConfig(**given), **values)

        split = next((place for place, item in enumerate(own) if item.default is not inspect.Parameter.empty), len(own))
        ordered = [*own[:split], *made, *own[split:]]
        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in ordered]
        )
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in ordered}
        return run

    return decorate


def _write_names(setting: str) -> str:
    """Return a setting's option as typer wants it; a switch can be turned off too."""
    option = option_of(setting)
    return f"{option}/--no-{option.removeprefix('--')}" if isinstance(getattr(DEFAULTS, setting), bool) else option
