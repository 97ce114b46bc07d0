"""Real weight matrices to round: of the bundled language model, and of the embedder, whose weights nobody rounded before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import LabError
from core.generation.models import find_model
from core.settings import Settings

if TYPE_CHECKING:
    import torch

EMBEDDER = "embedder"
KINDS = {
    "q_proj": "self_attn.q_proj",
    "k_proj": "self_attn.k_proj",
    "v_proj": "self_attn.v_proj",
    "o_proj": "self_attn.o_proj",
    "gate_proj": "mlp.gate_proj",
    "up_proj": "mlp.up_proj",
    "down_proj": "mlp.down_proj",
}
INSIDE_EMBEDDER = "encoder.layer.0.intermediate.dense.weight"
NORMAL = (576, 576)  # Shape of the stand-in where there is no model.
ROUNDED_BLOCK, ROUNDED_LEVELS = 32, 16  # What GGUF's Q4_1 leaves: at most so many values in so many neighbours.
LOOKED_AT = 4_096  # Neighbouring weights in which it is looked for.


@dataclass(frozen=True, slots=True)
class WeightMatrix:
    """A matrix with what a reader must know of it.

    Shape: values (out, in), in the numbers that it is stored in.
    """

    title: str
    values: torch.Tensor
    note: str = ""


def load_matrix(settings: Settings, kind: str, layer: int) -> WeightMatrix:
    """Load one matrix, not the model: a few milliseconds.

    Args:
        settings: Where the model is.
        kind: One of `KINDS`, or `EMBEDDER`.
        layer: Of the language model; the last one where it has fewer.

    Raises:
        LabError: The file cannot be read, or there is no such matrix.
    """
    if kind == EMBEDDER:
        from retrieval.embedding.embedder import BUNDLED, find_folder

        values = _read(find_folder(BUNDLED), [INSIDE_EMBEDDER])
        return WeightMatrix(f"{BUNDLED}, feed-forward layer of block 0", values, "32-bit weights that were never rounded.")
    if kind not in KINDS:
        raise LabError(f"There is no matrix {kind!r}.", f"Choose one of {', '.join([*KINDS, EMBEDDER])}.")
    try:
        folder = find_model(settings)
    except LabError:
        return make_normal()
    names = [f"model.layers.{number}.{KINDS[kind]}.weight" for number in range(layer, -1, -1)]
    values = _read(folder, names)
    note = ""
    if was_rounded(values):
        note = (
            f"This copy of the model came in a 4-bit file (at most {ROUNDED_LEVELS} values in {ROUNDED_BLOCK} neighbours) and was "
            "widened: small blocks of int4 lose little more. The embedder's matrix was never rounded."
        )
    return WeightMatrix(f"{folder.name}, {kind} of block {layer}", values, note)


def make_normal() -> WeightMatrix:
    """Return a seeded normal matrix, for machines without the model."""
    import torch

    values = 0.02 * torch.randn(*NORMAL, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    return WeightMatrix("A normal random matrix", values, "The model is not on this machine, so this is no real matrix.")


def was_rounded(values: torch.Tensor) -> bool:
    """Say whether neighbouring weights take so few values that they must have been rounded before."""
    flat = values.float().flatten()[:LOOKED_AT]
    groups = flat[: len(flat) // ROUNDED_BLOCK * ROUNDED_BLOCK].reshape(-1, ROUNDED_BLOCK)
    return len(groups) > 0 and max(len(group.unique()) for group in groups) <= ROUNDED_LEVELS


def _read(folder: Path, names: Sequence[str]) -> torch.Tensor:
    """Return the first tensor of these names that the model's files hold."""
    from safetensors import SafetensorError, safe_open

    try:
        for path in sorted(folder.glob("*.safetensors")):
            with safe_open(str(path), "pt") as file:
                held = set(file.keys())
                for name in names:
                    if name in held:
                        tensor: torch.Tensor = file.get_tensor(name)
                        return tensor
    except (OSError, SafetensorError) as error:
        raise LabError(
            f"The weights in {folder} cannot be read: {error}.", "Fetch the model anew: `ragft models fetch`."
        ) from error
    raise LabError(f"{folder.name} has no matrix {names[0]}.", "Choose another one.")
