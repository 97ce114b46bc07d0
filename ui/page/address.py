"""The page's address: what is chosen stands in it as `?key=value`, so that a reload or a copied link returns to it.

The writing half is `scripts/address.js`; other keys of the address are left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr

from ui.page.polling import EVERY, QUIET

Offer = Callable[[], Sequence[tuple[str, Any]]]  # (label, value) of all that may be chosen now.


def follow(page: gr.Blocks, component: Any, key: str, *, offer: Offer | None = None, take: bool = True) -> Any:
    """Keep a component's value in the address, and take it from there when the page is opened.

    Args:
        page: The page.
        component: A list, text, radio, group of boxes, number or browser state; what it holds is written as text, several
            values joined by commas.
        key: The key in the address; each belongs to one component.
        offer: Returns the choices as they are now; they are set when the page is opened, and a value that is not among
            them is not taken. Without it the component's own choices count, where it has any.
        take: Whether it is filled when the page is opened; another event may do that (`recall`).

    Returns:
        The event of reading: what must come after it is chained with `.then`.
    """

    def read_value(request: gr.Request) -> Any:
        choices = list(offer()) if offer is not None else None
        asked = read_address(request, key)
        known = choices if choices is not None else getattr(component, "choices", None)
        several = bool(getattr(component, "multiselect", False)) or isinstance(component, gr.CheckboxGroup)
        value = _choose(asked, [choice[1] for choice in known or ()] if choices is not None or known else None, several=several)
        if choices is not None:
            return gr.update(choices=choices) if value is None else gr.update(choices=choices, value=value)
        return gr.skip() if value is None else value

    if take:
        read = page.load(read_value, None, component, **QUIET)
        read.then(None, component, None, js=_call("begin", key), **QUIET)
    else:
        read = page.load(None, None, None, js=f"() => {{ window.ragftAddress?.begin({json.dumps(key)}); }}", **QUIET)
    component.change(None, component, None, js=_call("write", key), **EVERY)
    return read


def follow_tabs(page: gr.Blocks, tabs: gr.Tabs, items: Mapping[str, gr.Tab], *, key: str = "tab") -> None:
    """Keep the open tab in the address, and open the one that stands there.

    Args:
        page: The page.
        tabs: The bar of tabs.
        items: Its tabs by id.
        key: The key in the address.
    """

    def take(request: gr.Request) -> Any:
        asked = read_address(request, key)
        return gr.Tabs(selected=asked) if asked in items else gr.skip()

    page.load(take, None, tabs, **QUIET).then(None, None, None, js=_call("begin", key), **QUIET)
    for name, tab in items.items():
        tab.select(None, None, None, js=f"() => window.ragftAddress?.write({json.dumps(key)}, {json.dumps(name)})", **EVERY)


def recall(*keys: str) -> str:
    """Return the script for an event whose inputs are the task, a hidden text, and any others.

    It fills the text with what the address said of the keys when the page was opened, as JSON; nothing where it spoke of
    another task.
    """
    return f"(task, _, ...others) => [task, window.ragftAddress?.recall(task, {json.dumps(keys)}) ?? '{{}}', ...others]"


def read_address(request: gr.Request | None, key: str) -> str:
    """Return what the page's address says of a key, empty where it says nothing or there is no page (a call of the API)."""
    return str(request.query_params.get(key, "")) if request is not None and request.query_params else ""


def _choose(asked: str, offered: Sequence[Any] | None, *, several: bool) -> Any | None:
    """Return the value that a text of the address stands for, None where it stands for none of those offered."""
    if not asked:
        return None
    if offered is None:
        return asked.split(",") if several else asked
    by_text = {str(value): value for value in offered}
    if several:
        return [by_text[part] for part in asked.split(",") if part in by_text] or None
    return by_text.get(asked)


def _call(verb: str, key: str) -> str:
    """Write the call of the script; it may be absent where the page stands inside another one."""
    return f"value => {{ window.ragftAddress?.{verb}({json.dumps(key)}, value); }}"
