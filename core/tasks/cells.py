"""Cells as typed values: what a column of texts can be read as, and each of its cells read so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.answers.view import SchemaView
from core.tasks.numerals import Numeral, choose_numeral
from core.tasks.rows.json_text import StrictDecoder, read_literal

TRUE = {"true", "yes"}
FALSE = {"false", "no"}
NULL = {"", "null", "none", "n/a", "na", "nan", "#n/a"}  # Cells that say that there is no value.
SAMPLE_CELLS = 1000  # Of a column; its kind shows in them.
READABLE = 0.9  # Share of cells that must be of a kind for the column to be: one slip in ten is named as a bad row.
FENCE = re.compile(r"\A.*?```[ \t]*(?:json|JSON|json5)?[ \t]*\r?\n?(.*?)\r?\n?[ \t]*```.*\Z", re.DOTALL)
SEPARATORS = ("|", ";", ",")
MOST_LABELS = 50  # Different ones in cells of several.
LONGEST_LABEL = 30  # Characters.
SEVERAL = 0.1  # Share of cells with more than one label from which on a column has lists.
REPEATS = 5  # Times that a label comes back on average.


class Unreadable:
    """A cell that is not of its column's kind."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the cells of a column are read as.

    Args:
        name: `value` (as it is), `text`, `boolean`, `integer`, `number`, `object`, `list`, `labels` (a list in one text).
        numeral: How numbers are written, where not as in JSON.
        separator: What stands between the labels of one cell.
        fenced: Whether the JSON stands between fences of Markdown.
        literal: Whether it is written as Python writes it.
        nullable: Whether an empty cell is a value; where not, the field is absent.
    """

    name: str
    numeral: Numeral | None = None
    separator: str = ""
    fenced: bool = False
    literal: bool = False
    nullable: bool = True

    def describe(self) -> str:
        """Say what is not as one would expect of such cells; empty where nothing is."""
        if self.numeral is not None:
            return f"numbers with {self.numeral.describe()}"
        if self.separator:
            return f"lists of labels between {self.separator!r}"
        parts = ["taken out of their ``` fences"] if self.fenced else []
        parts += ["read as Python writes them, not as JSON"] if self.literal else []
        return f"{self.name}s {' and '.join(parts)}" if parts else ""


def choose_kind(cells: Sequence[Any], typed: bool, *, comma: bool = False) -> Kind:
    """Return what nearly all cells of a column are: JSON values as they are, texts by what they can be read as.

    Args:
        cells: Of one column.
        typed: Whether values have their types already, so that "1" is a text.
        comma: Whether other columns of the file have a decimal comma.
    """
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip().lower() not in NULL]
    if len(texts) < len([cell for cell in cells if cell is not None and cell != ""]) / 2:
        return Kind("object" if sum(isinstance(cell, dict) for cell in cells) > len(cells) / 2 else "value")
    sample = texts[:SAMPLE_CELLS]
    if not sample:
        return Kind("value" if typed else "text")
    if not typed:
        numeral = choose_numeral(texts, comma=comma)
        if numeral is not None and (numeral.decimal == "," or numeral.thousands or numeral.sign):
            return Kind("integer" if numeral.whole else "number", numeral)
    for name in ("object", "list") if typed else ("boolean", "integer", "number", "object", "list"):
        if sum(not isinstance(convert(text, Kind(name)), Unreadable) for text in sample) >= READABLE * len(sample):
            return _describe_json(Kind(name), sample)
    if not typed and (separator := _find_separator(texts)):
        return Kind("labels", separator=separator)
    return Kind("value" if typed else "text")


def choose_kind_for(view: SchemaView, cells: Sequence[Any], *, comma: bool = False) -> Kind | None:
    """Return what a person's schema wants a column's cells to be; None where it leaves that open."""
    kinds = set(view.kinds)
    if view.choices:
        kinds = {_name_kind(value) for value in view.choices}
    nullable = view.nullable
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip()]
    if kinds == {"string"}:
        return Kind("text", nullable=nullable)
    if kinds == {"boolean"}:
        return Kind("boolean", nullable=nullable)
    if kinds and kinds <= {"integer", "number"}:
        return Kind("integer" if kinds == {"integer"} else "number", choose_numeral(texts, comma=comma), nullable=nullable)
    if kinds == {"object"}:
        return _describe_json(Kind("object", nullable=nullable), texts)
    if kinds == {"array"}:
        listed = [text for text in texts if isinstance(convert(text, Kind("list")), list)]
        if len(listed) * 2 >= len(texts):
            return _describe_json(Kind("list", nullable=nullable), texts)
        counts = Counter(mark for text in texts for mark in SEPARATORS if mark in text)
        return Kind("labels", separator=counts.most_common(1)[0][0] if counts else ",", nullable=nullable)
    return None


def _name_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string" if isinstance(value, str) else "array"


def _describe_json(kind: Kind, texts: Sequence[str]) -> Kind:
    if kind.name not in ("object", "list"):
        return kind
    fenced = any("```" in text for text in texts)
    literal = any(_read_json(text) is None and _read_literal(text) is not None for text in texts[:SAMPLE_CELLS])
    return Kind(kind.name, fenced=fenced, literal=literal, nullable=kind.nullable)


def _find_separator(texts: Sequence[str]) -> str:
    """Return what stands between several labels of one cell: a few short ones that come back; empty where nothing does."""
    for mark in SEPARATORS:
        several = sum(mark in text for text in texts)
        if several < SEVERAL * len(texts):
            continue
        parts = Counter(part.strip() for text in texts for part in text.split(mark))
        short = all(part and len(part) <= LONGEST_LABEL for part in parts)
        combined = len(set(texts))
        if short and len(parts) <= MOST_LABELS and sum(parts.values()) >= REPEATS * len(parts) and combined >= len(parts):
            return mark
    return ""


def convert(cell: Any, kind: Kind) -> Any:
    """Read a cell as a value of a kind; empty cells are null, values that are JSON already stay."""
    if not isinstance(cell, str) or kind.name == "value":
        number = isinstance(cell, int | float) and not isinstance(cell, bool)
        return str(cell) if kind.name == "text" and number else cell
    text = cell.strip()
    if kind.name == "text":
        return text or None
    if text.lower() in NULL:
        return None
    if kind.name == "boolean":
        return True if text.lower() in TRUE else False if text.lower() in FALSE else Unreadable()
    if kind.name in ("integer", "number"):
        return _read_number(text, kind)
    if kind.separator:
        return list(dict.fromkeys(part.strip() for part in text.split(kind.separator) if part.strip()))
    return _read_structure(text, dict if kind.name == "object" else list)


def _read_number(text: str, kind: Kind) -> Any:
    if kind.numeral is not None:
        number = kind.numeral.read(text)
        return Unreadable() if number is None or (kind.name == "integer" and not float(number).is_integer()) else number
    # Fifteen digits are exact in a float; a leading zero is a code (a postcode, a telephone number), not a number.
    pattern = r"[+-]?\d{1,15}" if kind.name == "integer" else r"[+-]?(\d{1,15}(\.\d+)?|\.\d+)(e[+-]?\d{1,2})?"
    if not re.fullmatch(pattern, text, re.IGNORECASE) or re.match(r"[+-]?0\d", text):
        return Unreadable()
    return int(text) if kind.name == "integer" else float(text)


def _read_structure(text: str, kind: type) -> Any:
    """Return the object or the list that a text holds: JSON, in fences, or as Python writes it."""
    for candidate in (text, _unfence(text)):
        value = _read_json(candidate) if candidate else None
        value = _read_literal(candidate) if candidate and value is None else value
        if isinstance(value, kind):
            return value
    return Unreadable()


def _unfence(text: str) -> str:
    match = FENCE.match(text) if text.count("```") == 2 else None
    return match[1].strip() if match else ""


def _read_json(text: str) -> Any:
    """Return the JSON value that is the whole text, None where it is none or holds what JSON does not have."""
    if not text.startswith(("{", "[")):
        return None
    try:
        value, end, slip = StrictDecoder().read(text)
    except (ValueError, RecursionError):
        return None
    return value if not slip and end == len(text) else None


def _read_literal(text: str) -> Any:
    if not text.startswith(("{", "[", "(")):
        return None
    try:
        return read_literal(text)
    except ValueError:
        return None
