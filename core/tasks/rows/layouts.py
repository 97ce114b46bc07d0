"""One JSON object that holds all rows: a list under a key, sides, columns, an index, texts with their answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import LabError
from core.tasks.rows.sides import name_side
from core.tasks.rows.tables import NumberedRow, read_table

LEAST_PAIRS = 5  # Of an object that maps texts to answers; fewer, and it is one row.
SHOWN_KEYS = 5
SIDE_COLUMN = "split"


def lay_out_rows(document: Any, name: str, notes: list[str]) -> Iterator[NumberedRow]:
    """Yield the rows that an object holds, counted from 1; how it was understood is noted.

    Raises:
        LabError: It is of no form that holds rows; its keys are named.
    """
    if isinstance(document, list):
        document = {"data": document}
    if not isinstance(document, dict) or not document:
        raise LabError(f"{name} holds no rows.", "Give JSON lines, or a JSON list of objects.")
    for lay_out in (_by_split_form, _by_paragraphs, _by_sides, _by_list, _by_columns, _by_index, _by_pairs):
        rows = lay_out(document, name, notes)
        if rows is not None:
            yield from rows
            return
    scalar = sum(not isinstance(value, dict | list) for value in document.values())
    if not scalar:
        keys = ", ".join(list(document)[:SHOWN_KEYS])
        raise LabError(
            f"{name} is one JSON object (keys: {keys}) in which no list of rows was found.",
            "Put the rows under one key as a list of objects, or give JSON lines.",
        )
    yield 1, document


def _by_split_form(document: Mapping[str, Any], name: str, notes: list[str]) -> Iterator[NumberedRow] | None:
    """Names of columns beside lists of cells, as pandas writes with `orient="split"`."""
    header, data = document.get("columns"), document.get("data", document.get("rows"))
    if not isinstance(header, list) or not isinstance(data, list) or not all(isinstance(cells, list) for cells in data):
        return None
    names = [str(item.get("name", "")) if isinstance(item, dict) else str(item) for item in header]
    notes.append(f"{name}: the names under 'columns' are read with the cells beside them")
    return read_table(enumerate([names, *data], start=0), name, notes, has_header=True)


def _by_paragraphs(document: Mapping[str, Any], name: str, notes: list[str]) -> Iterator[NumberedRow] | None:
    """Questions below paragraphs below articles, as SQuAD has them."""
    articles = document.get("data")
    if not isinstance(articles, list) or not all(isinstance(item, dict) and "paragraphs" in item for item in articles):
        return None
    notes.append(f"{name}: questions stand below their paragraphs, each a row with its context")
    return _number(
        {"context": paragraph.get("context"), **question}
        for article in articles
        for paragraph in article["paragraphs"]
        if isinstance(paragraph, dict)
        for question in paragraph.get("qas", ())
    )


def _by_sides(document: Mapping[str, Any], name: str, notes: list[str]) -> Iterator[NumberedRow] | None:
    """Rows under `train`, `test` and the like."""
    sides = {key: value for key, value in document.items() if name_side(key) and isinstance(value, dict | list) and value}
    if not sides or not all(name_side(key) or not isinstance(value, dict | list) for key, value in document.items()):
        return None
    notes.append(f"{name}: rows stand under {_list(sides)}, which are read as sides of the split")
    return _number(_mark(sides, name, notes))


def _mark(sides: Mapping[str, Any], name: str, notes: list[str]) -> Iterator[dict[str, Any] | str]:
    for key, value in sides.items():
        inner: list[str] = []
        for _, row in lay_out_rows(value, f"{name} ({key})", inner):
            yield {**row, SIDE_COLUMN: key} if isinstance(row, dict) else row
        notes.extend(note for note in inner if "the list under 'data'" not in note)


def _by_list(document: Mapping[str, Any], name: str, notes: list[str]) -> Iterator[NumberedRow] | None:
    """The longest list of objects; other lists are named."""
    lists = {key: value for key, value in document.items() if isinstance(value, list) and _is_list_of(value, dict)}
    nested = {key: value for key, value in document.items() if isinstance(value, dict) and any(map(name_side, value))}
    if not lists and len(nested) == 1:
        return lay_out_rows(next(iter(nested.values())), name, notes)
    if not lists:
        tables = {key: value for key, value in document.items() if isinstance(value, list) and _is_list_of(value, list)}
        if len(tables) == 1 and not _is_columnar(document):
            notes.append(f"{name}: rows are the lists under {_list(tables)}")
            return read_table(enumerate(next(iter(tables.values())), start=1), name, notes)
        return None
    if len(lists) == len(document) > 1 and len({len(value) for value in lists.values()}) == 1 and _is_columnar(document):
        return None  # Columns of objects, such as conversations beside each other.
    chosen = max(lists, key=lambda key: len(lists[key]))
    others = [key for key in document if key != chosen]
    also = f"; not used: {_list(others)}" if others else ""
    notes.append(f"{name}: rows are the list under {chosen!r}{also}")
    return _number(row if isinstance(row, dict) and row else f"not an object but {str(row)[:40]}" for row in lists[chosen])


def _is_list_of(values: list[Any], kind: type) -> bool:
    return bool(values) and sum(isinstance(value, kind) for value in values) > len(values) / 2


def _is_columnar(document: Mapping[str, Any]) -> bool:
    lengths = {len(value) for value in document.values() if isinstance(value, list)}
    return len(document) > 1 and all(isinstance(value, list) for value in document.values()) and len(lengths) == 1


def _by_columns(document: Mapping[str, Any], name: str, notes: list[str]) -> Iterator[NumberedRow] | None:
    """A list a column, or an object of cells by row number a column."""
    columns: dict[str, list[Any]]
    if _is_columnar(document):
        columns = {key: list(value) for key, value in document.items()}
    elif len(document) > 1 and all(isinstance(value, dict) and value for value in document.values()):
        keys = list(dict.fromkeys(key for value in document.values() for key in value))
        numbered = all(key.isdecimal() for key in keys)
        if not numbered and (len(keys) <= len(document) or len(keys) < LEAST_PAIRS or _is_index(document)):
            return None
        columns = {key: [value.get(row) for row in keys] for key, value in document.items()}
    else:
        return None
    count = len(next(iter(columns.values())))
    notes.append(f"{name}: {len(columns)} columns ({_list(columns)}) of {count} cells, read row by row")
    return _number({key: cells[place] for key, cells in columns.items()} for place in range(count))


def _is_index(document: Mapping[str, Any]) -> bool:
    return all(key.isdecimal() for key in document)


def _by_index(document: Mapping[str, Any], name: str, notes: list[str]) -> Iterator[NumberedRow] | None:
    """An object a row, each under its id."""
    if len(document) < 2 or not all(isinstance(value, dict) and value for value in document.values()):
        return None
    shared = set.intersection(*(set(value) for value in document.values()))
    if not shared:
        return None
    notes.append(f"{name}: {len(document)} rows, each under its id")
    label = "id" if "id" not in shared else "key"
    return _number({label: key, **value} for key, value in document.items())


def _by_pairs(document: Mapping[str, Any], name: str, notes: list[str]) -> Iterator[NumberedRow] | None:
    """Texts as keys, their answers as values."""
    words = sum(" " in key.strip() for key in document)
    if len(document) < LEAST_PAIRS or words < len(document) / 2:
        return None
    notes.append(f"{name}: {len(document)} keys, read as inputs, with their answers as values")
    return _number({"input": key, "output": value} for key, value in document.items())


def _number(rows: Any) -> Iterator[NumberedRow]:
    return iter(enumerate(rows, start=1))


def _list(names: Any) -> str:
    shown = [repr(name) for name in list(names)[:SHOWN_KEYS]]
    return ", ".join(shown) + (", ..." if len(names) > SHOWN_KEYS else "")
