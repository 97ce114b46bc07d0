"""Rows out of an Excel workbook: the sheet, its cells as plain values."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator
from typing import Any

from core.errors import LabError
from core.tasks.rows.sources import RowSource
from core.tasks.rows.tables import NumberedRow, read_table

MOST_BLANK = 10_000  # Empty rows in a row after which a sheet has ended, whatever its formatting says.
BROKEN = {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"}  # What a formula leaves that has no value.


def read_workbook(source: RowSource, sheet: str | None, notes: list[str]) -> Iterator[NumberedRow]:
    """Yield the rows of one sheet, numbered as Excel numbers them: the one that is named, else the first with content.

    Raises:
        LabError: It cannot be read, or has no such sheet; the names of the sheets are given.
    """
    book = _open(source)
    try:
        chosen = _choose_sheet(book, source.name, sheet, notes)
        yield from read_table(_read_cells(book[chosen]), f"{source.name} ({chosen})", notes, padded=True)
    finally:
        book.close()


def list_sheets(source: RowSource) -> list[str]:
    """Return the names of a workbook's sheets, in its order.

    Raises:
        LabError: It cannot be read.
    """
    book = _open(source)
    try:
        return [sheet.title for sheet in book.worksheets]
    finally:
        book.close()


def _open(source: RowSource) -> Any:
    from zipfile import BadZipFile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        return load_workbook(source.open_raw(), read_only=True, data_only=True, keep_links=False)
    # What openpyxl raises of a broken file: SyntaxError is the XML parser's.
    except (OSError, KeyError, ValueError, TypeError, AttributeError, SyntaxError, BadZipFile, InvalidFileException) as error:
        raise LabError(f"{source.name} is no workbook that can be read: {error}.", "Save the sheet as CSV (UTF-8).") from error


def _choose_sheet(book: Any, name: str, sheet: str | None, notes: list[str]) -> str:
    titles = [item.title for item in book.worksheets]
    if sheet:
        if sheet not in titles:
            raise LabError(f"{name} has no sheet {sheet!r}.", f"Its sheets: {', '.join(titles)}.")
        return sheet
    for title in titles:
        if next((True for _, cells in itertools.islice(_read_cells(book[title]), MOST_BLANK) if any(cells)), False):
            if len(titles) > 1:
                others = ", ".join(repr(other) for other in titles if other != title)
                notes.append(f"{name}: the sheet {title!r} is read, the first with content; others: {others}")
            return str(title)
    raise LabError(f"{name} has no sheet with content.", "It needs a row for each example.")


def _read_cells(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    sheet.reset_dimensions()  # What a file says of its own size is often wrong.
    blank = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells = [_plain(cell) for cell in row]
        blank = 0 if any(cell is not None for cell in cells) else blank + 1
        if blank > MOST_BLANK:
            return
        if not blank:
            yield number, cells


def _plain(cell: Any) -> Any:
    """Return a cell as JSON has it: a day as 2026-11-25, a whole number without a fraction."""
    if isinstance(cell, str):
        return None if cell in BROKEN or not cell.strip() else cell
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return int(cell)
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    return cell if cell is None or isinstance(cell, bool | int | float) else str(cell)
