"""Equations of Word documents as one line of text: a/b, x^2, x_1, sqrt(x)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
MATHS = {f"{M}oMath", f"{M}oMathPara"}
DEEPEST = 100  # Parts in parts that are written; no equation has more.


def write_equation(node: Any, depth: int = 0) -> str:
    """Return an equation, or a part of one, as text."""
    if node.tag == f"{M}t":
        return node.text or ""
    if depth > DEEPEST or not isinstance(node.tag, str) or node.tag.endswith("Pr"):
        return ""

    def part(name: str) -> str:
        return "".join(write_equation(child, depth + 1) for child in node.iterchildren(f"{M}{name}"))

    write = FORMS.get(node.tag.removeprefix(M))
    return write(part) if write else "".join(write_equation(child, depth + 1) for child in node)


def _group(text: str) -> str:
    """Put what is longer than a name or a number between brackets."""
    text = text.strip()
    return text if text.replace(".", "").isalnum() else f"({text})"


FORMS: dict[str, Callable[[Callable[[str], str]], str]] = {
    "f": lambda part: f"{_group(part('num'))}/{_group(part('den'))}",
    "sSup": lambda part: f"{_group(part('e'))}^{_group(part('sup'))}",
    "sSub": lambda part: f"{_group(part('e'))}_{_group(part('sub'))}",
    "sSubSup": lambda part: f"{_group(part('e'))}_{_group(part('sub'))}^{_group(part('sup'))}",
    "rad": lambda part: f"root {part('deg')} of ({part('e')})" if part("deg") else f"sqrt({part('e')})",
    "d": lambda part: f"({part('e')})",
}
