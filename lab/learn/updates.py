"""What a training changed in each matrix, taken apart: singular values of real updates, and what a smaller rank keeps.

The best copy of rank r of any matrix keeps its r largest singular values; its squared distance is the sum of the squares
of the others (Eckart and Young 1936). The share of the squares that is kept is called energy here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.settings import Settings
from core.stored import read_each
from finetune.adapters.card import date_adapter, read_card
from lab.learn.measured import read_measured

NAME = re.compile(r"\.layers\.(\d+)\.(?:\w+\.)*?(\w+)\.lora_A\.weight$")
Place = tuple[int, str]  # A block and the name of one of its matrices.
BUNDLED_FULL, BUNDLED_ADAPTER = "bundled:full", "bundled:adapter"
REMEDY = "Choose another update."


@dataclass(frozen=True, slots=True)
class UpdatedMatrix:
    """One matrix's update: the block it stands in, its name, its shape (out, in), its singular values, falling."""

    layer: int
    name: str
    shape: tuple[int, int]
    singular: tuple[float, ...]

    def keep(self, rank: int) -> float:
        """Return the share of the energy that the best copy of this rank keeps; 1 where there is none to lose."""
        squares = [value * value for value in self.singular]
        total = sum(squares)
        return sum(squares[:rank]) / total if total else 1.0


@dataclass(frozen=True, slots=True)
class Update:
    """All that a training changed, or what is bundled of it.

    Args:
        title: What it is, in words.
        rank: The largest that it could have; None where nothing bounds it but the matrix.
        matrices: Those that were asked for.
    """

    title: str
    rank: int | None
    matrices: tuple[UpdatedMatrix, ...]


def list_updates(settings: Settings) -> list[tuple[str, str]]:
    """Return (title, name) of the updates that can be looked at: of this machine's adapters, newest first, then the bundled."""
    folders = sorted(settings.folder("adapters").glob("[!.]*/"))
    cards = sorted(read_each(folders, read_card).whole, key=date_adapter, reverse=True)
    bundled = [("Full fine-tuning of a tiny model (bundled)", BUNDLED_FULL)]
    if read_measured().updates["adapter"]:
        bundled.append(("A QLoRA adapter of the bundled model (bundled)", BUNDLED_ADAPTER))
    return [*((f"{card.id} (r = {card.config.get('rank', '?')})", card.id) for card in cards), *reversed(bundled)]


def open_update(settings: Settings, name: str, *, layer: int, kind: str) -> Update:
    """Return an update with one of its matrices: that of the block and kind, or the nearest that it has.

    Raises:
        LabError: There is no such update, or it cannot be read.
    """
    if name == BUNDLED_FULL:
        about, kept = read_measured().about, read_measured().updates["full"]
        matrices = [_read_matrix({"layer": kept["layer"], **values}) for values in kept["matrices"]]
        title = f"full fine-tuning of a model of {about['parameters']:,} parameters, {about['steps']} steps"
        return Update(title, None, (_find_nearest(matrices, layer, kind),))
    if name == BUNDLED_ADAPTER:
        kept = read_measured().updates["adapter"]
        if not kept:
            raise LabError("No adapter's update is bundled.", REMEDY)
        matrices = [_read_matrix(values) for values in kept["matrices"]]
        return Update(kept["title"], kept["rank"], (_find_nearest(matrices, layer, kind),))
    from finetune.adapters.store import find_folder

    return read_update(find_folder(settings, name), choose=lambda places: [_choose(places, layer, kind)])


def read_update(folder: Path, *, choose: Callable[[Sequence[Place]], Sequence[Place]] = list) -> Update:
    """Take an adapter's updates apart, without ever forming them: B A has the singular values of R_B R_A^T, of size r x r.

    With B = Q_B R_B and A^T = Q_A R_A, B A = Q_B (R_B R_A^T) Q_A^T, and the Q change no singular value.

    Args:
        folder: The adapter's.
        choose: Returns those of the matrices' places (block, name) that are read; all by default.

    Raises:
        LabError: The folder holds no LoRA adapter that can be read.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    matrices = []
    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
        scale = alpha / (rank**0.5 if config.get("use_rslora") else rank)
        with safe_open(str(folder / "adapter_model.safetensors"), "pt") as file:
            found = ((NAME.search(key), key) for key in file.keys())  # noqa: SIM118
            keys = {(int(match[1]), match[2]): key for match, key in found if match is not None}
            if not keys:
                raise LabError(f"The adapter in {folder.name} has no LoRA matrices.", REMEDY)
            for place in choose(sorted(keys)):
                a, b = (file.get_tensor(keys[place].replace("lora_A", side)).float() for side in ("lora_A", "lora_B"))
                core = torch.linalg.qr(b, mode="r")[1] @ torch.linalg.qr(a.T, mode="r")[1].T
                singular = (scale * torch.linalg.svdvals(core)).tolist()
                matrices.append(UpdatedMatrix(*place, (b.shape[0], a.shape[1]), tuple(singular)))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise LabError(f"The adapter in {folder.name} cannot be read: {error}.", REMEDY) from error
    return Update(f"adapter {folder.name}, trained with r = {rank}", rank, tuple(matrices))


def _choose(places: Sequence[Place], layer: int, kind: str) -> Place:
    """Return the place of the kind that is nearest to a block; of any kind where the update has none of it."""
    return min(places, key=lambda place: (place[1] != kind, abs(place[0] - layer)))


def _find_nearest(matrices: Sequence[UpdatedMatrix], layer: int, kind: str) -> UpdatedMatrix:
    return min(matrices, key=lambda matrix: (matrix.name != kind, abs(matrix.layer - layer)))


def _read_matrix(values: dict[str, Any]) -> UpdatedMatrix:
    out_size, in_size = values["shape"]
    return UpdatedMatrix(values["layer"], values["name"], (out_size, in_size), tuple(map(float, values["singular"])))
