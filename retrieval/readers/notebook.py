"""Notebooks to text: their cells in order, code in fences, and what code printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.readers.limits import Limits, Text, UnreadableFile
from retrieval.readers.text import clean_text, decode_text

FENCE = "````"  # One more than people write, so that theirs may stand within.
MOST_PRINTED = 4000  # Characters of what one cell printed; logs of trainings are longer.


def read_notebook(path: Path, limits: Limits) -> Text:
    """Read a notebook; pictures are left out, as are the tails of long outputs."""
    try:
        book = json.loads(decode_text(path.read_bytes()))
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"It is no notebook: {error}.") from error
    cells = _as_list(book, "cells") or [cell for sheet in _as_list(book, "worksheets") for cell in _as_list(sheet, "cells")]
    parts = [part for cell in cells if isinstance(cell, dict) for part in _write_cell(cell) if part]
    if not parts:
        raise UnreadableFile("It is empty: it is a notebook in which no cell holds text.")
    return Text(clean_text("\n\n".join(parts)).strip())


def _write_cell(cell: dict[str, Any]) -> Iterator[str]:
    source = _join(cell.get("source", cell.get("input", ""))).strip()
    if cell.get("cell_type") != "code":
        yield source
        return
    yield f"{FENCE}\n{source}\n{FENCE}" if source else ""
    for output in _as_list(cell, "outputs"):
        printed = _find_printed(output).strip() if isinstance(output, dict) else ""
        yield f"{FENCE}\n{printed[:MOST_PRINTED].rstrip()}\n{FENCE}" if printed else ""


def _find_printed(output: dict[str, Any]) -> str:
    data = output.get("data")
    return _join(output.get("text", "")) or (_join(data.get("text/plain", "")) if isinstance(data, dict) else "")


def _as_list(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _join(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else ""
