"""The command `ragft` as both front doors name it: what carries out a job, and how a request is typed by hand."""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import Any

from core.jobs import JobConfig
from finetune.config import PROBE_IGNORES, TrainConfig, list_changes, option_of
from lab.jobs import read_request
from lab.requests import CompareRequest, IndexRequest, ModelRequest, ProbeRequest, Request, TrainRequest, TuneRequest

# Jobs are carried out by the command line in a process of its own; its folder is the last argument.
RUNNER = (sys.executable, "-m", "ui.cli", "run-job")


def describe_job(config: JobConfig) -> list[str]:
    """Return the words of the command that does what a job was asked to do; of a job of an older version the one that it kept.

    Raises:
        LabError: Its request is damaged.
    """
    if not config.request:
        words = config.extra.get("command", ())
        return [str(word) for word in words] if isinstance(words, list | tuple) else []
    return write_command(read_request(config))


def write_command(request: Request) -> list[str]:
    """Return the words of the command that asks for the same; options with their usual value are left out."""
    return ["ragft", *_list_words(request)]


def _list_words(request: Request) -> list[str]:
    match request:
        case IndexRequest():
            return ["index", request.task, *request.paths, *(["--rebuild"] if request.rebuild else [])]
        case TrainRequest():
            leaks = ["--allow-leakage"] if request.allow_leakage else []
            return ["train", request.task, *_list_settings(request.config), *_name_model(request), *leaks]
        case ProbeRequest():
            rates = ["--rates", ",".join(f"{rate:g}" for rate in request.rates)] if request.rates else []
            settings = _list_settings(request.config, leave_out=PROBE_IGNORES)
            return ["probe-lr", request.task, *rates, *settings, *_name_model(request)]
        case CompareRequest():
            return ["compare", request.task, *_list_comparison(request)]
        case TuneRequest():
            return ["tune", request.task, *_list_changed(request, TuneRequest(request.task))]
    raise TypeError(f"{type(request).__name__} has no command")


def _name_model(request: ModelRequest) -> list[str]:
    return _write_option("--model", request.model) if request.model else []


def _list_settings(config: TrainConfig, *, leave_out: tuple[str, ...] = ()) -> list[str]:
    changes = {name: value for name, value in list_changes(config).items() if name not in leave_out}
    return [word for name, value in changes.items() for word in _write_option(option_of(name), value)]


def _list_comparison(request: CompareRequest) -> list[str]:
    words = ["--arms", ",".join(request.arms)]
    words += [word for adapter in request.adapters for word in _write_option("--adapter", adapter)]
    usual = CompareRequest(request.task, arms=request.arms, adapters=request.adapters)
    return words + _list_changed(request, usual)


def _list_changed(request: Request, usual: Request) -> list[str]:
    """Return the options of those fields that are not as usual."""
    words: list[str] = []
    for item in fields(request):
        value = getattr(request, item.name)
        if value != getattr(usual, item.name):
            words += _write_option(f"--{item.name.replace('_', '-')}", value)
    return words


def _write_option(option: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [option if value else f"--no-{option.removeprefix('--')}"]
    return [option, str(value)]
