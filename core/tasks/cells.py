"""Cells as typed values: what a column of texts can be read as, and each of its cells read so."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

TRUE = {"true", "yes"}
FALSE = {"false", "no"}
NULL = {"", "null", "none", "n/a", "na"}  # Cells that say that there is no value.
SAMPLE_CELLS = 1000  # Of a column; its kind shows in them.
READABLE = 0.9  # Share of cells that must be of a kind for the column to be: one slip in ten is named as a bad row.


class Unreadable:
    """A cell that is not of its column's kind."""


def takes_only_text(field: Any) -> bool:
    """Whether the person's schema takes nothing but texts for a field, so that "1" and "yes" stay texts."""
    if not isinstance(field, dict):
        return False
    return field.get("type") == "string" or ("enum" in field and all(isinstance(value, str) for value in field["enum"]))


def choose_kind(cells: Sequence[Any], typed: bool) -> str:
    """Return what nearly all cells of a column are: JSON values as they are, texts by what they can be read as."""
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip().lower() not in NULL]
    if len(texts) < len([cell for cell in cells if cell is not None and cell != ""]) / 2:
        return "object" if sum(isinstance(cell, dict) for cell in cells) > len(cells) / 2 else "value"
    for kind in ("object",) if typed else ("boolean", "integer", "number", "object", "list"):
        readable = sum(not isinstance(convert(text, kind), Unreadable) for text in texts[:SAMPLE_CELLS])
        if texts and readable >= READABLE * min(len(texts), SAMPLE_CELLS):
            return kind
    return "value" if typed else "text"


def convert(cell: Any, kind: str) -> Any:
    """Read a cell as a value of a kind; empty cells are null, values that are JSON already stay."""
    if not isinstance(cell, str) or kind == "value":
        return cell
    text = cell.strip()
    if kind == "text":
        return text or None
    if text.lower() in NULL:
        return None
    if kind == "boolean":
        return True if text.lower() in TRUE else False if text.lower() in FALSE else Unreadable()
    if kind in ("integer", "number"):
        # Fifteen digits are exact in a float; a leading zero is a code (a postcode, a telephone number), not a number.
        pattern = r"[+-]?\d{1,15}" if kind == "integer" else r"[+-]?(\d{1,15}(\.\d+)?|\.\d+)(e[+-]?\d{1,2})?"
        if not re.fullmatch(pattern, text, re.IGNORECASE) or re.match(r"[+-]?0\d", text):
            return Unreadable()
        return int(text) if kind == "integer" else float(text)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return Unreadable()
    return value if isinstance(value, dict if kind == "object" else list) else Unreadable()
