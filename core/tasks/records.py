"""A person's own file of examples as rows: CSV, TSV, JSON, JSON lines, also gzipped; what is wrong is named by row."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import LabError

MAX_BYTES, MAX_ROWS, MAX_CELL = 512 * 2**20, 200_000, 200_000
DELIMITERS, SAMPLE_ROWS = (",", ";", "\t", "|"), 50


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
    text = _decode(_read_bytes(path), path, notes)
    if not text.strip():
        raise LabError(f"{path.name} is empty.", "It needs a row for each example.")
    problems: list[str] = []
    if text.lstrip()[0] == "[":
        found = _read_array(text, path, problems)
    elif text.lstrip()[0] == "{":
        found = _read_lines(text, problems)
    else:
        found = _read_csv(text, path, problems, notes)
    rows: list[tuple[int, dict[str, Any]]] = []
    for number, row in found:
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
    return Records(path.name, columns, tuple(rows), tuple(problems), tuple(notes), text.lstrip()[0] in "[{")


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


def _decode(data: bytes, path: Path, notes: list[str]) -> str:
    """Decode as UTF-8, else by its mark or by the best guess, which is noted."""
    if b"\x00" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LabError(f"{path.name} is not a text file.", "Export it as CSV (UTF-8).")
    try:
        return data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError as error:
        notes.append(f"{path.name} is not UTF-8; it was read as {(encoding := _guess_encoding(data, error.start, path))}")
        return data.decode(encoding)


def _guess_encoding(data: bytes, place: int, path: Path) -> str:
    """Guess the encoding of what is not UTF-8 from around the byte that shows it.

    Raises:
        LabError: The file is UTF-8 but for a few bytes, or the guess does not fit all of it.
    """
    from charset_normalizer import from_bytes

    line = data.count(b"\n", 0, place) + 1
    kept = data.decode("utf-8", errors="ignore")
    lost = len(data) - len(kept.encode())
    if sum(character > "\x7f" for character in kept) > lost:
        raise LabError(
            f"{path.name} is UTF-8 but for {lost} bytes, the first in line {line}.",
            "Mend that line, or save the file as UTF-8.",
        )
    best = from_bytes(data[max(0, place - 2**17) : place + 2**17]).best()
    try:
        if best is not None and best.encoding != "ascii":
            data.decode(best.encoding)
            return str(best.encoding)
    except UnicodeDecodeError:
        pass
    raise LabError(f"{path.name} is in no known encoding: line {line}, byte {data[place]:#x}.", "Save it as UTF-8.")


def _read_array(text: str, path: Path, problems: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        values = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise LabError(f"{path.name} begins like a JSON array but is none: {error}.") from error
    for number, value in enumerate(values, start=1):
        if isinstance(value, dict) and value:
            yield number, value
        else:
            problems.append(f"row {number}: not an object but {json.dumps(value)[:40]}")


def _read_lines(text: str, problems: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
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
            problems.append(f"row {number}: not an object but {line.strip()[:40]}")


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _read_csv(text: str, path: Path, problems: list[str], notes: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
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
        raise LabError(f"{path.name} has one column, {header[0][:60]!r}.", "It needs an input and at least one output column.")


def _choose_delimiter(text: str) -> str:
    """Choose the delimiter under which most of the first rows have one number of columns, more columns first."""

    def rate(delimiter: str) -> tuple[float, int]:
        counts = []
        reader = csv.reader(io.StringIO(text[: 2**18], newline=""), delimiter=delimiter)
        try:
            for cells, _ in zip(reader, range(SAMPLE_ROWS), strict=False):
                counts.append(len(cells))
        except csv.Error:
            return 0.0, 0
        width, rows = Counter(counts).most_common(1)[0] if counts else (1, 0)
        return (rows / len(counts), width) if width > 1 and counts[0] == width else (0.0, 0)

    return max(DELIMITERS, key=rate)
