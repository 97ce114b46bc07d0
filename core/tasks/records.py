"""A person's own file of examples as rows: CSV, TSV, JSON, JSON lines, also gzipped; what is wrong is named by row."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.tasks.encoding import decode
from core.tasks.row_forms import read_array, read_csv, read_lines

MAX_BYTES = 512 * 2**20  # Unpacked; the whole file is read into memory, a few times over.
MAX_ROWS = 200_000  # What comes after them is left out, and told: all rows are compared in memory.


@dataclass(frozen=True)
class Records:
    """The rows of a file.

    Args:
        origin: The file's name.
        columns: Names of the columns, in their order.
        rows: (row number, values by column). Numbers count lines for JSON lines, records with the header for CSV.
        problems: What is wrong with rows that were left out, each with its number.
        notes: What was assumed, for instance an encoding that is not UTF-8.
        typed: Whether the values have their types already (JSON), so that texts stay texts.
    """

    origin: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, Any]], ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    typed: bool = False


def read_records(path: Path) -> Records:
    """Read a file of rows; bad rows are named and left out.

    Raises:
        LabError: The file cannot be read, is empty or too large, or has no row of the expected form.
    """
    notes: list[str] = []
    text = decode(_read_bytes(path), path, notes)
    if not text.strip():
        raise LabError(f"{path.name} is empty.", "It needs a row for each example.")
    problems: list[str] = []
    first = text.lstrip()[0]
    if first == "[":
        numbered = read_array(text, path, problems)
    elif first == "{":
        numbered = read_lines(text, problems)
    else:
        numbered = read_csv(text, path, problems, notes)
    rows: list[tuple[int, dict[str, Any]]] = []
    for number, row in numbered:
        if len(rows) >= MAX_ROWS:
            problems.append(f"row {number} and all after it: only the first {MAX_ROWS:,} rows are used")
            break
        rows.append((number, row))
    if not rows:
        reason = f" The first problem: {problems[0]}." if problems else ""
        raise LabError(
            f"{path.name} has no usable row.{reason}", "Give CSV with a header, JSON lines, or a JSON array of objects."
        )
    columns = tuple(dict.fromkeys(name for _, row in rows for name in row))
    return Records(path.name, columns, tuple(rows), tuple(problems), tuple(notes), first in "[{")


def read_hub(dataset: str, *, split: str) -> Records:
    """Read a data set of the Hugging Face Hub as rows.

    Raises:
        LabError: The package `datasets` is absent, or the Hub or the data set cannot be reached.
    """
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise LabError("Reading from the Hub needs the package `datasets`.", "Install it: `pip install datasets`.") from error
    try:
        stream = load_dataset(dataset, split=split, streaming=True)
        rows = tuple(
            (number, json.loads(json.dumps(dict(row), default=str)))  # Dates become texts.
            for number, row in zip(range(1, MAX_ROWS + 1), stream, strict=False)
        )
    except (OSError, ValueError, RuntimeError) as error:  # Not found, no such split, no connection.
        raise LabError(
            f"Cannot read {dataset} ({split}) from the Hub: {error}.", "Check the name and the connection."
        ) from error
    if not rows:
        raise LabError(f"{dataset} ({split}) has no rows.")
    return Records(dataset, tuple(dict.fromkeys(name for _, row in rows for name in row)), rows, (), (), typed=True)


def _read_bytes(path: Path) -> bytes:
    """Read a file, unpacking gzip; never more than the limit."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise LabError(f"Cannot read {path}: {error}.") from error
    if len(data) > MAX_BYTES:
        raise LabError(f"{path.name} is larger than {MAX_BYTES / 2**20:.0f} MiB.", "Take a sample of its rows.")
    return data
