"""Text with delimiters: which one, how cells are quoted, and the rows of cells."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from core.tasks.rows.sources import RowSource
from core.tasks.rows.tables import NumberedRow, read_table

MAX_CELL = 200_000  # Characters; Python's own limit of 131,072 is less than a long report.
DELIMITERS = (",", ";", "\t", "|")  # The likelier first: it wins a tie.
SAMPLE_ROWS = 50  # From which the delimiter is told.
SAMPLE_CHARACTERS = 2**18  # They hold those rows, unless cells are very long.
WHOLE = 0.9  # Share of rows of one width from which on a way to read quotes fits.
SEPARATOR_LINE = re.compile(r"sep=(.)\s*")  # What Excel reads as the delimiter.


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How a file writes its cells."""

    delimiter: str
    escaped: bool = False  # A quote inside a cell is written \" and not "".
    unquoted: bool = False  # Quotes are letters like others.

    def read(self, lines: Iterable[str]) -> Any:
        """Return the reader of the csv module."""
        options: dict[str, Any] = {"delimiter": self.delimiter, "strict": True, "skipinitialspace": True}
        if self.escaped:
            options |= {"escapechar": "\\", "doublequote": False}
        if self.unquoted:
            options |= {"quoting": csv.QUOTE_NONE}
        return csv.reader(lines, **options)


def read_delimited(source: RowSource, encoding: str, notes: list[str]) -> Iterator[NumberedRow]:
    """Yield the rows below the header, which is row 1 where nothing stands above it; the delimiter is found out.

    Raises:
        LabError: It has too many columns, or only one.
    """
    csv.field_size_limit(MAX_CELL)
    with source.open() as raw, io.TextIOWrapper(raw, encoding, newline="") as text:
        sample = text.read(SAMPLE_CHARACTERS)
    named = SEPARATOR_LINE.fullmatch(sample.lstrip("\ufeff").split("\n", 1)[0].strip("\r\n") or " ")
    form = choose_form(sample) if named is None else CsvForm(named[1])
    if form.delimiter != ",":
        notes.append(f"{source.name} is read with {form.delimiter!r} between columns")
    if form.escaped:
        notes.append(f'{source.name} is read with \\" for a quote inside a cell')
    if form.unquoted:
        notes.append(f"{source.name} is read with quotes as letters like others")
    with source.open() as raw, io.TextIOWrapper(raw, encoding, newline="") as text:
        yield from read_table(_read_cells(form.read(text), skip=named is not None), source.name, notes)


def _read_cells(reader: Any, *, skip: bool) -> Iterator[tuple[int, list[str] | str]]:
    for number in itertools.count(1):
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # What follows an open quote cannot be told from what it encloses, so nothing after it is trusted.
            yield (
                number,
                f"{error} (from line {line}); it and all rows after it are left out (is a quote left open, or not doubled?)",
            )
            return
        if not (skip and number == 1):
            yield number, cells


def choose_form(sample: str) -> CsvForm:
    """Choose the delimiter under which most of the first rows have one number of columns, more columns first; then the quotes."""
    whole = len(sample) < SAMPLE_CHARACTERS
    rated = {mark: _rate(CsvForm(mark), sample, whole) for mark in DELIMITERS}
    form = CsvForm(max(DELIMITERS, key=lambda mark: rated[mark][:2]))
    if rated[form.delimiter][2]:
        return form
    others = [replace(form, escaped=True)] if '\\"' in sample else []
    if "\t" in sample:
        others.append(CsvForm("\t", unquoted=True))
    for other in others:
        share, _, clean = _rate(other, sample, whole)
        if clean and share >= WHOLE:
            return other
    return form


def _rate(form: CsvForm, sample: str, whole: bool) -> tuple[float, int, bool]:
    """Return which share of the first rows has the commonest number of columns, that number, and whether all were read."""
    widths: list[int] = []
    clean = True
    try:
        for cells in itertools.islice(form.read(io.StringIO(sample, newline="")), SAMPLE_ROWS):
            if any(cell.strip() for cell in cells):
                widths.append(len(cells))
    except csv.Error:
        clean = not whole and len(widths) > 1  # The sample may end inside a quoted cell.
    if not whole and len(widths) > 1 and len(widths) < SAMPLE_ROWS:
        widths.pop()
    width, rows = Counter(widths).most_common(1)[0] if widths else (1, 0)
    return (rows / len(widths), width, clean) if width > 1 else (0.0, 0, clean)
