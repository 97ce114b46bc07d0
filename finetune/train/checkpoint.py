"""The states from which a training goes on after its process died; the newest whole one is used.

A state holds the adapter, the optimizer's moments and the counters. Nothing random is drawn after a training's
first step (no dropout; the order of examples follows from seed and step), so a resumed run repeats the losses of
an uninterrupted one (tested).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import LabError
from core.storage import new_folder, verify_folder, write_json
from core.stored import Stored, read_stored

if TYPE_CHECKING:
    import torch

STATE = "state.json"  # The counters.
ADAPTER = "adapter.safetensors"  # As it is after the state's step.
OPTIMIZER = "optimizer.safetensors"  # Two moments for each number of the adapter.
BEST = "best.safetensors"  # The adapter that answered best so far; absent before one did.
KEPT = 2  # States: the newest, and one to go on from where it turns out damaged.
REMEDY = "An earlier state is used."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingProgress(Stored):
    """How far a training has come.

    Args:
        step: Steps done.
        total: Steps planned; fixed once `planned`.
        planned: Whether the speed was measured and a time budget, if there is one, has fixed `total`.
        planned_at: The step after which a time budget changed `total`; 0 where none did.
        planned_share: The share of the peak learning rate reached there.
        paged: Whether the kept moments are those of the paged optimizer (`finetune/plan/memory.py`).
        losses: Of each step.
        tokens: Of prompts and answers in all steps.
        seconds: Of all steps.
        best_step: The step that answered best; 0 before one did.
        best_score: Its field score.
        best_loss: Its held-out loss.
        stale: Evaluations since then.
        evaluations: The held-out answers' marks, as JSON, in order.
        identity: Of the training whose state was kept; empty while it was not.
    """

    step: int = 0
    total: int = 0
    planned: bool = False
    planned_at: int = 0
    planned_share: float = 0.0
    paged: bool = False
    losses: tuple[float, ...] = ()
    tokens: int = 0
    seconds: float = 0.0
    best_step: int = 0
    best_score: float = -1.0
    best_loss: float = 0.0
    stale: int = 0
    evaluations: tuple[dict[str, Any], ...] = ()
    identity: str = ""


@dataclass(frozen=True)
class Checkpoints:
    """The states of one training.

    Args:
        folder: Where they lie, one folder each.
        identity: Hash of settings, data and base weights; states of another training are not used.
    """

    folder: Path
    identity: str

    def save(self, progress: TrainingProgress, model: Any, optimizer: Any, best: Mapping[str, torch.Tensor] | None) -> None:
        """Write a state, then remove the others except the newest before it.

        States of later steps are those of another training, or were passed over as damaged: none of them is kept.

        Raises:
            LabError: The disk refuses; the earlier states are untouched.
        """
        from safetensors.torch import save_file

        target = self.folder / f"step-{progress.step:08d}"
        # `replace`: a state of this step may be there already, of another training or passed over as damaged.
        with new_folder(target, replace=True) as temporary:
            save_file(read_adapter(model), temporary / ADAPTER)
            save_file(_flatten(optimizer.state_dict()["state"]), temporary / OPTIMIZER)
            if best is not None:
                save_file(dict(best), temporary / BEST)
            write_json(temporary / STATE, replace(progress, identity=self.identity).as_json())
        earlier = [place for place in self._list() if place.name < target.name and self._is_own(place)]
        kept = {target, *earlier[: KEPT - 1]}
        for old in self._list():
            if old not in kept:
                shutil.rmtree(old, ignore_errors=True)

    def find(self) -> tuple[Path, TrainingProgress] | None:
        """Return the newest whole state of this training and how far it came, None if there is none."""
        for place in self._list():
            try:
                verify_folder(place, remedy=REMEDY)
                progress = self._read(place)
            except LabError as error:
                log.warning("%s", error)
                continue
            if progress is not None:
                return place, progress
            log.warning("%s belongs to a training with other settings or data; it is not used.", place)
        return None

    def load(self, place: Path, model: Any, optimizer: Any) -> dict[str, torch.Tensor] | None:
        """Put a state that `find` named into model and optimizer; returns its best adapter, if it has one."""
        from safetensors.torch import load_file

        write_adapter(model, load_file(place / ADAPTER))
        groups = optimizer.state_dict()["param_groups"]  # Rates and the like: those of this run, not the state's.
        optimizer.load_state_dict({"state": _unflatten(load_file(place / OPTIMIZER)), "param_groups": groups})
        return load_file(place / BEST) if (place / BEST).is_file() else None

    def _read(self, place: Path) -> TrainingProgress | None:
        """Return how far a state came, None if it is another training's.

        Raises:
            LabError: It cannot be read, or another version wrote it.
        """
        progress = read_stored(TrainingProgress, place / STATE, remedy=REMEDY)
        if progress.identity != self.identity:
            return None
        # What a field of another version means to the steps to come is not known, so its state cannot be gone on from.
        if progress.extra or len(progress.losses) != progress.step:
            raise LabError(f"{place / STATE} is of another form.", REMEDY)
        return progress

    def _is_own(self, place: Path) -> bool:
        try:
            return self._read(place) is not None
        except LabError:
            return False

    def _list(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"), reverse=True)


def read_adapter(model: Any) -> dict[str, torch.Tensor]:
    """Return copies of the trained tensors by name."""
    return {
        name: parameter.detach().to("cpu", copy=True).contiguous()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def write_adapter(model: Any, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put trained tensors back into a model, in place.

    Raises:
        LabError: They are not those of this model.
    """
    import torch

    own = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if set(own) != set(tensors) or any(own[name].shape != tensor.shape for name, tensor in tensors.items()):
        raise LabError("The stored state belongs to an adapter of another form.", "Start the training anew.")
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].copy_(tensor)


def _flatten(values: Mapping[Any, Any], prefix: str = "") -> dict[str, torch.Tensor]:
    """Return an optimizer's state as named tensors; bitsandbytes nests what FSDP must not gather."""
    import torch

    tensors: dict[str, torch.Tensor] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            tensors |= _flatten(value, f"{prefix}{key}.")
        else:
            tensors[f"{prefix}{key}"] = torch.as_tensor(value).detach().cpu().contiguous()
    return tensors


def _unflatten(tensors: Mapping[str, torch.Tensor]) -> dict[int, dict[str, Any]]:
    """Undo `_flatten`; a whole number was a plain one (bitsandbytes counts its steps so)."""
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        index, *path, key = name.split(".")
        place = state.setdefault(int(index), {})
        for part in path:
            place = place.setdefault(part, {})
        place[key] = int(tensor) if tensor.dim() == 0 and not tensor.is_floating_point() else tensor
    return state
