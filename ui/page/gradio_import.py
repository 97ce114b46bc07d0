"""Gradio, imported without the type stubs that it writes anew beside each of its components at each start."""

from __future__ import annotations

import gc
import inspect
import sys
from typing import Any


def import_gradio() -> None:
    """Import Gradio in half the time: its 80 components' sources are not parsed and written again for editors.

    Where a component's file cannot be found Gradio leaves the stub out, so for this moment none is found. The collector
    would walk through everything imported so far again and again; it rests meanwhile.
    """
    if "gradio" in sys.modules:
        return
    find, collects = inspect.getfile, gc.isenabled()

    def hide_components(thing: Any) -> str:
        if isinstance(thing, type) and thing.__module__.startswith("gradio."):
            raise OSError(f"{thing.__qualname__} needs no stub")
        return find(thing)

    inspect.getfile = hide_components
    gc.disable()
    try:
        import gradio  # noqa: F401
    finally:
        inspect.getfile = find
        if collects:
            gc.enable()
