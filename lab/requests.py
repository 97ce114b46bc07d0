"""What a person asks for, as one JSON document each: the job's file, the form, the command and the history are views of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from core.stored import Stored
from finetune.config import TrainConfig, update_settings


@dataclass(frozen=True, slots=True)
class Request(Stored):
    """What every request has.

    Args:
        task: The task's name, or the path of its folder.
    """

    kind: ClassVar[str] = ""
    task: str


@dataclass(frozen=True, slots=True)
class ModelRequest(Request):
    """What every request has that a model works for.

    Args:
        model: The model's name or folder; empty is the one that is set (`core/settings.py`).
    """

    model: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class IndexRequest(Request):
    """Bring the index of a task's documents up to date.

    Args:
        paths: Files and folders of documents to add first.
        rebuild: Whether everything is parsed and embedded anew.
    """

    kind: ClassVar[str] = "index"
    paths: tuple[str, ...] = ()
    rebuild: bool = False


@dataclass(frozen=True, slots=True)
class TrainRequest(ModelRequest):
    """Fine-tune an adapter.

    Args:
        config: The settings.
        allow_leakage: Whether test examples may be among the training examples.
    """

    kind: ClassVar[str] = "train"
    config: TrainConfig = field(default_factory=TrainConfig)
    allow_leakage: bool = False


@dataclass(frozen=True, slots=True)
class ProbeRequest(ModelRequest):
    """Begin a training with a few learning rates.

    Args:
        config: The settings of the planned training.
        rates: The learning rates; those for the model's size where none is given.
    """

    kind: ClassVar[str] = "probe"
    config: TrainConfig = field(default_factory=TrainConfig)
    rates: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class CompareRequest(ModelRequest):
    """Let several arms answer the same test items.

    Args:
        arms: Names of the arms.
        limit: How many test items, a sample that keeps the slices' shares; None takes all.
        seed: Of the sample, the resampling and the decoding.
        batch_size: Answers decoded together.
        adapters: Ids of the adapters to answer with; each answers in the arms that it fits. Where none is named, each arm
            takes the selected or newest that fits.
        mode: How answers are decoded: `free`, `constrained` or `think`.
        allow_leakage: Whether items that were trained on are compared all the same, stamped.
        allow_misfit: Whether named adapters answer in an arm that none of them fits, stamped.
        fresh: Whether everything is asked anew, also what was answered before.
        shot_draws: How many draws of the fixed examples answer in each arm that shows some.
        storage: How the weights are kept while they answer (`core.settings.STORAGES`); empty is what is set.
    """

    kind: ClassVar[str] = "compare"
    arms: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 0
    batch_size: int = 16
    adapters: tuple[str, ...] = ()
    mode: str = "free"
    allow_leakage: bool = False
    allow_misfit: bool = False
    fresh: bool = False
    shot_draws: int = 1
    storage: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class TuneRequest(ModelRequest):
    """Choose what a task's prompts show on a part of its training rows.

    Args:
        minutes: Of trying, after which it stops with what is chosen so far.
        seed: Of the choice of rows and the decoding.
        batch_size: Answers decoded together.
        mode: How answers are decoded: `free`, `constrained` or `think`.
        dry_run: Whether the task is left as it is.
    """

    kind: ClassVar[str] = "tune"
    minutes: float = 10.0
    seed: int = 0
    batch_size: int = 16
    mode: str = "free"
    dry_run: bool = False


def update_request(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored request under the names of this version; an older one named one adapter, and other settings."""
    updated = dict(values)
    if isinstance(values.get("config"), Mapping):
        updated["config"] = update_settings(values["config"])
    if kind == CompareRequest.kind and "adapter" in values:
        adapter = updated.pop("adapter")
        updated.setdefault("adapters", [] if adapter is None else [adapter])
    return updated
