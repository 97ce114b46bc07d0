"""What a Word document holds outside its body: notes, headers, footers, remarks of reviewers."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
NOTES = {"footnote": "word/footnotes.xml", "endnote": "word/endnotes.xml"}
MARGIN = re.compile(r"word/(header|footer)\d*\.xml")


def insert_notes(body: Any, path: Path, write: Callable[[Any], str]) -> None:
    """Put each footnote and endnote as a paragraph after the one that refers to it.

    Args:
        body: The document's body, which is changed.
        path: The document.
        write: Gives the text of a note.
    """
    for kind, part in NOTES.items():
        references = list(body.iter(f"{W}{kind}Reference"))
        root = _read_part(path, part) if references else None
        notes = {note.get(f"{W}id"): note for note in root.iter(f"{W}{kind}")} if root is not None else {}
        for reference in reversed(references):  # So that those of one paragraph end up in their order.
            note = notes.get(reference.get(f"{W}id"))
            home = next(reference.iterancestors(f"{W}p"), None)
            gone = next(reference.iterancestors(f"{W}del", f"{W}moveFrom"), None) is not None
            text = " ".join(write(note).split()) if note is not None and not gone else ""
            if text and home is not None:
                home.addnext(_make_paragraph(home, f"Note: {text}"))


def find_margins(path: Path, write: Callable[[Any], str]) -> list[str]:
    """Return the texts of headers and footers, each once; page numbers alone are none."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if MARGIN.fullmatch(name))
    names.sort(key=lambda name: "footer" in name)
    found: dict[str, None] = {}
    for name in names:
        root, match = _read_part(path, name), MARGIN.fullmatch(name)
        text = " ".join(write(root).split()) if root is not None else ""
        if match and any(letter.isalpha() for letter in text):
            found[f"{match[1].capitalize()}: {text}"] = None
    return list(found)


def count_remarks(body: Any) -> int:
    """Count the remarks that reviewers made beside the text."""
    return sum(1 for _ in body.iter(f"{W}commentReference"))


def _read_part(path: Path, name: str) -> Any:
    from docx.oxml import parse_xml
    from lxml.etree import XMLSyntaxError

    with zipfile.ZipFile(path) as archive:
        try:
            return parse_xml(archive.read(name))
        except (KeyError, XMLSyntaxError):
            return None


def _make_paragraph(home: Any, text: str) -> Any:
    paragraph = home.makeelement(f"{W}p")
    _append(_append(paragraph, "r"), "t").text = text
    return paragraph


def _append(parent: Any, name: str) -> Any:
    child = parent.makeelement(f"{W}{name}")
    parent.append(child)
    return child
