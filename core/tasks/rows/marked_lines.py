"""Lines with their labels in front, as fastText reads them: `__label__billing My invoice is wrong`."""

from __future__ import annotations

import io
from collections.abc import Iterator

from core.tasks.rows.sources import RowSource
from core.tasks.rows.tables import NumberedRow

MARK = "__label__"
LONGEST = 2**20  # Characters of a line.


def read_marked_lines(source: RowSource, encoding: str, notes: list[str]) -> Iterator[NumberedRow]:
    """Yield text and labels of each line, several labels between semicolons."""
    notes.append(f"{source.name}: lines with {MARK} in front of each label, read as text and label")
    with source.open() as raw, io.TextIOWrapper(raw, encoding, newline=None) as text:
        number = 0
        while line := text.readline(LONGEST):
            number += 1
            words = line.split()
            labels = [word.removeprefix(MARK) for word in words if word.startswith(MARK)]
            said = " ".join(word for word in words if not word.startswith(MARK))
            if words:
                yield number, {"text": said, "label": "; ".join(labels)} if labels and said else "no label, or no text"
