"""Tables to text: each row says what its cells mean, so that a passage is understood without the header."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from retrieval.readers.limits import Limits, Text, UnreadableFile
from retrieval.readers.text import decode_text

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_ROWS = 50  # Rows from which the delimiter is guessed.
SAMPLE_CHARACTERS = 64 * 2**10  # Of the file, to take these rows from.
MOST_COLUMNS = 50  # Beyond which more columns do not speak for a delimiter any more.
NUMBER = re.compile(r"[-+]?[\d.,\s]*\d[\d.,\s]*%?")
MAX_NUMBER = 40  # Characters; a longer cell is no number, and the pattern is slow on it.
YEAR = re.compile(r"(19|20)\d\d")
Row = Sequence[str]


def read_csv(path: Path, limits: Limits) -> Text:
    """Read a table whose delimiter is guessed among comma, semicolon, tab and bar."""
    return _read(path, limits, DELIMITERS)


def read_tsv(path: Path, limits: Limits) -> Text:
    """Read a table between tabs."""
    return _read(path, limits, ("\t",))


def join_rows(rows: Iterable[str]) -> Text:
    """Put rows into one text, an empty line between them, and note where each begins."""
    kept = [row for row in rows if row]
    lengths = (len(row) + 2 for row in kept)
    offsets = tuple(itertools.accumulate(lengths, initial=0))[: len(kept)]
    return Text("\n\n".join(kept), offsets=offsets)


def render_rows(rows: Sequence[Row], *, has_header: bool) -> str:
    """Write the table of a page or letter, a row per line: `header: cell | header: cell`, or `cell | cell`."""
    header = [_flatten(cell) for cell in rows[0]] if has_header else []
    lines = [_render_row([_flatten(cell) for cell in row], header) for row in rows[has_header:]]
    return "\n".join(line for line in lines if line)


def looks_like_header(row: Row) -> bool:
    """Whether a first row names columns: most of its cells are words (or years), none is repeated."""
    cells = [cell.strip() for cell in row if cell.strip()]
    numbers = sum(len(cell) <= MAX_NUMBER and bool(NUMBER.fullmatch(cell)) and not YEAR.fullmatch(cell) for cell in cells)
    return bool(cells) and len(set(cells)) == len(cells) and numbers * 2 < len(cells)


def _read(path: Path, limits: Limits, delimiters: Sequence[str]) -> Text:
    text = decode_text(path.read_bytes())
    csv.field_size_limit(max(limits.bytes, 2**17))  # A cell as large as the file is still a cell; 2**17 is csv's own limit.
    delimiter = (
        max(delimiters, key=lambda mark: _rate(text[:SAMPLE_CHARACTERS], mark)) if len(delimiters) > 1 else delimiters[0]
    )
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise UnreadableFile(f"It is a damaged table: {error}.") from error
    if not rows:
        raise UnreadableFile("It is empty: there is no row in it.")
    if len(rows) == 1 or not looks_like_header(rows[0]):
        return join_rows(_render_record(row, []) for row in rows)
    header = [_flatten(cell) for cell in rows[0]]
    return join_rows(_render_record(row, header) for row in rows[1:])


def _rate(sample: str, delimiter: str) -> float:
    """Rate a delimiter by the share of rows that agree on a number of columns; of equal ones more columns win."""
    try:
        rows = list(itertools.islice(csv.reader(io.StringIO(sample), delimiter=delimiter), SAMPLE_ROWS))
    except csv.Error:
        return 0.0
    widths = Counter(len(row) for row in rows if row)
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    return count / widths.total() + min(width, MOST_COLUMNS) / 1000 if width > 1 else 0.0


def _render_record(row: Row, header: Row) -> str:
    lines = (f"{_name(header, place)}: {_flatten(cell)}" for place, cell in enumerate(row) if cell.strip())
    return "\n".join(lines)


def _name(header: Row, place: int) -> str:
    return (header[place] if place < len(header) else "") or f"column {place + 1}"


def _render_row(row: Row, header: Row) -> str:
    if not header:
        return " | ".join(cell for cell in row if cell)
    return " | ".join(f"{_name(header, place)}: {cell}" for place, cell in enumerate(row) if cell)


def _flatten(cell: str) -> str:
    return " ".join(cell.split())
