"""Where a training can go on after its process died: whole states, the newest that still opens is used.

A state holds the adapter, the optimizer's moments and the counters. Nothing random is drawn after a training's
first step (no dropout; the order of examples follows from seed and step), so a resumed run repeats the losses of
an uninterrupted one (tested).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import LabError
from core.storage import new_folder, read_json, verify_folder, write_json

if TYPE_CHECKING:
    import torch

STATE, ADAPTER, OPTIMIZER, BEST = "state.json", "adapter.safetensors", "optimizer.safetensors", "best.safetensors"
KEPT = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training has come. `total` is fixed once `planned`; `stale` counts evaluations without a better score."""

    step: int = 0
    total: int = 0
    planned: bool = False
    losses: tuple[float, ...] = ()
    tokens: int = 0
    seconds: float = 0.0
    best_step: int = 0
    best_score: float = -1.0
    best_loss: float = 0.0
    stale: int = 0
    evaluated: int = 0
    evaluations: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Checkpoints:
    """The states of one training.

    Args:
        folder: Where they lie, one folder each.
        identity: Hash of settings, data and base weights; states of another training are not used.
    """

    folder: Path
    identity: str

    def save(self, progress: Progress, model: Any, optimizer: Any, best: Mapping[str, torch.Tensor] | None) -> None:
        """Write a state beside the earlier ones, then remove all but the newest two.

        Raises:
            LabError: The disk refuses; the earlier states are untouched.
        """
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        target = self.folder / f"step-{progress.step:08d}"
        if target.exists():
            shutil.rmtree(target)
        try:
            with new_folder(target) as temporary:
                save_file(read_adapter(model), temporary / ADAPTER)
                save_file(_flatten(optimizer.state_dict()["state"]), temporary / OPTIMIZER)
                if best is not None:
                    save_file(dict(best), temporary / BEST)
                write_json(temporary / STATE, {"identity": self.identity, **asdict(progress)})
        except SafetensorError as error:
            raise LabError(f"Cannot write {target}: {error}.", "Free some disk space, then resume the training.") from error
        for old in self._list()[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)

    def load(self, model: Any, optimizer: Any) -> tuple[Progress, dict[str, torch.Tensor] | None] | None:
        """Put the newest whole state into model and optimizer; returns its progress and best adapter, None if there is none."""
        from safetensors.torch import load_file

        for place in self._list():
            try:
                verify_folder(place, remedy="An earlier state is used.")
                state = dict(read_json(place / STATE))
            except LabError as error:
                log.warning("%s", error)
                continue
            if state.pop("identity") != self.identity:
                log.warning("%s belongs to a training with other settings or data; it is not used.", place)
                continue
            write_adapter(model, load_file(place / ADAPTER))
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": _unflatten(load_file(place / OPTIMIZER)), "param_groups": groups})
            best = load_file(place / BEST) if (place / BEST).is_file() else None
            return Progress(**{**state, **{name: tuple(state[name]) for name in ("losses", "evaluations")}}), best
        return None

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


def _flatten(state: Mapping[int, Mapping[str, Any]]) -> dict[str, torch.Tensor]:
    import torch

    return {
        f"{index}.{key}": torch.as_tensor(value).detach().cpu().contiguous()
        for index, values in state.items()
        for key, value in values.items()
    }


def _unflatten(tensors: Mapping[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = tensor
    return state
