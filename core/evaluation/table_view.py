"""A table as plain text: what report, page and terminal draw."""

from __future__ import annotations

from dataclasses import dataclass

from core.evaluation.intervals import Interval


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Args:
        title: What stands above it.
        short: The same where a line has room for 100 characters.
        number: Whether it holds numbers, which stand to the right.
    """

    title: str
    short: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table.

    Args:
        cells: Texts, one a column; fewer where a remark stands instead of the others.
        remark: Why the other cells are missing.
        interval: Where the row's number lies between -1 and 1, for those who can draw it.
        minor: Whether the row tells so little that the terminal leaves it to the report.
    """

    cells: tuple[str, ...]
    remark: str = ""
    interval: Interval | None = None
    minor: bool = False


@dataclass(frozen=True, slots=True)
class TableView:
    """A table with the sentences above and below it."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    lead: str = ""
    footnote: str = ""
