"""One file to one document: the table of readers, what they give, and the limits they work under.

Here files are parsed in the calling process, with no guard against a parser that hangs or eats the memory;
`retrieval/readers/worker.py` puts that guard around it, and `retrieval/documents.py` is the front door.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.values import Document
from retrieval.readers.headings import find_title
from retrieval.readers.html import read_html, read_xhtml
from retrieval.readers.json import read_json_file, read_json_lines
from retrieval.readers.limits import LIMITS, Limits, Text, UnreadableFile
from retrieval.readers.mail import read_mail
from retrieval.readers.markup import read_org, read_rst, read_tex
from retrieval.readers.notebook import read_notebook
from retrieval.readers.pdf import read_pdf
from retrieval.readers.table import read_csv, read_tsv
from retrieval.readers.text import read_text
from retrieval.readers.word import read_docx
from retrieval.readers.workbook import read_xlsx
from retrieval.readers.xml import read_xml

__all__ = ["LIMITS", "READERS", "REFUSED", "Limits", "Problem", "SourceFile", "find_kind", "parse_file"]

READERS: dict[str, Callable[[Path, Limits], Text]] = {
    ".md": read_text,
    ".txt": read_text,
    ".html": read_html,
    ".htm": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".json": read_json_file,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".markdown": read_text,
    ".mdx": read_text,
    ".rst": read_rst,
    ".org": read_org,
    ".tex": read_tex,
    ".xhtml": read_xhtml,
    ".xml": read_xml,
    ".eml": read_mail,
    ".ipynb": read_notebook,
    ".xlsx": read_xlsx,
    ".yaml": read_text,
    ".yml": read_text,
    ".toml": read_text,
    ".ini": read_text,
    ".cfg": read_text,
    ".log": read_text,
}
# What people bring and no reader takes, with what to do about it.
REFUSED = {
    ".doc": "save it as .docx",
    ".rtf": "save it as .docx",
    ".odt": "save it as .docx",
    ".xls": "save it as .xlsx",
    ".ods": "save it as .xlsx",
    ".ppt": "save it as PDF",
    ".pptx": "save it as PDF",
    ".odp": "save it as PDF",
    ".epub": "save it as PDF",
    ".msg": "save it as .eml",
}
TEXT = ".txt"  # The kind of a file without a suffix, as README.
# Kinds whose first heading is a title.
WITH_HEADINGS = {".md", ".markdown", ".mdx", ".txt", ".rst", ".org", ".tex", ".html", ".htm", ".xhtml", ".docx", ".ipynb"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that may become a document.

    Args:
        id: Its path below the folder, without the suffix where that is unique.
        path: Where it lies.
        sha256: Hash of its bytes; of its name and size where it cannot be read or is above the limit.
        bytes: Its size.
    """

    id: str
    path: Path
    sha256: str
    bytes: int

    @property
    def name(self) -> str:
        """Its path below the folder, with the suffix: what people and `Problem.path` call it."""
        name = os.fsencode(self.path.name).decode("utf-8", errors="backslashreplace")
        return str(PurePosixPath(self.id).with_name(name))


@dataclass(frozen=True, slots=True)
class Problem:
    """A file, or a part of it, that was left out and why. `path` is a `SourceFile.name`."""

    path: str
    reason: str


def find_kind(path: Path | PurePosixPath) -> str:
    """Return a file's suffix in small letters; a file without one is text."""
    return path.suffix.lower() or TEXT


def parse_file(file: SourceFile, limits: Limits) -> list[Document | Problem]:
    """Parse one file in this process; see `documents.parse_files` for the results.

    What no reader foresees (a library's own exception on damaged input) is raised as it is.
    """
    try:
        _check(file, limits)
        text = READERS[find_kind(file.path)](file.path, limits)
        if not text.text.strip():
            raise UnreadableFile(text.note or "It is empty: there is no text in it.")
    except UnreadableFile as error:
        return [Problem(file.name, str(error))]
    except OSError as error:
        return [Problem(file.name, f"It cannot be read: {error.strerror or error}.")]
    document = Document(file.id, _find_title(file, text), text.text, text.offsets, file.name)
    return [document, Problem(file.name, text.note)] if text.note else [document]


def _check(file: SourceFile, limits: Limits) -> None:
    suffix = find_kind(file.path)
    if suffix in REFUSED:
        raise UnreadableFile(f"Files of the kind {suffix} are not read: {REFUSED[suffix]}.")
    size = file.path.stat().st_size
    if not size:
        raise UnreadableFile("It is empty: it has 0 bytes.")
    if size > limits.bytes:
        raise UnreadableFile(f"It has {size / 2**20:,.0f} MiB; the limit is {limits.bytes / 2**20:,.0f} MiB: split it.")


def _find_title(file: SourceFile, text: Text) -> str:
    heading = find_title(text.text) if find_kind(file.path) in WITH_HEADINGS and not text.title else ""
    return text.title or heading or file.path.stem
