"""GPUs that a Space lends for seconds (ZeroGPU): a function runs in a forked process that has one; elsewhere it is called as it is.

What goes in and comes out is pickled, and what the function changes is gone with its process. Errors lose their words on
the way, so a `LabError` travels as a value.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from importlib.util import find_spec
from typing import Any

from core.errors import LabError

LENDS = "SPACES_ZERO_GPU"  # Set by such a Space.
HOLDS = "RAGFT_HOLDS_GPU"  # Set by us, in a process that has one.
LONGEST_SECONDS = 120  # That are asked for: two minutes are what a visitor who is not signed in has in a day.


@dataclass(frozen=True, slots=True)
class Refusal:
    """A `LabError` on its way out of a forked process."""

    happened: str
    remedy: str

    def as_error(self) -> LabError:
        """Return what was raised."""
        return LabError(self.happened, self.remedy)


def lends_gpu() -> bool:
    """Whether this is a Space that lends GPUs."""
    return os.environ.get(LENDS, "").lower() in {"1", "t", "true"} and find_spec("spaces") is not None


def awaits_gpu() -> bool:
    """Whether GPUs are lent here and this process has none: it must not touch CUDA, though CUDA looks available."""
    return lends_gpu() and os.environ.get(HOLDS) != "1"


@lru_cache(maxsize=8)  # Decorated once: the Space is told of each borrower when the page starts.
def borrow_gpu(function: Callable[..., Any], duration: Callable[..., float]) -> Callable[..., Any]:
    """Return a function that is called with a GPU where GPUs are lent; elsewhere the function itself.

    Args:
        function: Of a module, no closure; arguments and result must pickle.
        duration: Takes the same arguments, returns the seconds that it will take at most; shorter ones wait less.
    """
    if not lends_gpu():
        return function
    import spaces

    borrowed: Callable[..., Any] = spaces.GPU(_hold(function), duration=duration)
    return borrowed


def _hold(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that first notes that its process has a GPU."""

    @wraps(function)
    def hold(*values: Any) -> Any:
        import torch

        from core.generation.device import choose_device

        os.environ[HOLDS] = "1"
        choose_device.cache_clear()  # The process that was forked had none.
        torch.set_num_threads(1)  # OpenMP's threads do not survive a fork; whoever waits for them waits for ever.
        return function(*values)

    return hold
