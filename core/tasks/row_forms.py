"""The forms in which people keep rows: CSV in its dialects, JSON lines, a JSON array; each row with its number."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import LabError

MAX_CELL = 200_000  # Characters; Python's own limit of 131,072 is less than a long report.
DELIMITERS = (",", ";", "\t", "|")  # The likelier first: it wins a tie.
SAMPLE_ROWS = 50  # From which the delimiter is told.
SAMPLE_CHARACTERS = 2**18  # They hold those rows, unless cells are very long.
SHOWN_ROW = 40  # Characters of a refused row in its problem.
SHOWN_HEADER = 60  # Characters of a header in an error.


def read_array(text: str, path: Path, problems: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of an array, counted from 1.

    Raises:
        LabError: The text is no JSON array.
    """
    try:
        values = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise LabError(f"{path.name} begins like a JSON array but is none: {error}.") from error
    for number, value in enumerate(values, start=1):
        if isinstance(value, dict) and value:
            yield number, value
        else:
            problems.append(f"row {number}: not an object but {json.dumps(value)[:SHOWN_ROW]}")


def read_lines(text: str, problems: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects that stand one a line, with the number of the line."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_constant=_refuse)
            line.encode()  # A lone surrogate is JSON but no text.
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            problems.append(f"row {number}: not JSON: {error}")
            continue
        if isinstance(value, dict) and value:
            yield number, value
        else:
            problems.append(f"row {number}: not an object but {line.strip()[:SHOWN_ROW]}")


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def read_csv(text: str, path: Path, problems: list[str], notes: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows below the header, which is row 1; the delimiter is found out.

    Raises:
        LabError: The header names no columns, or one twice.
    """
    delimiter = _choose_delimiter(text)
    if delimiter != ",":
        notes.append(f"{path.name} is read with {delimiter!r} between columns")
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    number = 0
    while True:
        number, line = number + 1, reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # What follows an open quote cannot be told from what it encloses, so nothing after it is trusted.
            problems.append(
                f"row {number} (from line {line}): {error}; it and all rows after it are left out (is a quote left open, or not doubled?)"
            )
            return
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = [cell.strip() for cell in cells]
            _check_header(header, path)
        elif len(cells) != len(header):
            problems.append(f"row {number}: {len(cells)} cells where the header has {len(header)}")
        else:
            yield number, dict(zip(header, cells, strict=True))


def _check_header(header: list[str], path: Path) -> None:
    repeated = [name for name, count in Counter(header).items() if count > 1]
    if "" in header:
        raise LabError(
            f"{path.name}: column {header.index('') + 1} of the header has no name.", "The first row must name the columns."
        )
    if repeated:
        raise LabError(f"{path.name}: the header names {repeated[0]!r} twice.", "Name each column differently.")
    if len(header) < 2:
        raise LabError(
            f"{path.name} has one column, {header[0][:SHOWN_HEADER]!r}.", "It needs an input and at least one output column."
        )


def _choose_delimiter(text: str) -> str:
    """Choose the delimiter under which most of the first rows have one number of columns, more columns first."""
    return max(DELIMITERS, key=lambda delimiter: _rate_delimiter(text, delimiter))


def _rate_delimiter(text: str, delimiter: str) -> tuple[float, int]:
    """Return which share of the first rows has the commonest number of columns, the header included, and that number."""
    reader = csv.reader(io.StringIO(text[:SAMPLE_CHARACTERS], newline=""), delimiter=delimiter)
    try:
        widths = [len(cells) for cells, _ in zip(reader, range(SAMPLE_ROWS), strict=False)]
    except csv.Error:
        return 0.0, 0
    width, rows = Counter(widths).most_common(1)[0] if widths else (1, 0)
    return (rows / len(widths), width) if width > 1 and widths[0] == width else (0.0, 0)
