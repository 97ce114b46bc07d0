"""HTML to text: headings become markdown headings, tables rows; what is no content is left out and counted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from retrieval.readers.limits import Limits, Text
from retrieval.readers.page_parts import drop_parts
from retrieval.readers.table import render_rows
from retrieval.readers.text import clean_text, decode_text

DROPPED = ["script", "style", "noscript", "template", "svg", "iframe", "object", "select", "head"]
HEADINGS = {f"h{level}": level for level in range(1, 7)}
BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "header", "hr", "html", "li", "main", "ol", "p", "pre", "section", "summary",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", *HEADINGS,
}  # fmt: skip
CHARSET = re.compile(rb"<meta[^>]+charset=[\"']?\s*([\w-]+)", flags=re.IGNORECASE)
CLOSED = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b)([a-zA-Z][\w:-]*)((?:\s[^<>]*)?)/>"
)
MAX_SPAN = 50  # Columns that a cell may claim to span; a page may claim millions.
HEAD_BYTES = 4096  # In which a page names its encoding; the standard asks for the first 1,024.


def read_html(path: Path, limits: Limits) -> Text:
    """Read a page's visible content; it is called what its title or first heading says."""
    page = _decode(path)
    return write_page(_open_all(page) if page.lstrip()[:5] == "<?xml" else page)


def read_xhtml(path: Path, limits: Limits) -> Text:
    """Read a page that is XML too: there any element may be closed where it is opened, which HTML takes for an opening."""
    return write_page(_open_all(_decode(path)))


def _open_all(page: str) -> str:
    return CLOSED.sub(r"<\1\2></\1>", page)


def write_page(page: str) -> Text:
    """Return the content of a page as text."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(page)
    title_node = tree.css_first("head > title")  # Drawings have titles too.
    title = " ".join(title_node.text().split()) if title_node else ""
    tree.strip_tags(DROPPED)
    note = drop_parts(tree.body) if tree.body else ""
    tree.strip_tags(["button"])  # Only now: their words tell what a notice asks for.
    text = _Writer().write(tree.body) if tree.body else ""
    if title and text and not re.search(r"^# ", text, flags=re.MULTILINE):
        text = f"# {title}\n\n{text}"
    return Text(clean_text(text), title=title, note=note)


def _decode(path: Path) -> str:
    data = path.read_bytes()
    declared = CHARSET.search(data[:HEAD_BYTES])
    return decode_text(data, declared=declared.group(1).decode() if declared else "")


class _Writer:
    """Walks a page once and collects blocks, each of which becomes a paragraph."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._pieces: list[str] = []
        self._prefix = ""
        self._pre = 0

    def write(self, body: Any) -> str:
        """Return the text of a body."""
        for node, leaving in _walk(body):
            if node.tag == "-text":
                self._pieces.append(node.text(deep=False) if self._pre else re.sub(r"\s+", " ", node.text(deep=False)))
            elif node.tag == "br":
                self._pieces.append("\n")
            elif _is_plain_table(node):
                self._flush()
                self._blocks += ["", _render_table(node)]
            elif node.tag in BLOCKS:
                self._flush()
                self._open(node.tag, leaving)
        self._flush()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._blocks)).strip()

    def _open(self, tag: str, leaving: bool) -> None:
        self._pre += (tag == "pre") * (-1 if leaving else 1)
        if tag in HEADINGS:
            self._prefix = "" if leaving else "#" * HEADINGS[tag] + " "
        elif tag == "li":
            self._prefix = "" if leaving else "- "

    def _flush(self) -> None:
        """End a block. Items of a list follow each other line by line; other blocks stand apart."""
        text = "".join(self._pieces)
        self._pieces = []
        lines = text.rstrip().split("\n") if self._pre else [" ".join(line.split()) for line in text.split("\n")]
        text = "\n".join(line for line in lines if line.strip())
        if not text:
            return
        if self._prefix.startswith("#"):
            text = text.replace("\n", " ")
        listed = self._prefix == "- " and bool(self._blocks) and self._blocks[-1].startswith("- ")
        self._blocks += [self._prefix + text] if listed else ["", self._prefix + text]
        self._prefix = "" if self._prefix == "- " else self._prefix


def _walk(root: Any) -> Iterator[tuple[Any, bool]]:
    """Yield every node below `root` in order, blocks once more when they end; tables of plain cells are not entered."""
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        node, leaving = stack.pop()
        yield node, leaving
        if leaving or _is_plain_table(node):
            continue
        if node.tag in BLOCKS:
            stack.append((node, True))
        stack.extend((child, False) for child in reversed(list(node.iter(include_text=True))))


def _is_plain_table(node: Any) -> bool:
    """Whether a node is a table of data: pages are laid out by tables in tables too."""
    return node.tag == "table" and not node.css("table table, h1, h2, h3, h4, h5, h6, p + p, ul, ol, pre")


def _render_table(table: Any) -> str:
    caption = table.css_first("caption")
    rows = [[cell for cell in row.iter() if cell.tag in ("td", "th")] for row in table.css("tr")]
    rows = [row for row in rows if row]
    headed = len(rows) > 1 and len(rows[0]) > 1 and all(cell.tag == "th" for cell in rows[0])
    texts = _place(rows)
    title = " ".join(caption.text().split()) if caption else ""
    return "\n".join(part for part in (title, render_rows(texts, headed=headed)) if part)


def _place(rows: Sequence[Sequence[Any]]) -> list[list[str]]:
    """Return the texts of a table's cells at their places.

    One that spans several stands in the first of its columns, and in each of its rows, for each row is read by itself.
    """
    placed: list[list[str]] = []
    lasting: dict[int, tuple[int, str]] = {}  # By column: for how many rows more, and the text.
    for row in rows:
        texts: list[str] = []
        for cell in row:
            _fill_down(texts, lasting)
            width, height = _read_span(cell, "colspan"), _read_span(cell, "rowspan")
            for column, text in enumerate([cell.text(separator=" "), *[""] * (width - 1)], start=len(texts)):
                if height > 1:
                    lasting[column] = (height - 1, text)
                texts.append(text)
        _fill_down(texts, lasting)
        placed.append(texts)
    return placed


def _fill_down(texts: list[str], lasting: dict[int, tuple[int, str]]) -> None:
    """Add the cells of rows above that reach into the next places."""
    while len(texts) in lasting:
        column = len(texts)
        left, text = lasting.pop(column)
        if left > 1:
            lasting[column] = (left - 1, text)
        texts.append(text)


def _read_span(cell: Any, name: str) -> int:
    span = cell.attributes.get(name) or "1"
    return max(1, min(int(span), MAX_SPAN)) if span.isdecimal() else 1
