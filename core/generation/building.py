"""Models are built one at a time: transformers sets torch's default type of numbers meanwhile, for all threads of the process.

Two that overlap may leave it at bfloat16 for good, each putting back what it found. What answers names its types itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

_ONE = RLock()


@contextmanager
def build_alone() -> Iterator[None]:
    """Wait until no other model is being built; afterwards the default type is what it was."""
    import torch

    with _ONE:
        before = torch.get_default_dtype()
        try:
            yield
        finally:
            torch.set_default_dtype(before)
