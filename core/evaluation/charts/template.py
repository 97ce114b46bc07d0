"""The templates of the charts, which escape every value on their own."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from core.evaluation.exports.junit import FORBIDDEN

FOLDER = Path(__file__).parent
STYLE = FOLDER / "charts.css"  # For whoever shows the gallery: the page, a report.


def render(template: str, **values: Any) -> Markup:
    """Return what a template of this folder writes, named without its suffix, for example `scene.svg`."""
    return Markup(_environment().get_template(f"{template}.jinja").render(**values).strip())


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=FileSystemLoader(FOLDER),
        finalize=_keep_printable,
    )  # fmt: skip


def _keep_printable(value: Any) -> Any:
    """Return what a template writes without the signs that no XML may hold: control signs, halves of surrogate pairs."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", value)
    return value
