"""Documents from files: whatever `READERS` has a row for.

A file that cannot be read is named with its reason and skipped; it never stops the others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.errors import LabError
from core.storage import hash_file, hash_json
from core.values import Document
from retrieval.readers.registry import LIMITS, READERS, REFUSED, Limits, Problem, SourceFile, find_kind, parse_file
from retrieval.readers.text import SURROGATE, read_text
from retrieval.readers.worker import ParsingWorker

__all__ = [
    "LIMITS",
    "Limits",
    "Problem",
    "Reading",
    "SourceFile",
    "hash_documents",
    "list_files",
    "list_passed_over",
    "parse_files",
    "read_documents",
]

HARMLESS = {
    kind for kind, reader in READERS.items() if reader is read_text
}  # Kinds that are decoded here: nothing in that can hang or crash.
BARE_NAME = re.compile(r"[A-Za-z][A-Za-z_-]*")  # How people call a text without a suffix: README, LICENSE, TODO.
PROBE_BYTES = 1024  # Of a file without a suffix, in which a NUL byte shows that it is no text.
HIDDEN = (".", "~$")  # How names begin that nobody means: of hidden files, and of what Word leaves beside an open one.


@dataclass(frozen=True, slots=True)
class Reading:
    """What a folder gave: its documents, and what was left out and why."""

    documents: list[Document]
    problems: list[Problem]


def list_files(*roots: Path, former_ids: Mapping[str, str] | None = None) -> list[SourceFile]:
    """List the files below folders (or single files) that may be documents, sorted; nothing is parsed.

    Below a folder, hidden files and folders and the lock files of Word (`~$...`) are passed over. Kinds that are known
    but not read (.doc, .pptx) are listed, because parsing them says what to do about it. Where two folders have a file
    of one name, that of the last folder counts.

    An id is the path without its suffix. Where several files would share an id, one of them gets it and the others
    keep their suffix. It goes to the file that had it before, else to that of the first folder, else to the first kind
    in the order of `READERS`. So a file that is added never takes the id of another.

    Args:
        roots: Folders or files.
        former_ids: Ids that files had before, by name.

    Raises:
        LabError: A root does not exist, or is one file of an unknown kind.
    """
    paths: dict[str, Path] = {}
    for root in roots:
        files = _find(root)
        paths |= {name: files[name] for name in sorted(files, key=_rank)}  # A name keeps the place it had.
    ids = _make_ids(paths, former_ids or {})
    return [_describe(paths[name], ids[name]) for name in sorted(paths, key=lambda name: PurePosixPath(name).parts)]


def _find(root: Path) -> dict[str, Path]:
    """Return the files of a folder, or the one file, by name: the path below the folder, as people read it."""
    if not root.exists():
        raise LabError(f"There is no {root}.", "Give a folder of documents or one document.")
    if root.is_file() and not _is_known(root):
        raise LabError(f"{root.name} is of no kind that is read.", f"Give one of {', '.join(sorted(READERS))}.")
    paths = [root] if root.is_file() else [path for path in root.rglob("*") if _is_document(path, root)]
    return {_name(Path(path.name) if root.is_file() else path.relative_to(root)): path for path in paths}


def list_passed_over(*roots: Path) -> list[Problem]:
    """Name every file below folders that `list_files` leaves out, with the reason; hidden ones are counted in one line."""
    problems: list[Problem] = []
    hidden: list[str] = []
    for root in roots:
        for path in sorted(root.rglob("*")) if root.is_dir() else []:
            below = path.relative_to(root)
            if not path.is_file() or _is_document(path, root):
                continue
            if _is_hidden(below):
                hidden.append(_name(below))
            else:
                problems.append(Problem(_name(below), _explain_kind(path)))
    if hidden:
        some = hidden[0] if len(hidden) == 1 else f"{hidden[0]} and {len(hidden) - 1:,} more"
        problems.append(Problem(some, "Hidden files are passed over."))
    return problems


def parse_files(files: Sequence[SourceFile], *, limits: Limits = LIMITS) -> Iterator[Document | Problem]:
    """Parse files in order. A file gives a document, a problem, or a document and then a problem about parts of it.

    `Document.id` is its file's `id`; `Document.origin` and `Problem.path` are its file's `name`. Plain text and markdown
    are decoded in this process. Everything else goes through one worker process. It is started at the first such file,
    killed when a file takes longer than `limits.seconds`, and replaced when it was killed or crashed, so a bad file
    costs its own text and nothing else.
    """
    with ParsingWorker(limits) as worker:
        for file in files:
            if reason := _refuse_name(file):
                yield Problem(file.name, reason)
            else:
                yield from parse_file(file, limits) if find_kind(file.path) in HARMLESS else worker.parse(file)


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
        [*(result for result in results if isinstance(result, Problem)), *list_passed_over(folder)],
    )


def hash_documents(documents: Sequence[Document]) -> str:
    """Return a hash of the documents' ids and texts."""
    return hash_json([[document.id, document.text] for document in documents])


def _is_known(path: Path) -> bool:
    kind = find_kind(path)
    return (kind in READERS or kind in REFUSED) and (bool(path.suffix) or _is_bare_text(path))


def _is_bare_text(path: Path) -> bool:
    """Whether a file without a suffix is called as texts are, and begins as one."""
    if not BARE_NAME.fullmatch(path.name):
        return False
    try:
        with path.open("rb") as stream:
            return b"\0" not in stream.read(PROBE_BYTES)
    except OSError:
        return True  # Reading it says why.


def _explain_kind(path: Path) -> str:
    if path.suffix:
        return f"Files of the kind {_name(Path(path.suffix.lower()))} are not read."
    return "It has no suffix and is not called as texts are, or is no text: name it .txt if it is one."


def _is_hidden(below: Path) -> bool:
    return any(part.startswith(HIDDEN) for part in below.parts)


def _is_document(path: Path, root: Path) -> bool:
    return not _is_hidden(path.relative_to(root)) and path.is_file() and _is_known(path)


def _name(path: Path) -> str:
    """Return a path as people read it; bytes that are not UTF-8 become escapes."""
    return os.fsencode(path.as_posix()).decode("utf-8", errors="backslashreplace")


def _refuse_name(file: SourceFile) -> str:
    """Say why a file of this name is left out; empty where it is not."""
    place = "/".join(file.path.parts[-len(PurePosixPath(file.id).parts) :])
    if SURROGATE.search(place):
        return "Its name is not UTF-8: rename it."
    if file.path.name.startswith(HIDDEN):
        return f"Files whose names begin with {' or '.join(HIDDEN)} are hidden ones and passed over: rename it."
    return ""


def _rank(name: str) -> tuple[int, str]:
    kinds = [*READERS, *REFUSED]
    return kinds.index(find_kind(PurePosixPath(name))), name


def _make_ids(names: Iterable[str], former_ids: Mapping[str, str]) -> dict[str, str]:
    """Return an id for each name: the name without its suffix for the first that may have it, else the whole name."""
    bare = {name: str(PurePosixPath(name).with_suffix("")) for name in names}
    # A short name that is another file's whole name is that one's.
    possible = {name: {name} if short in bare else {name, short} for name, short in bare.items()}
    ids = {name: former_ids[name] for name in bare if former_ids.get(name) in possible[name]}
    taken = set(ids.values())
    for name in bare:
        if name not in ids:
            ids[name] = bare[name] if bare[name] in possible[name] - taken else name
            taken.add(ids[name])
    return ids


def _describe(path: Path, file_id: str) -> SourceFile:
    """Hash a file; one that is too large, or cannot be read, is listed all the same so that parsing says why."""
    try:
        size = path.stat().st_size
        sha256 = hash_file(path) if size <= LIMITS.bytes else hash_json([file_id, size])
    except OSError:
        size, sha256 = 0, hash_json([file_id])
    return SourceFile(file_id, path, sha256, size)
