"""Gradio, imported without the type stubs that it writes anew beside each of its components at each start."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from ui.page.collector import rest_collector


def import_gradio() -> None:
    """Import Gradio in half the time: its 80 components' sources are not parsed and written again for editors.

    Where a component's file cannot be found Gradio leaves the stub out, so for this moment none is found.
    """
    if "gradio" in sys.modules:
        return
    find = inspect.getfile

    def hide_components(thing: Any) -> str:
        if isinstance(thing, type) and thing.__module__.startswith("gradio."):
            raise OSError(f"{thing.__qualname__} needs no stub")
        return find(thing)

    inspect.getfile = hide_components  # type: ignore[assignment]
    try:
        with rest_collector():
            import gradio  # noqa: F401
    finally:
        inspect.getfile = find
