"""Rows as JSON: an object a line, a list of objects, lists of cells, one object that holds them all, Python's own writing."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from typing import IO, Any

from core.errors import LabError
from core.tasks.rows.json_text import MAX_LITERAL, JsonSlip, JsonStream, StrictDecoder, find_slip, read_literal
from core.tasks.rows.layouts import lay_out_rows
from core.tasks.rows.sources import RowSource
from core.tasks.rows.tables import NumberedRow, read_table

MAX_ROW = 2**23  # Characters of one row.
MAX_DOCUMENT = 2**26  # Characters of one object that holds all rows: it is read as a whole.
SHOWN_ROW = 40  # Characters of a refused row in its problem.


def read_json(source: RowSource, encoding: str, notes: list[str]) -> Iterator[NumberedRow]:
    """Yield rows with their numbers (lines, or places in the list), and for those that cannot be used the reason.

    Raises:
        LabError: The text is no JSON of a form that holds rows.
    """
    with source.open() as raw, io.TextIOWrapper(raw, encoding, newline=None) as text:
        start = list(itertools.islice(_read_lines(text), 2))
    if _are_lines(start):
        yield from _read_line_rows(source, encoding, notes)
        return
    with source.open() as raw, io.TextIOWrapper(raw, encoding, newline=None) as text:
        stream = JsonStream(text, longest=MAX_ROW)
        if stream.peek() == "[":
            stream.skip()
            yield from _read_list(stream, source, notes)
            return
    with source.open() as raw, io.TextIOWrapper(raw, encoding, newline=None) as text:
        yield from _read_documents(JsonStream(text, longest=MAX_DOCUMENT), source, notes)


def _read_lines(text: IO[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, each with its number; a line that is too long is cut and the last.

    Not `splitlines`: U+2028 may stand inside a text of JSON.
    """
    for number in itertools.count(1):
        line = text.readline(MAX_ROW + 1)
        if not line:
            return
        if line.strip():
            yield number, line
        if len(line) > MAX_ROW:
            return


def _are_lines(start: list[tuple[int, str]]) -> bool:
    """Say whether a file is a row a line, from its first two lines."""
    if len(start) < 2:
        return False  # One line is one value: a list or an object with all rows, or a single row.
    (_, first), (_, second) = start
    if _is_whole(first.strip().removesuffix(",")):
        return True
    # A slip in the first row. Where the second line ends in a comma, it is an item of what the first line opens.
    return first.lstrip().startswith("{") and _is_whole(second.strip())


def _is_whole(text: str) -> bool:
    if not text.startswith(("{", "[")):
        return False
    try:
        return StrictDecoder().read(text)[1] == len(text)
    except (ValueError, RecursionError):
        pass
    try:
        return isinstance(read_literal(text), dict | list)
    except ValueError:
        return False


def _read_line_rows(source: RowSource, encoding: str, notes: list[str]) -> Iterator[NumberedRow]:
    with source.open() as raw, io.TextIOWrapper(raw, encoding, newline=None) as text:
        values = _read_line_values(text, source, notes)
        first = next(values, None)
        everything = itertools.chain([first], values) if first else values
        if first and _is_chat(first[1]):
            yield from ((number, _check_row(_name_chat(value))) for number, value in everything)
        elif first and isinstance(first[1], list):
            yield from read_table(everything, source.name, notes)
        else:
            yield from ((number, _check_row(value)) for number, value in everything)


def _read_line_values(text: IO[str], source: RowSource, notes: list[str]) -> Iterator[tuple[int, Any]]:
    """Yield a value a line, or a sentence on why it is none."""
    decoder = StrictDecoder()
    literals = commas = 0
    for number, line in _read_lines(text):
        if len(line) > MAX_ROW:
            yield number, JsonSlip(f"the line is longer than {MAX_ROW:,} characters; it and all after it are left out")
            return
        stripped = line.strip()
        if stripped.endswith(","):
            stripped, commas = stripped[:-1], commas + 1
        try:
            value, end, slip = decoder.read(stripped)
            if end < len(stripped):
                slip = f"not JSON: more stands after the object: {stripped[end : end + SHOWN_ROW]}"
        except (ValueError, RecursionError) as error:
            try:
                value, slip = read_literal(stripped), ""
                literals += 1
            except ValueError:
                slip = f"not JSON: {error}"
        yield number, JsonSlip(slip) if slip else value
    if literals:
        notes.append(
            f"{literals} rows of {source.name} are written as Python writes dictionaries, not as JSON; they were read so"
        )
    if commas:
        notes.append(f"{source.name} has commas after its lines; they are passed over")


def _is_chat(value: Any) -> bool:
    """Say whether a row is nothing but the turns of a chat."""
    return isinstance(value, list) and bool(value) and all(isinstance(turn, dict) for turn in value)


def _name_chat(value: Any) -> Any:
    return {"messages": value} if _is_chat(value) else value


def _check_row(value: Any) -> dict[str, Any] | str:
    """Return a row as it is, or say why it is none."""
    if isinstance(value, JsonSlip):
        return str(value)
    if isinstance(value, dict) and value:
        return value
    return f"not an object but {json.dumps(value)[:SHOWN_ROW]}"


def _read_list(stream: JsonStream, source: RowSource, notes: list[str]) -> Iterator[NumberedRow]:
    """Yield the items of a list whose bracket was read."""
    items = _read_items(stream)
    first = next(items, None)
    if first is not None and isinstance(first[1], _Broken):
        yield from _read_literal_list(stream, source, first[1], notes)
        return
    everything = itertools.chain([first], items) if first else items
    if first is not None and isinstance(first[1], list) and not _is_chat(first[1]):
        yield from read_table(everything, source.name, notes)
        return
    for number, value in everything:
        yield number, _check_row(_name_chat(value))


class _Broken(JsonSlip):
    """Why an item cannot be read, nor anything after it."""


def _read_items(stream: JsonStream) -> Iterator[tuple[int, Any]]:
    for number in itertools.count(1):
        if stream.peek() in ("]", ""):
            if not stream.peek():
                yield number, _Broken("the file ends before the list does")
            return
        try:
            value, slip = stream.read()
        except (ValueError, RecursionError) as error:
            yield number, _Broken(f"not JSON: {error}; it and all after it are left out")
            return
        yield number, JsonSlip(slip) if slip else value
        if stream.peek() == ",":
            stream.skip()
        elif stream.peek() not in ("]", ""):
            yield number + 1, _Broken(f"a comma is missing before {stream.peek()!r}; all from here on is left out")
            return


def _read_literal_list(
    stream: JsonStream, source: RowSource, broken: _Broken, notes: list[str]
) -> Iterator[NumberedRow]:  # fmt: skip
    """Yield the items of a list that Python wrote."""
    rest = stream.rest(MAX_LITERAL)
    try:
        values = read_literal(f"[{rest}") if rest is not None else None
    except ValueError:
        values = None
    if not isinstance(values, list):
        raise LabError(
            f"{source.name} begins like a JSON list but is none: {broken}.", "Write it with a JSON library, or give JSON lines."
        )
    notes.append(f"{source.name} is written as Python writes lists, not as JSON; it was read so")
    for number, value in enumerate(values, start=1):
        yield number, _check_row(value)


def _read_documents(stream: JsonStream, source: RowSource, notes: list[str]) -> Iterator[NumberedRow]:
    """Yield the rows of one object that holds all, or of several objects that each go over some lines."""
    try:
        value, slip = stream.read()
    except (ValueError, RecursionError) as error:
        rest = stream.rest(MAX_LITERAL)
        try:
            value, slip = read_literal(rest or ""), ""
            notes.append(f"{source.name} is written as Python writes dictionaries, not as JSON; it was read so")
        except ValueError:
            raise LabError(
                f"{source.name} begins like JSON but is none: {error}.", "Give JSON lines, or a JSON list of objects."
            ) from error
        yield from lay_out_rows(value, source.name, notes)
        return
    if not stream.peek():
        yield from (
            (number, (find_slip(row) if slip else "") or row) for number, row in lay_out_rows(value, source.name, notes)
        )
        return
    notes.append(f"{source.name} holds one object after the other, not one a line; they were read so")
    yield 1, slip or _check_row(value)
    for number in itertools.count(2):
        if stream.peek() == ",":
            stream.skip()
        if not stream.peek():
            return
        try:
            value, slip = stream.read()
        except (ValueError, RecursionError) as error:
            yield number, f"not JSON: {error}; it and all after it are left out"
            return
        yield number, slip or _check_row(value)
