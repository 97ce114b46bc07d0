"""A person's own examples as rows, from whatever form they are in; what is wrong is named by row, what is assumed is noted."""

from __future__ import annotations

import itertools
import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.tasks.encoding import find_encoding
from core.tasks.rows.delimited import read_delimited
from core.tasks.rows.json_rows import read_json
from core.tasks.rows.known_forms import KnownForm, recognise
from core.tasks.rows.layouts import SIDE_COLUMN
from core.tasks.rows.marked_lines import MARK, read_marked_lines
from core.tasks.rows.parquet import read_parquet
from core.tasks.rows.sides import find_side
from core.tasks.rows.sources import RowSource, find_sources
from core.tasks.rows.spreadsheets import list_sheets, read_workbook
from core.tasks.rows.tables import NumberedRow

MAX_ROWS = 200_000  # What comes after them is left out, and told: all rows are compared in memory.
MAX_CELLS = 5_000_000  # Of all rows together, the items of lists and objects among them.
MAX_CHARACTERS = 256 * 2**20  # Of all texts together.
LOOK = 2**16  # Bytes in which the first character of a text is looked for.


@dataclass(frozen=True)
class Records:
    """The rows of one or several files.

    Args:
        origin: The file's name, or how many files there are.
        columns: Names of the columns, in their order; those that are empty throughout are left out.
        rows: (row number, values by column). Numbers count lines for JSON lines, records with the header for CSV; those
            of a second file go on where the first one's end.
        problems: What is wrong with rows that were left out, each with its number.
        notes: What was assumed, for instance an encoding that is not UTF-8.
        typed: Whether the values have their types already (JSON), so that texts stay texts.
        reading: What the columns are where their form is a known one.
        files: Where each of several files begins: number and name.
    """

    origin: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, Any]], ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    typed: bool = False
    reading: KnownForm = KnownForm()
    files: tuple[tuple[int, str], ...] = ()

    def locate(self, number: int) -> str:
        """Return where people find a row: `row 5`, of several files `train.csv row 5`."""
        if len(self.files) < 2:
            return f"row {number}"
        start, name = self.files[bisect_left([start for start, _ in self.files], number) - 1]
        return f"{name} row {number - start}"


@dataclass
class _Gathered:
    """Rows as they come, within the limits."""

    rows: list[tuple[int, dict[str, Any]]]
    problems: list[str]
    cells: int = 0
    characters: int = 0

    def add(self, rows: Iterable[NumberedRow], *, base: int, prefix: str) -> int:
        """Take rows of a file; returns the highest number used."""
        last = base
        for number, row in rows:
            last = base + number
            full = self._find_limit(row)
            if full:
                self.problems.append(f"{prefix}row {number} and all after it: {full}")
                break
            if isinstance(row, str):
                self.problems.append(f"{prefix}row {number}: {row}")
            else:
                self.rows.append((base + number, row))
        return last

    def _find_limit(self, row: dict[str, Any] | str) -> str:
        if len(self.rows) + len(self.problems) >= MAX_ROWS:
            return f"only the first {MAX_ROWS:,} rows are used"
        waiting: list[Any] = list(row.values()) if isinstance(row, dict) else []
        while waiting:
            value = waiting.pop()
            self.cells += 1
            if isinstance(value, str):
                self.characters += len(value)
            elif isinstance(value, dict | list):
                waiting.extend(value.values() if isinstance(value, dict) else value)
        if self.cells > MAX_CELLS:
            return f"only the first {MAX_CELLS:,} cells are used"
        return f"only the first {MAX_CHARACTERS:,} characters are used" if self.characters > MAX_CHARACTERS else ""


def read_records(paths: Path | Sequence[Path], *, sheet: str | None = None) -> Records:
    """Read files of rows; bad rows are named and left out.

    Args:
        paths: Files, zips or folders of files. Where several files are named `train`, `test` and the like, their names
            say on which side of the split a row is.
        sheet: Of a workbook; the first with content by default.

    Raises:
        LabError: A file cannot be read, is empty or too large, or has no row of a form that is known.
    """
    notes: list[str] = []
    given = [paths] if isinstance(paths, Path) else list(paths)
    sources = [source for path in given for source in find_sources(path, notes)]
    if not sources:
        raise LabError("There is no file of rows.", "Give CSV, JSON, JSON lines, .xlsx or Parquet.")
    gathered = _Gathered([], [])
    files: list[tuple[int, str]] = []
    sides = _find_sides(sources, notes)
    base, typed = 0, True
    for source in sources:
        rows, is_typed = _read_source(source, sheet, notes)
        typed = typed and is_typed
        files.append((base, source.name))
        start = len(gathered.rows)
        prefix = f"{source.name} " if len(sources) > 1 else ""
        base = gathered.add(rows, base=base, prefix=prefix)
        if source.name in sides and not any(SIDE_COLUMN in row for _, row in gathered.rows[start:]):
            for _, row in gathered.rows[start:]:
                row[SIDE_COLUMN] = sides[source.name]
    origin = sources[0].name if len(sources) == 1 else f"{len(sources)} files"
    if not gathered.rows:
        reason = f" The first problem: {gathered.problems[0]}." if gathered.problems else ""
        raise LabError(
            f"{origin} has no usable row.{reason}",
            "Give CSV with a header (a cell that holds the delimiter needs quotes), JSON lines, a JSON list of objects, or a sheet.",
        )
    return _conclude(gathered, origin, notes, typed=typed, files=tuple(files))


def _read_source(source: RowSource, sheet: str | None, notes: list[str]) -> tuple[Iterator[NumberedRow], bool]:
    """Return the rows of a file, and whether their values have types."""
    if source.form == "workbook":
        return read_workbook(source, sheet, notes), False
    if source.form == "parquet":
        return read_parquet(source), True
    encoding = find_encoding(source, notes)
    with source.open() as raw:
        start = raw.read(LOOK).decode(encoding, errors="ignore").lstrip("\ufeff").lstrip()
    if not start:
        raise LabError(f"{source.name} is empty.", "It needs a row for each example.")
    # The list of a row's cells may begin a table too, but hardly that of its columns.
    if start[0] in "[{":
        return read_json(source, encoding, notes), True
    if start.startswith(MARK):
        return read_marked_lines(source, encoding, notes), False
    return read_delimited(source, encoding, notes), False


def _find_sides(sources: Sequence[RowSource], notes: list[str]) -> dict[str, str]:
    """Return the sides that names of files tell, where they tell two at least."""
    sides = {source.name: side for source in sources if (side := find_side(source.name))}
    if len(set(sides.values())) < 2:
        return {}
    named = ", ".join(f"{name} ({side})" for name, side in sides.items())
    notes.append(f"the files' names say on which side their rows are: {named}")
    return dict(sides)


def _conclude(
    gathered: _Gathered, origin: str, notes: list[str], *, typed: bool, files: tuple[tuple[int, str], ...]
) -> Records:  # fmt: skip
    """Return the records: empty columns left out, a known form recognised."""
    columns = tuple(dict.fromkeys(name for _, row in gathered.rows for name in row))
    filled = {name for _, row in gathered.rows for name, value in row.items() if value is not None and value != ""}
    empty = [name for name in columns if name not in filled]
    if empty and len(columns) - len(empty) > 1:
        notes.append(f"Columns without content are left out: {', '.join(empty)}")
        columns = tuple(name for name in columns if name in filled)
        for _, row in gathered.rows:
            for name in empty:
                row.pop(name, None)
    records = Records(origin, columns, tuple(gathered.rows), tuple(gathered.problems), tuple(notes), typed, files=files)
    return recognise_form(records)


def recognise_form(records: Records) -> Records:
    """Return records of a known form with its input and answer in columns of their own; others as they are."""
    problems: list[str] = []
    notes: list[str] = []
    found = recognise(records.columns, records.rows, problems, notes, records.locate)
    if found is None:
        return records
    if not found.rows:
        raise LabError(f"{records.origin} has no usable row. The first problem: {problems[0]}.", "Mend the rows.")
    columns = tuple(dict.fromkeys(name for _, row in found.rows for name in row))
    return replace(
        records,
        columns=columns,
        rows=found.rows,
        reading=found.reading,
        problems=(*records.problems, *problems),
        notes=(*records.notes, *notes),
    )


def find_sheets(paths: Sequence[Path]) -> list[str]:
    """Return the names of the sheets of the workbooks among some files.

    Raises:
        LabError: A file cannot be read.
    """
    sources = [source for path in paths for source in find_sources(path, [])]
    titles = [title for source in sources if source.form == "workbook" for title in list_sheets(source)]
    return list(dict.fromkeys(titles))


def read_hub(dataset: str, *, split: str) -> Records:
    """Read a data set of the Hugging Face Hub as rows.

    Raises:
        LabError: The package `datasets` is absent, or the Hub or the data set cannot be reached.
    """
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise LabError("KnownForm from the Hub needs the package `datasets`.", "Install it: `pip install datasets`.") from error
    gathered = _Gathered([], [])
    try:
        stream = load_dataset(dataset, split=split, streaming=True)
        # Dates become texts.
        rows = (
            (number, json.loads(json.dumps(dict(row), default=str)))
            for number, row in zip(itertools.count(1), stream, strict=False)
        )
        gathered.add(rows, base=0, prefix="")
    except (OSError, ValueError, RuntimeError) as error:  # Not found, no such split, no connection.
        raise LabError(
            f"Cannot read {dataset} ({split}) from the Hub: {error}.", "Check the name and the connection."
        ) from error
    if not gathered.rows:
        raise LabError(f"{dataset} ({split}) has no rows.")
    return _conclude(gathered, dataset, [], typed=True, files=())
