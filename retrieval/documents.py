"""Documents from files: text, markdown, HTML, PDF, Word, CSV, TSV, JSON, JSON lines.

A file that cannot be read is named with its reason and skipped; it never stops the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import LabError
from core.storage import hash_file, hash_json
from core.values import Document
from retrieval.parsing import LIMITS, READERS, REFUSED, Limits, Problem, SourceFile, parse_file
from retrieval.parsing_worker import ParsingWorker

__all__ = [
    "LIMITS",
    "Limits",
    "Problem",
    "Reading",
    "SourceFile",
    "hash_documents",
    "list_files",
    "parse_files",
    "read_documents",
]

HARMLESS = {".md", ".txt"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a folder gave: its documents, and what was left out and why."""

    documents: list[Document]
    problems: list[Problem]


def list_files(root: Path) -> list[SourceFile]:
    """List the files below a folder (or the one file) that may be documents, sorted; nothing is parsed.

    Hidden files and folders and the lock files of Word (`~$...`) are passed over. Kinds that are known but not
    read (.doc, .xlsx) are listed, for parsing them says what to do about it. An id is the path without its
    suffix; where several files would share one, the suffix stays.

    Raises:
        LabError: `root` does not exist, or is one file of an unknown kind.
    """
    if not root.exists():
        raise LabError(f"There is no {root}.", "Give a folder of documents or one document.")
    if root.is_file() and not _is_known(root):
        raise LabError(f"{root.name} is of no kind that is read.", f"Give one of {', '.join(sorted(READERS))}.")
    paths = [root] if root.is_file() else [path for path in sorted(root.rglob("*")) if _is_wanted(path, root)]
    names = [path.name if root.is_file() else path.relative_to(root).as_posix() for path in paths]
    return [_describe(path, identity) for path, identity in zip(paths, _make_ids(names), strict=True)]


def parse_files(files: Sequence[SourceFile], *, limits: Limits = LIMITS) -> Iterator[Document | Problem]:
    """Parse files in order. A file gives a document, a problem, or a document and then a problem about parts of it.

    `Document.id` is its file's `id`, `Document.origin` and `Problem.path` its file's `name`. Plain text and markdown
    are decoded right here, for nothing in that can hang. Everything else goes through one worker process, started
    at the first such file, killed when a file takes longer than `limits.seconds`, and replaced when it was killed
    or crashed: a bad file costs its own text and nothing else.
    """
    with ParsingWorker(limits) as worker:
        for file in files:
            yield from parse_file(file, limits) if file.path.suffix.lower() in HARMLESS else worker.parse(file)


def read_documents(folder: Path) -> Reading:
    """Read every document below a folder.

    Raises:
        LabError: There is no file in it that may be a document.
    """
    files = list_files(folder)
    if not files:
        raise LabError(f"There is no document in {folder}.", f"Put files there: {', '.join(sorted(READERS))}.")
    results = list(parse_files(files))
    return Reading(
        [result for result in results if isinstance(result, Document)],
        [result for result in results if isinstance(result, Problem)],
    )


def hash_documents(documents: Sequence[Document]) -> str:
    """Return a hash of the documents' ids and texts."""
    return hash_json([[document.id, document.text] for document in documents])


def _is_known(path: Path) -> bool:
    return path.suffix.lower() in READERS or path.suffix.lower() in REFUSED


def _is_wanted(path: Path, root: Path) -> bool:
    hidden = any(part.startswith((".", "~$")) for part in path.relative_to(root).parts)
    return not hidden and _is_known(path) and path.is_file()


def _make_ids(names: Sequence[str]) -> list[str]:
    """Return each name without its suffix, or whole where that would not be unique."""
    ids = [str(Path(name).with_suffix("").as_posix()) for name in names]
    while clashes := {identity for identity, count in Counter(ids).items() if count > 1}:
        ids = [name if identity in clashes else identity for name, identity in zip(names, ids, strict=True)]
    return ids


def _describe(path: Path, identity: str) -> SourceFile:
    """Hash a file; one that cannot be read, or is too large to be, is still listed so that parsing says why."""
    try:
        size = path.stat().st_size
        sha256 = hash_file(path) if size <= LIMITS.bytes else hash_json([identity, size])
    except OSError:
        size, sha256 = 0, hash_json([identity])
    return SourceFile(identity, path, sha256, size)
