"""The page's edge: what the user or the environment must mend becomes a message box."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any, TypeVar

import gradio as gr

from core.errors import LabError

Handler = TypeVar("Handler", bound=Callable[..., Any])


def explain(handler: Handler) -> Handler:
    """Decorate an event handler: its `LabError` is shown as a sentence; a bug of ours keeps its traceback."""
    if isgeneratorfunction(handler):

        @wraps(handler)
        def follow(*values: Any, **named: Any) -> Any:
            with _translated():
                yield from handler(*values, **named)

        return follow  # type: ignore[return-value]

    @wraps(handler)
    def call(*values: Any, **named: Any) -> Any:
        with _translated():
            return handler(*values, **named)

    return call  # type: ignore[return-value]


@contextmanager
def _translated() -> Any:
    try:
        yield
    except LabError as error:
        raise gr.Error(str(error), print_exception=False) from error
