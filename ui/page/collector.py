"""What the collector of unused objects is spared."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def rest_collector() -> Iterator[None]:
    """Build without the collector, which would walk through everything again and again, and never look at it later.

    A walk through all that a page and a model consist of takes longer than a person should wait for a click.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
