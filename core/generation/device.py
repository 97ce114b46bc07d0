"""Where a model runs and in which arithmetic, decided in one place."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from core.generation.zero_gpu import awaits_gpu

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Device:
    """A device and the dtype of its matrix products."""

    name: str
    dtype: torch.dtype

    @property
    def dtype_name(self) -> str:
        """The dtype as written in records: `float32` or `bfloat16`."""
        return str(self.dtype).removeprefix("torch.")


@lru_cache(maxsize=1)
def choose_device() -> Device:
    """Choose CUDA unless it is only lent to others, then Apple MPS, then the CPU; bfloat16 wherever the hardware multiplies it.

    A CPU without bfloat16 instructions emulates them: measured 125 times slower than float32 on an AVX2
    processor (0.9 against 118 GFLOP/s), while on AVX512-bf16 it is 4 times faster. So a CPU is timed once.
    """
    import torch

    if torch.cuda.is_available() and not awaits_gpu():
        return Device("cuda", torch.bfloat16)
    if torch.backends.mps.is_available():
        return Device("mps", torch.bfloat16)
    faster = _time_product(torch.bfloat16) < _time_product(torch.float32)
    return Device("cpu", torch.bfloat16 if faster else torch.float32)


def cast_weights(model: Any, dtype: torch.dtype) -> Any:
    """Cast a model's weights, and only these; returns the model.

    `model.to` casts buffers too, among them the frequencies of the rotary embedding: in bfloat16 they have 8 bits, and at
    position 1,000 angles are off by a radian and more.
    """
    for parameter in model.parameters():
        if parameter.is_floating_point():
            parameter.data = parameter.data.to(dtype)
    return model


def set_threads(count: int) -> None:
    """Set the threads of matrix products; 0 leaves the library's choice, one per core.

    Two busy processes with two threads each on two cores can be ten times slower than one after the other,
    because OpenMP barriers wait for descheduled threads; jobs therefore queue (see `core/jobs.py`).
    """
    import torch

    if count:
        torch.set_num_threads(count)


def _time_product(dtype: torch.dtype) -> float:
    """Return the best of eight times of a 256 x 256 x 256 product on one thread, in seconds.

    With two threads a busy neighbour can hold up every one of a few tries, and the choice flips.
    """
    import torch

    matrix = torch.ones(256, 256, dtype=dtype)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = []
        for _ in range(9):
            start = time.perf_counter()
            matrix @ matrix
            times.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return min(times[1:])  # The first one warms up.
