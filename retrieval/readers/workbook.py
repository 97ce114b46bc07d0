"""Workbooks to text: each row says its sheet and what its cells mean."""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.readers.archive import check_archive
from retrieval.readers.limits import Limits, Text, UnreadableFile
from retrieval.readers.table import join_rows, write_records

MOST_BLANK = 10_000  # Empty rows in a row after which a sheet has ended, whatever its formatting says.
WITHOUT_VALUE = re.compile(rb"(?:</f>|<f[^>]*/>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")


def read_xlsx(path: Path, limits: Limits) -> Text:
    """Read a workbook's values row by row; hidden sheets are left out and named."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    check_archive(path, limits, what="workbook", suffix=".xlsx")
    try:
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
        rows = [row for sheet in book.worksheets if sheet.sheet_state == "visible" for row in _write_sheet(sheet)]
        hidden = [sheet.title for sheet in book.worksheets if sheet.sheet_state != "visible"]
        book.close()
    # What openpyxl raises of a broken file: SyntaxError is the XML parser's.
    except (OSError, KeyError, ValueError, TypeError, AttributeError, SyntaxError, InvalidFileException) as error:
        raise UnreadableFile(f"It is no readable workbook: {error}.") from error
    parts = [f"Hidden sheets are left out: {', '.join(hidden)}."] if hidden else []
    if formulas := _count_formulas(path):
        parts.append(f"{formulas} formulas hold no computed value: open the workbook in a spreadsheet program and save it.")
    found = join_rows(rows)
    return Text(found.text, offsets=found.offsets, note=" ".join(parts))


def _write_sheet(sheet: Any) -> Iterator[str]:
    rows = list(_read_cells(sheet))
    yield from (f"Sheet: {' '.join(sheet.title.split())}\n{record}" for record in write_records(rows) if record)


def _read_cells(sheet: Any) -> Iterator[list[str]]:
    sheet.reset_dimensions()  # What a file says of its own size is often wrong.
    blank = 0
    for row in sheet.iter_rows(values_only=True):
        cells = [_spell(cell) for cell in row]
        blank = 0 if any(cells) else blank + 1
        if blank > MOST_BLANK:
            return
        if not blank:
            yield cells


def _spell(cell: Any) -> str:
    """Return a cell as people read it: a day without midnight, a whole number without a fraction."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.15g}"
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(sep=" ", timespec="minutes")
    return "" if cell is None else str(cell).strip()


def _count_formulas(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")]
        return sum(len(WITHOUT_VALUE.findall(archive.read(name))) for name in sheets)
