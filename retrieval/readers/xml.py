"""XML to text: records become `name: value` lines, running text stays text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.readers.limits import Limits, Text, UnreadableFile
from retrieval.readers.text import clean_text

MAX_VALUE = 120  # Characters of a value that gets its element's name; a longer one explains itself.
MAX_DEPTH = 200  # Of elements in elements.


def read_xml(path: Path, limits: Limits) -> Text:
    """Read the text and the attributes of an XML file; entities from elsewhere are neither loaded nor expanded."""
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(path.read_bytes(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableFile(f"It is no XML, or a damaged one: {error}.") from error
    blocks = ("\n".join(lines) for lines in _blocks(root, 0))
    return Text(clean_text("\n\n".join(block for block in blocks if block)).strip())


def _blocks(element: Any, depth: int) -> Iterator[list[str]]:
    """Yield paragraphs: the plain children of an element together, each child that holds others apart."""
    if depth > MAX_DEPTH:
        raise UnreadableFile("It is nested too deeply.")
    children = [child for child in element if isinstance(child.tag, str)]
    if not children or _is_mixed(element):
        yield [*_attributes(element), *filter(None, [_flatten("".join(element.itertext()))])]
        return
    named = len({child.tag for child in children}) > 1
    lines = _attributes(element)
    for child in children:
        if len(child) and not _is_mixed(child):
            yield lines
            lines = []
            yield from _blocks(child, depth + 1)
        else:
            lines += _write_leaf(child, named=named)
    yield lines


def _write_leaf(element: Any, *, named: bool) -> list[str]:
    text = _flatten("".join(element.itertext()))
    more = ", ".join(_attributes(element))
    label = f"{_name(element.tag)} ({more})" if more and text else _name(element.tag)
    if not text:
        return [f"{label}: {more}"] if more else []
    return [f"{label}: {text}" if more or (named and len(text) <= MAX_VALUE) else text]


def _is_mixed(element: Any) -> bool:
    """Whether text and elements stand side by side, as in a sentence with a marked word."""
    return bool(len(element)) and any((text or "").strip() for text in (element.text, *(child.tail for child in element)))


def _attributes(element: Any) -> list[str]:
    return [f"{_name(key)}: {_flatten(value)}" for key, value in element.attrib.items() if value.strip()]


def _name(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def _flatten(text: str) -> str:
    return " ".join(text.split())
