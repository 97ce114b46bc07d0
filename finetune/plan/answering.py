"""What a model takes in memory while it answers, from its shape alone."""

from __future__ import annotations

from finetune.plan.estimate import PROCESS_BYTES, Machine, ModelShape

PACKED = 2 * 2**30  # Bytes of weights up to which a CPU keeps its linear layers laid out anew (`core/generation/decoder.py`).


def estimate_answering(shape: ModelShape, storage: str, machine: Machine) -> int:
    """Return the bytes for weights and program; keys and values of the answers come on top.

    A CPU computes with 4-bit weights that were dequantized once, so that they take as much as 16-bit ones there; small 16-bit
    models keep a second, laid out copy of their linear layers.

    Args:
        shape: Of the model.
        storage: A key of `core.settings.STORAGES`.
        machine: Where it answers.
    """
    if machine.device != "cpu":
        return shape.weigh("full" if storage == "bf16" else storage, dtype_bytes=machine.dtype_bytes)
    if storage == "int8":
        return PROCESS_BYTES + shape.weigh("int8", dtype_bytes=machine.dtype_bytes)
    wide = shape.parameters * machine.dtype_bytes
    head = shape.vocabulary * shape.width
    packed = machine.dtype_bytes * (shape.linear_parameters + head) if machine.dtype_bytes == 2 and wide <= PACKED else 0
    return PROCESS_BYTES + wide + packed
