"""HTML of the page: it comes from the templates beside this file, which escape every value on their own.

A template that shows a part made by another gets it as `Markup`, what `render` returns; a plain text is always escaped.
"""

from __future__ import annotations

import re
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


def mark_code(text: Any) -> Markup:
    """Return a sentence of the lab's with its commands, which stand between backticks there, as code; the rest is escaped."""
    if isinstance(text, Markup):
        return text
    parts = re.split(r"`([^`\n]+)`", str(text))
    return join(Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts))


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=FileSystemLoader(TEMPLATES)
    )
    environment.filters["code"] = mark_code
    return environment
