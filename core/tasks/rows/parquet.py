"""Rows out of a Parquet file, where pyarrow is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator

from core.errors import LabError
from core.tasks.rows.sources import RowSource
from core.tasks.rows.tables import MAX_COLUMNS, NumberedRow

BATCH = 1000  # Rows that are unpacked at once.


def read_parquet(source: RowSource) -> Iterator[NumberedRow]:
    """Yield the rows, counted from 1; days and times become texts.

    Raises:
        LabError: pyarrow is absent, or the file cannot be read.
    """
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise LabError(
            f"{source.name} is a Parquet file, which needs the package `pyarrow`.",
            "Install it: `pip install pyarrow`, or save the rows as JSON lines.",
        ) from error
    try:
        with source.open_raw() as stream:
            table = ParquetFile(stream)
            if len(table.schema_arrow.names) > MAX_COLUMNS:
                raise LabError(f"{source.name} has more than {MAX_COLUMNS:,} columns.", "Give the columns that are needed.")
            batches = table.iter_batches(batch_size=BATCH)
            rows = (row for batch in batches for row in batch.to_pylist())
            for number, row in enumerate(rows, start=1):
                try:
                    yield number, json.loads(json.dumps(row, default=str, allow_nan=False))
                except ValueError:
                    yield number, "a number is NaN or without end, which JSON does not have"
    except (ArrowException, OSError) as error:
        raise LabError(f"{source.name} is no Parquet file that can be read: {error}.") from error
