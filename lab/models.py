"""The models of one machine: what each is and takes, how fast it was measured, who needs it, and how it is removed."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.environment import describe_environment, measure_memory
from core.errors import LabError
from core.generation.loading import hash_weights
from core.generation.models import find_model, model_folder
from core.generation.origin import ModelOrigin, read_origin
from core.settings import DEFAULT_MODEL, Settings
from core.storage import cannot_write, read_json, write_json
from core.stored import Stored, restore
from core.values import DecodeOptions, Message
from lab.lab import Lab

NOT_STATED = "not stated"
LONGEST_HEADER = 100 * 2**20  # Bytes, of a file of weights; safetensors itself takes no longer one.
QUESTION = "Count from one to fifty in words."
WARM_TOKENS, MEASURED_TOKENS = 8, 64
TYPICAL = (128, 200, 48)  # Tokens of a training example that memory is estimated for: shared prompt, its own part, its answer.


@dataclass(frozen=True, slots=True)
class Speed(Stored):
    """How fast a model answered here.

    Args:
        tokens_per_second: New tokens of one answer, alone.
        tokens: How many were written.
        memory_mib: Of the process, the model loaded.
        weights: Hash of the weights.
        date: When, in ISO 8601.
        machine: Versions and hardware (`core.environment.describe_environment`).
    """

    tokens_per_second: float
    tokens: int
    memory_mib: float
    weights: str
    date: str
    machine: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model on this machine.

    Args:
        name: By which commands name it.
        architecture: Of its configuration.
        parameters: How many numbers; a tied matrix counts once.
        disk: Bytes of its files.
        answers: Bytes to answer with 4-bit storage, estimated; measured ones stand in `speeds`.
        trains: Bytes to train with 4-bit storage, estimated for eight examples of usual length a step.
        licence: As its card or file states it, else `not stated`.
        context: Tokens that it can read.
        speeds: By storage, as measured.
        bundled: Whether it is the default model.
        linked: The folder that it is a link to; empty where it is none.
        origin: Where it came from; None where that was not written down.
        problem: Why it cannot be used; empty where it can.
    """

    name: str
    architecture: str = ""
    parameters: int = 0
    disk: int = 0
    answers: int = 0
    trains: int = 0
    licence: str = NOT_STATED
    context: int = 0
    speeds: Mapping[str, Speed] = field(default_factory=dict)
    bundled: bool = False
    linked: str = ""
    origin: ModelOrigin | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Glance:
    """What can be said of a model at once, without any library: for lists that must not wait.

    Args:
        name: By which it is chosen.
        title: Of its folder.
        parameters: How many numbers its files hold; 0 where they cannot be read.
        disk: Bytes of its files.
        licence: As stated, else `not stated`.
        tokens_per_second: As measured in the storage that is set; None where it was not.
        memory_mib: Of the process then; None where it was not measured.
    """

    name: str
    title: str
    parameters: int
    disk: int
    licence: str
    tokens_per_second: float | None
    memory_mib: float | None


@dataclass(frozen=True, slots=True)
class Needed:
    """Ids of what was made with a model, and cannot be used, or repeated, without it."""

    adapters: tuple[str, ...]
    runs: tuple[str, ...]


def list_models(settings: Settings) -> list[ModelFacts]:
    """Return the facts of every model on this machine, by name; of a damaged one what is wrong."""
    return [describe_model(settings, name) for name in list_names(settings)]


def glance_models(settings: Settings) -> list[Glance]:
    """Return what can be said of each model at once, the one that is set among them wherever it lies."""
    names = [*list_names(settings), settings.model]
    seen: dict[Path, Glance] = {}
    for name in names:
        with suppress(LabError):
            folder = find_model(settings, name)
            seen[folder] = _glance(settings, folder, name)
    return list(seen.values())


def _glance(settings: Settings, folder: Path, name: str) -> Glance:
    from finetune.adapters.store import find_licence

    licence = find_licence(folder)
    inside = folder.parent == settings.folder("models")
    speed = (read_speeds(settings, folder.name) if inside else {}).get(settings.storage)
    return Glance(
        name, folder.name, _count_parameters(folder), _weigh(folder), NOT_STATED if licence == "unknown" else licence,
        speed.tokens_per_second if speed else None, speed.memory_mib if speed else None,
    )  # fmt: skip


def _count_parameters(folder: Path) -> int:
    """Return how many numbers the weights' files hold, from their beginnings; 0 where one cannot be read."""
    import math

    total = 0
    for path in folder.glob("*.safetensors"):
        try:
            with path.open("rb") as stream:
                header = json.loads(stream.read(min(int.from_bytes(stream.read(8), "little"), LONGEST_HEADER)))
            total += sum(math.prod(about["shape"]) for key, about in header.items() if key != "__metadata__")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return 0
    return total


def list_names(settings: Settings) -> list[str]:
    """Return the names of the models on this machine, broken links included."""
    folder = settings.folder("models")
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path.name for path in found if not path.name.startswith(".") and (path.is_dir() or path.is_symlink())]


def describe_model(settings: Settings, name: str) -> ModelFacts:
    """Return what is known of a model; where it is damaged, what is wrong.

    Raises:
        LabError: There is no such model.
    """
    from finetune.adapters.store import find_licence
    from finetune.plan.answering import estimate_answering
    from finetune.plan.estimate import inspect_machine, read_shape

    folder = model_folder(settings, name)
    linked = os.readlink(folder) if folder.is_symlink() else ""
    try:
        folder = find_model(settings, name)
        shape, config, origin = read_shape(folder), read_json(folder / "config.json"), read_origin(folder)
    except LabError as error:
        if not os.path.lexists(folder):
            raise
        return ModelFacts(name, linked=linked, bundled=name == DEFAULT_MODEL, problem=str(error), disk=_weigh(folder))
    machine = inspect_machine(settings.home)
    licence = find_licence(folder)
    return ModelFacts(
        name=folder.name,
        architecture=str((config.get("architectures") or [config.get("model_type", "")])[0]),
        parameters=shape.parameters,
        disk=_weigh(folder),
        answers=estimate_answering(shape, "nf4", machine),
        trains=_estimate_training(shape, machine),
        licence=NOT_STATED if licence == "unknown" else licence,
        context=_read_context(config),
        speeds=read_speeds(settings, folder.name),
        bundled=folder.name == DEFAULT_MODEL,
        linked=linked,
        origin=origin,
    )


def _weigh(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("**/*") if path.is_file())


def _read_context(config: Mapping[str, Any]) -> int:
    """Return how many tokens a model can read, as its configuration says; 0 where it does not."""
    text = config.get("text_config")
    found = {**(text if isinstance(text, dict) else {}), **config}.get("max_position_embeddings", 0)
    return found if isinstance(found, int) else 0


def _estimate_training(shape: Any, machine: Any) -> int:
    from finetune.config import TrainConfig
    from finetune.plan.estimate import estimate_training

    prefix, own, answer = TYPICAL
    config = TrainConfig(holdout=0)
    count = config.batch_size
    return estimate_training(shape, config, machine, prefix=prefix, own=[own] * count, answers=[answer] * count).peak


def _find_speeds(settings: Settings, name: str) -> Path:
    return model_folder(settings, name).with_name(f"{name}.measured.json")


def read_speeds(settings: Settings, name: str) -> dict[str, Speed]:
    """Return how fast a model was measured here, by storage; what is damaged counts as not measured."""
    path = _find_speeds(settings, name)
    try:
        found = read_json(path) if path.is_file() else {}
        return {
            kept: restore(Speed, json.dumps(value), origin=str(path))
            for kept, value in (found.items() if isinstance(found, dict) else ())
        }
    except LabError:
        return {}


def measure_speed(lab: Lab, name: str, *, storage: str = "") -> Speed:
    """Let a model write one short answer, and keep how fast it was beside the model.

    Raises:
        LabError: It is not among this machine's models, or cannot be loaded.
    """
    if name not in list_names(lab.settings):
        raise LabError(f"There is no model {name!r} in {lab.settings.folder('models')}.", "See `ragft models list`.")
    view = lab.at_model(name, storage)
    generator = view.load_generator()
    prompt = [Message("system", "Do as you are told."), Message("user", QUESTION)]
    for count in (WARM_TOKENS, MEASURED_TOKENS):  # The first pass pays for what later ones find ready.
        began = time.perf_counter()
        _, made = next(generator.generate([prompt], adapter=None, options=DecodeOptions(max_new_tokens=count)))
        spent = time.perf_counter() - began
    speed = Speed(
        round(made.new_tokens / spent, 2), made.new_tokens, measure_memory(), str(generator.description["weights"]),
        datetime.now(UTC).isoformat(timespec="seconds"), {**describe_environment(), "threads": view.settings.threads},
    )  # fmt: skip
    known = {kept: value.as_json() for kept, value in read_speeds(lab.settings, name).items()}
    write_json(_find_speeds(lab.settings, name), {**known, view.settings.storage: speed.as_json()})
    return speed


def find_needed(settings: Settings, name: str) -> Needed:
    """Return the adapters and runs that were made with a model, by its weights; of a damaged model by its name."""
    from core.comparison.runs import list_runs
    from finetune.adapters.store import list_adapters

    try:
        weights = hash_weights(find_model(settings, name))
    except (LabError, OSError):
        weights = ""

    def made_with(other: object, called: object) -> bool:
        return other == weights if weights else called == name

    adapters = [card.id for card in list_adapters(settings) if made_with(card.weights, card.model)]
    generators = [(run.id, run.config.get("generator") or {}) for run in list_runs(settings).whole]
    runs = [run for run, about in generators if made_with(about.get("weights"), about.get("model"))]
    return Needed(tuple(adapters), tuple(runs))


def remove_model(settings: Settings, name: str, *, force: bool = False) -> int:
    """Remove a model, damaged or whole; returns the bytes that are free then. Of a link only the link goes.

    Raises:
        LabError: There is none of that name, it is the default and `force` is false, or the disk refuses.
    """
    folder = model_folder(settings, name)
    if not os.path.lexists(folder):
        raise LabError(f"There is no model {name!r} in {folder.parent}.", "See `ragft models list`.")
    if folder.name == DEFAULT_MODEL and not force:
        raise LabError(f"{name} is the default model, which answers where none is named.", "Insist: --force.")
    try:
        if folder.is_symlink():
            folder.unlink()
            size = 0
        else:
            size = _weigh(folder)
            aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{name}.removed."))
            os.replace(folder, aside)  # In one step: nobody sees half a model.
            shutil.rmtree(aside, ignore_errors=True)
        _find_speeds(settings, folder.name).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return size
