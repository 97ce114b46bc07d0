"""Pictures that follow their controls: drawn when the tab is opened, and again at each change, the last one winning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ui.page.polling import EVERY, QUIET

LIVE: dict[str, Any] = {**QUIET, "trigger_mode": "always_last"}


def draw_live(tab: gr.Tab, look: Callable[..., Any], given: Sequence[Any], shown: Any) -> None:
    """Fill `shown` with `look(*given)`.

    Args:
        tab: Opening it draws for the first time. Every picture of the tab waits for that event, so none of them may be
            `always_last` there (`ui/page/polling.py`).
        look: What draws.
        given: The controls that it reads.
        shown: What it fills.
    """
    tab.select(look, list(given), shown, **EVERY)
    gr.on([item.change for item in given], look, list(given), shown, **LIVE)
