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
MOST_TITLES = 5  # Lines that may stand above a table.
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


def render_rows(rows: Sequence[Row], *, headed: bool) -> str:
    """Write the table of a page or letter, a row per line: `header: cell | header: cell`, or `cell | cell`."""
    header = [_flatten(cell) for cell in rows[0]] if headed else []
    lines = [_render_row([_flatten(cell) for cell in row], header) for row in rows[headed:]]
    return "\n".join(line for line in lines if line)


def has_header(rows: Sequence[Row]) -> bool:
    """Whether the first row of a table names its columns, so that it may be left out where each row repeats it.

    It must look like it, and lose nothing: each of its cells is written at least once, beside a cell of its column.
    """
    if len(rows) < 2 or not looks_like_header(rows[0]):
        return False
    header, body = rows[0], rows[1:]
    return all(
        any(place < len(row) and row[place].strip() for row in body) for place, cell in enumerate(header) if cell.strip()
    )


def is_form(rows: Sequence[Row]) -> bool:
    """Whether a table is a form: two columns, names and what they stand for, in which the first row is a pair like the others.

    A column of numbers has a name above it, so such a table is none.
    """
    names, values = ([row[place].strip() for row in rows if len(row) > place] for place in (0, 1))
    numbers = sum(map(_is_number, values[1:]))
    return {len(row) for row in rows} == {2} and len(set(names)) == len(names) and 2 * numbers <= len(values) - 1


def _is_number(cell: str) -> bool:
    return len(cell) <= MAX_NUMBER and bool(NUMBER.fullmatch(cell)) and not YEAR.fullmatch(cell)


def looks_like_header(row: Row) -> bool:
    """Whether a first row names columns: most of its cells are words (or years), none is repeated."""
    cells = [cell.strip() for cell in row if cell.strip()]
    return bool(cells) and len(set(cells)) == len(cells) and sum(map(_is_number, cells)) * 2 < len(cells)


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
    return join_rows(write_records(rows))


def write_records(rows: Sequence[Row]) -> list[str]:
    """Write each row of a table as `header: cell` lines; lines above the table stand by themselves."""
    if not rows:
        return []
    above = _count_above(rows)
    titles, rows = [" ".join(map(_flatten, row)).strip() for row in rows[:above]], rows[above:]
    if not has_header(rows):
        return [*titles, *(_render_record(row, []) for row in rows)]
    header = [_flatten(cell) for cell in rows[0]]
    return [*titles, *(_render_record(row, header) for row in rows[1:])]


def _count_above(rows: Sequence[Row]) -> int:
    """Count the lines above a table: the first rows that fill fewer cells than most rows do, as a title fills one."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    usual = Counter(filled).most_common(1)[0][0]
    if usual < 2 or max(filled[:MOST_TITLES]) < usual:
        return 0
    above = next(place for place, count in enumerate(filled) if count >= usual)
    return above if all(count == 1 for count in filled[:above]) else 0


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
