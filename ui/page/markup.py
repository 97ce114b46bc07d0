"""HTML of the page: it comes from the templates beside this file, which escape every value on their own.

A template that shows a part made by another gets it as `Markup`, what `render` returns; a plain text is always escaped.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, **values: Any) -> Markup:
    """Return the HTML of a template, named without its suffix, for example `finetune/cost`."""
    return Markup(_environment().get_template(f"{template}.html.jinja").render(**values).strip())


def join(parts: Any) -> Markup:
    """Return parts one after another; those that are no `Markup` are escaped."""
    return Markup("").join(parts)


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=FileSystemLoader(TEMPLATES)
    )
