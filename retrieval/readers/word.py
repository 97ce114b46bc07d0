"""Word documents to text: paragraphs and tables in their order, headings as markdown headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.readers.archive import check_archive
from retrieval.readers.equations import MATHS, write_equation
from retrieval.readers.limits import Limits, Text, UnreadableFile
from retrieval.readers.table import has_header, is_form, render_rows
from retrieval.readers.text import clean_text
from retrieval.readers.word_margins import count_remarks, find_margins, insert_notes

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
WRITTEN = {f"{W}tab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}
# Word wraps blocks into these: content controls, tracked insertions, custom XML.
WRAPPERS = {f"{W}{name}" for name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag")}
# Of tracked changes what was before is left out; fallbacks are text boxes written a second time.
SKIPPED = {FALLBACK, *(f"{W}{name}" for name in ("pPr", "rPr", "del", "moveFrom"))}
MAX_SPAN = 64  # Columns that a cell may claim to span; Word itself allows 63.
Styles = dict[str, str]


def read_docx(path: Path, limits: Limits) -> Text:
    """Read a Word document: its body with the notes where they are called, then its headers and footers."""
    import docx
    from docx.opc.exceptions import PackageNotFoundError

    check_archive(path, limits, what="Word document", suffix=".docx")
    try:
        document = docx.Document(str(path))
    except (PackageNotFoundError, KeyError, ValueError) as error:
        reason = str(error).replace(str(path), path.name)
        raise UnreadableFile(f"It is no readable Word document: {reason}.") from error
    prefixes = _find_prefixes(document)
    body = document.element.body
    insert_notes(body, path, lambda node: "\n".join(_blocks(node, {})))
    blocks = [*_blocks(body, prefixes), *find_margins(path, lambda node: "\n".join(_blocks(node, {})))]
    remarks = count_remarks(body)
    note = f"{remarks} remarks of reviewers are not read." if remarks else ""
    return Text(clean_text("\n\n".join(blocks)).strip(), note=note)


def _find_prefixes(document: Any) -> Styles:
    """Return what markdown writes before a paragraph, by style id; a style built on a heading is a heading."""
    return {style.style_id: prefix for style in document.styles if (prefix := _find_prefix(style))}


def _find_prefix(style: Any) -> str:
    seen: list[Any] = []
    while style is not None and style not in seen:
        name = (style.name or "").lower()
        if name == "title":
            return "# "
        if match := re.fullmatch(r"heading ([1-9])", name):
            return "#" * min(int(match.group(1)), 6) + " "
        if name.startswith("list"):
            return "- "
        seen.append(style)
        style = getattr(style, "base_style", None)
    return ""


def _blocks(parent: Any, prefixes: Styles) -> Iterator[str]:
    """Yield the paragraphs and tables of a body or cell in order, as markdown blocks."""
    for child in parent:
        if child.tag == f"{W}p":
            text = _write_paragraph(child, prefixes)
        elif child.tag in MATHS:
            text = write_equation(child)
        elif child.tag == f"{W}tbl":
            text = _write_table(child, prefixes)
        elif child.tag in WRAPPERS:
            yield from _blocks(child, prefixes)
            continue
        else:
            continue
        if text:
            yield text


def _write_paragraph(paragraph: Any, prefixes: Styles) -> str:
    text = "".join(_pieces(paragraph)).strip()
    style = paragraph.find(f"{W}pPr/{W}pStyle")
    prefix = prefixes.get(style.get(f"{W}val", ""), "") if style is not None else ""
    return (prefix + " ".join(text.split()) if prefix else text) if text else ""


def _pieces(node: Any) -> Iterator[str]:
    """Yield the text of a paragraph as it reads with all changes accepted."""
    for child in node:
        if child.tag == f"{W}t":
            yield child.text or ""
        elif child.tag in MATHS:
            yield write_equation(child)
        elif child.tag in WRITTEN:
            yield WRITTEN[child.tag]
        elif child.tag not in SKIPPED:
            yield from _pieces(child)
            if child.tag == f"{W}p":
                yield "\n"


def _write_table(table: Any, prefixes: Styles) -> str:
    """Write a table row by row; one of a single cell is a frame, of which the content counts."""
    rows: list[list[str]] = []
    merged: dict[int, str] = {}  # By column of the grid: the text of the last cell that others may be merged with.
    for row in _find(table, f"{W}tr"):
        texts = [""] * _read_number(row.find(f"{W}trPr/{W}gridBefore"), default=0)
        for cell in _find(row, f"{W}tc"):
            merge = cell.find(f"{W}tcPr/{W}vMerge")
            text = "\n".join(_blocks(cell, prefixes))
            if merge is not None and merge.get(f"{W}val") != "restart":
                text = merged.get(len(texts), text)
            elif merge is not None:
                merged[len(texts)] = text
            texts += [text, *[""] * (_read_number(cell.find(f"{W}tcPr/{W}gridSpan"), default=1) - 1)]
        rows.append(texts)
    if not rows:
        return ""
    if all(len(row) == 1 for row in rows):
        return "\n\n".join(row[0] for row in rows if row[0])
    return render_rows(rows, headed=all(map(str.strip, rows[0])) and has_header(rows) and not is_form(rows))


def _find(parent: Any, tag: str) -> Iterator[Any]:
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag in WRAPPERS:
            yield from _find(child, tag)


def _read_number(element: Any, *, default: int) -> int:
    """Return how many columns a cell spans, or a row leaves out."""
    value = element.get(f"{W}val", "") if element is not None else ""
    return max(default, min(int(value), MAX_SPAN)) if value.isdecimal() else default
