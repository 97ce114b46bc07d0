"""Rows of cells under a header: which row that is, what its columns are called, which of them hold nothing."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import LabError

# A row with its number, or the reason why it cannot be used.
NumberedRow = tuple[int, dict[str, Any] | str]
NumberedCells = tuple[int, Any]

SAMPLE_ROWS = 50  # From which the header is told.
MOST_TITLES = 10  # Rows above a header.
MAX_COLUMNS = 1000
SENTENCE = 4  # Words from which a cell of a header reads like a sentence.
NUMERIC = 0.9  # Share of a column's cells from which on it holds numbers.
SHOWN = 60  # Characters of a cell in a sentence.
NUMBER = re.compile(r"[-+]?\d[\d.,\u00a0\u202f' ]*\s?[%€$£]?|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T][\d:.]+Z?)?")
YEAR = re.compile(r"(19|20)\d\d")
UNNAMED = re.compile(r"Unnamed: \d+")  # What pandas calls a column without a name.


@dataclass(frozen=True, slots=True)
class _Header:
    """How a table is read.

    Args:
        names: Of the columns by their place, empty for one that is left out.
        first: Where in the sample the rows begin.
        line: The header as it stands, to know it again.
        empty: The places of columns that are left out because nothing was seen in them.
    """

    names: tuple[str, ...]
    first: int
    line: tuple[str, ...] = ()
    empty: frozenset[int] = frozenset()


def read_table(
    rows: Iterable[NumberedCells], name: str, notes: list[str], *, has_header: bool | None = None, padded: bool = False
) -> Iterator[NumberedRow]:  # fmt: skip
    """Yield rows by the names of their columns; whatever is assumed or left out is noted.

    Args:
        rows: Numbered lists of cells; a text instead is the reason why a row cannot be used.
        name: Of the file, for notes and errors.
        notes: Gains a sentence for each assumption.
        has_header: Whether the first row names the columns; None finds it out.
        padded: Whether a row that is too short has empty cells at its end, as in a workbook.

    Raises:
        LabError: There are too many columns, or only one.
    """
    filled = ((number, cells) for number, cells in rows if not isinstance(cells, list) or any(map(_is_filled, cells)))
    head = list(itertools.islice(filled, SAMPLE_ROWS))
    sample = [cells for _, cells in head if isinstance(cells, list)]
    if not sample:
        yield from ((number, _refuse(cells)) for number, cells in itertools.chain(head, filled))
        return
    header = _find_header(sample, name, notes, has_header)
    above = {id(cells) for cells in sample[: header.first]}
    late = repeated = 0
    for number, cells in itertools.chain(head, filled):
        if not isinstance(cells, list):
            yield number, _refuse(cells)
        elif id(cells) in above:
            continue
        elif header.line and str(cells[0]).strip() == header.line[0] and _trim(cells) == header.line:
            repeated += 1
        else:
            late += any(place < len(cells) and _is_filled(cells[place]) for place in header.empty)
            yield number, _read_row(cells, header.names, padded)
    if repeated:
        notes.append(f"{name}: the header stands again in {repeated} rows, which are left out")
    if late:
        notes.append(f"{name}: {late} rows have something in a column without a name, which is left out")


def _refuse(value: Any) -> str:
    return value if isinstance(value, str) else f"not a list of cells but {str(value)[:SHOWN]}"


def _read_row(cells: Sequence[Any], names: Sequence[str], padded: bool) -> dict[str, Any] | str:
    short = not padded and any(names[len(cells) :])
    if short or any(map(_is_filled, cells[len(names) :])):
        return f"{len(cells)} cells where the header has {len(names)}"
    values = [*cells, *[None] * (len(names) - len(cells))]
    return {name: value for name, value in zip(names, values, strict=False) if name}


def _find_header(sample: list[list[Any]], name: str, notes: list[str], has_header: bool | None) -> _Header:
    counts = Counter(_count_filled(cells) for cells in sample)
    usual = max(counts, key=lambda count: (counts[count], count))
    place = _place_header(sample, usual) if has_header is None else 0
    if place:
        above = " ".join(str(cell) for cell in sample[0] if _is_filled(cell))
        notes.append(f"{name}: {place} row{'s' * (place > 1)} above the header skipped (first: {above[:SHOWN]!r})")
    row, below = sample[place], sample[place + 1 :]
    width = max(len(row), len(_trim(max(sample, key=len))) if has_header is None and not _is_named(row, below) else 0)
    if width > MAX_COLUMNS:
        raise LabError(f"{name} has {width:,} columns; the limit is {MAX_COLUMNS:,}.", "Give the columns that are needed.")
    if has_header is None and not _is_named(row, below):
        names = tuple(f"column {number}" for number in range(1, width + 1))
        notes.append(
            f"{name} has no header: its first row reads like the others, so the columns are called {names[0]!r} to {names[-1]!r}"
        )
        header = _Header(names, place)
    else:
        names, empty = _name_columns(row, below, name, notes)
        header = _Header(names, place + 1, _trim(row), empty)
    named = [column for column in header.names if column]
    if len(named) < 2:
        first = named[0] if named else ""
        raise LabError(f"{name} has one column, {first[:SHOWN]!r}.", "It needs an input and at least one output column.")
    return header


def _place_header(sample: Sequence[Sequence[Any]], usual: int) -> int:
    """Return where the header is: the first row that names each column but a first one; above it stand titles."""
    last = min(len(sample) - 1, MOST_TITLES)
    full = False  # Whether a row above is as full as a header.
    for place in range(last + 1):
        row, below = sample[place], sample[place + 1 :]
        if _count_filled(row) < 2 or not _find_unnamed(row, below) <= {0}:
            continue
        if _count_filled(row) < usual and any(map(_is_number, row)):  # `Export, 25.11.2026` above three columns.
            continue
        if _is_named(row, below) and (place == 0 or len(below) > place) and (not full or _stands_out(row, below)):
            return place
        full = True
    least = max(2, usual - 1)
    return next((place for place in range(last + 1) if _count_filled(sample[place]) >= least), 0)


def _stands_out(row: Sequence[Any], below: Sequence[Sequence[Any]]) -> bool:
    """Say whether a row has a word or two where those below have sentences."""
    short = all(len(str(cell).split()) < SENTENCE for cell in row)
    columns = ([str(cells[place]) for cells in below if place < len(cells)] for place in range(len(row)))
    return short and any(sum(len(cell.split()) >= SENTENCE for cell in column) > len(below) / 2 for column in columns)


def _find_unnamed(row: Sequence[Any], below: Sequence[Sequence[Any]]) -> set[int]:
    """Return the places where a row has nothing and most of those below have something."""
    width = max(map(len, below), default=0)
    counts = [sum(place < len(cells) and _is_filled(cells[place]) for cells in below) for place in range(width)]
    return {
        place
        for place, count in enumerate(counts)
        if count > len(below) / 2 and not (place < len(row) and _is_filled(row[place]))
    }


def _is_named(row: Sequence[Any], below: Sequence[Sequence[Any]]) -> bool:
    """Say whether a row names columns; one that reads like the rows below it does not."""
    others = [cells for cells in below if _trim(cells) != _trim(row)]
    words = [str(cell).split() for cell in row if _is_filled(cell)]
    if all(len(cell) >= SENTENCE for cell in words):
        return False
    for place, cell in enumerate(row):
        column = [cells[place] for cells in others if place < len(cells) and _is_filled(cells[place])]
        if not _is_filled(cell) or not column:
            continue
        if _is_number(cell):
            if not YEAR.fullmatch(str(cell).strip()) and sum(map(_is_number, column)) >= NUMERIC * len(column):
                return False
        elif str(cell).strip() in {str(value).strip() for value in column}:
            return False
    return True


def _name_columns(
    row: Sequence[Any], below: Sequence[Sequence[Any]], name: str, notes: list[str]
) -> tuple[tuple[str, ...], frozenset[int]]:  # fmt: skip
    """Return the names in a header, and the places without name and content; these and what numbers the rows get no name."""
    names: list[str] = []
    empty: list[int] = []
    for place, cell in enumerate(row, start=1):
        label = " ".join(str(cell).split()) if _is_filled(cell) else ""
        column = [cells[place - 1] for cells in below if place <= len(cells)]
        if not label or UNNAMED.fullmatch(label):
            filled = [value for value in column if _is_filled(value)]
            if not filled:
                empty.append(place - 1)
                label = ""
            elif _numbers_rows(filled):
                notes.append(f"{name}: column {place} has no name and numbers the rows; it is left out")
                label = ""
            else:
                label = f"column {place}"
                notes.append(f"{name}: column {place} has no name and is called {label!r}")
        copies = sum(other == label or other.startswith(f"{label} (") for other in names) if label else 0
        if copies and label in names:
            notes.append(f"{name}: the header names {label!r} twice; column {place} is called '{label} ({copies + 1})'")
            label = f"{label} ({copies + 1})"
        names.append(label)
    if empty:
        notes.append(f"{name}: {len(empty)} columns without name and content are left out")
    return tuple(names), frozenset(empty)


def _numbers_rows(cells: Sequence[Any]) -> bool:
    """Say whether cells are whole numbers that come once each, as the index of a table is."""
    texts = [str(cell).strip() for cell in cells]
    return all(text.isdecimal() for text in texts) and len(set(texts)) == len(texts)


def _trim(cells: Sequence[Any]) -> tuple[str, ...]:
    texts = ["" if cell is None else str(cell).strip() for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return tuple(texts)


def _is_filled(cell: Any) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip()))


def _count_filled(cells: Sequence[Any]) -> int:
    return sum(map(_is_filled, cells))


def _is_number(cell: Any) -> bool:
    if isinstance(cell, int | float):
        return True
    return isinstance(cell, str) and bool(NUMBER.fullmatch(cell.strip()))
