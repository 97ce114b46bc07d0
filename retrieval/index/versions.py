"""Versions of an index: each is a folder written whole, then made current by renaming one small file.

    index/CURRENT             which version counts, with the sha256 of each of its files
    index/000007/             the current version, never changed once it is written
    index/000006/             the one before, for the day the current one is damaged
    index/write.lock          held by the one writer; readers need no lock

A writer that is killed leaves a folder whose name begins with a dot, or a version that CURRENT does not name:
neither is read, and the next writer removes both. Where a person deleted a document, no version before is kept.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.errors import LabError
from core.storage import MANIFEST, cannot_write, child, hash_file, hash_json, read_json, write_json, write_manifest
from core.stored import Stored, read_stored, restore
from retrieval.index.info import INFO, IndexInfo, read_info

CURRENT = "CURRENT"
LOCK = "write.lock"
LOCK_SECONDS = 0.5  # Between two questions to the caller whether to go on waiting for another writer.


@dataclass(frozen=True, slots=True)
class Pointer(Stored):
    """What CURRENT says.

    Args:
        generation: Name of the folder that counts; empty when the last document was deleted.
        files: sha256 of each file of it.
        number: The last number that a version got.
        next_id: The smallest passage id that was never given away.
        removed: Documents that the version before still holds and that must not come back from it.
        before: Name of the version to keep beside it, if any.
    """

    generation: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    number: int = 0
    next_id: int = 0
    removed: tuple[str, ...] = ()
    before: str = ""


@dataclass(frozen=True, slots=True)
class Manifest(Stored):
    """What a stored folder holds: the sha256 of each file, by its path below the folder."""

    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class IndexVersion:
    """A version of an index that may be read, and what is wrong with it.

    Args:
        folder: Where it lies.
        info: What its `index.json` says; the defaults where that file is damaged.
        damaged: Its files that are missing or differ from what was written.
        removed: Documents of it that were deleted since.
        current: Whether CURRENT names it.
    """

    folder: Path
    info: IndexInfo
    damaged: frozenset[str]
    removed: frozenset[str] = frozenset()
    current: bool = True


def read_stamp(folder: Path) -> str:
    """Return a text that changes with every change of the index; empty where there is none."""
    try:
        return (folder / CURRENT).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def read_pointer(folder: Path) -> Pointer | None:
    """Return what CURRENT says, None where there is no such file.

    Raises:
        LabError: It is damaged.
    """
    path = folder / CURRENT
    if not path.exists():
        return None
    values = read_json(path)
    if not isinstance(values, dict) or values.pop("check", None) != hash_json(values):
        raise LabError(f"{path} is damaged: its checksum does not fit.")
    pointer = restore(Pointer, json.dumps(values), origin=str(path))
    if pointer.generation:  # The name becomes a path: one that leads out of the index is damage.
        child(folder, pointer.generation, what="state of the index")
    return pointer


def find_versions(folder: Path) -> Iterator[IndexVersion]:
    """Yield the versions worth reading, best first. A version's files are hashed only when it is asked for."""
    pointer = _read_or_none(folder)
    names = _list_names(folder)
    if pointer is not None:
        if not pointer.generation:
            return
        place = folder / pointer.generation
        yield _describe(place, find_damage(place, pointer.files))
        # A later number is a writer's that was killed before CURRENT named it: what it holds was never agreed on.
        names = [name for name in names if name < pointer.generation]
    removed = frozenset(pointer.removed if pointer is not None else ())
    for name in names:
        yield replace(_describe(folder / name, _check_manifest(folder / name)), removed=removed, current=False)


def _describe(folder: Path, damaged: frozenset[str]) -> IndexVersion:
    """Read the record of a version; one that is whole but cannot be understood is damage too."""
    if INFO not in damaged:
        try:
            return IndexVersion(folder, read_info(folder), damaged)
        except LabError:
            damaged |= {INFO}
    return IndexVersion(folder, IndexInfo(), damaged)


def find_damage(folder: Path, files: Mapping[str, str]) -> frozenset[str]:
    """Return the files that are missing or have another sha256."""
    return frozenset(name for name, expected in files.items() if _hash_or_none(folder / name) != expected)


def _hash_or_none(path: Path) -> str | None:
    try:
        return hash_file(path)
    except OSError:
        return None


def _check_manifest(folder: Path) -> frozenset[str]:
    try:
        return find_damage(folder, read_stored(Manifest, folder / MANIFEST).files)
    except LabError:
        return frozenset(path.relative_to(folder).as_posix() for path in folder.rglob("*")) | {MANIFEST}


def _list_names(folder: Path) -> list[str]:
    return sorted((path.name for path in folder.glob("[0-9]*") if path.is_dir() and path.name.isdecimal()), reverse=True)


@contextmanager
def hold_index(folder: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Be the one writer of an index; `on_wait` is called while another one writes, and may raise to give up.

    Raises:
        LabError: The folder cannot be written.
    """
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    lock = FileLock(folder / LOCK)
    while True:
        try:
            lock.acquire(timeout=LOCK_SECONDS)
            break
        except Timeout:
            on_wait()
        except OSError as error:
            raise cannot_write(folder / LOCK, error) from error
    try:
        for path in folder.glob(".*"):  # What a killed writer left.
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        if (pointer := _read_or_none(folder)) is not None:
            _tidy(folder, {pointer.generation, pointer.before})
        yield
    finally:
        lock.release()


@contextmanager
def new_version(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside the versions; it is gone afterwards unless it was published.

    Raises:
        LabError: The disk refuses.
    """
    try:
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix=".new."))
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        yield temporary
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def publish(folder: Path, temporary: Path, *, next_id: int, before: str, removed: Sequence[str]) -> str:
    """Make a written folder the current version and return its name.

    Args:
        folder: The index.
        temporary: What `new_version` yielded, filled.
        next_id: The smallest passage id that is not given away yet.
        before: Name of the version to keep beside it, empty for none; all others go, after the new one counts.
        removed: Documents which that one holds and this one does not.
    """
    write_manifest(temporary)
    files = {**read_stored(Manifest, temporary / MANIFEST).files, MANIFEST: hash_file(temporary / MANIFEST)}
    # The files reach the disk before CURRENT names them, or a power cut leaves a pointer to nothing.
    for path in (*temporary.rglob("*"), temporary):
        _sync(path)
    number = _last_number(folder) + 1
    name = f"{number:06d}"
    os.replace(temporary, folder / name)
    _sync(folder)
    _point(folder, Pointer(name, files, number, next_id, tuple(removed), before))
    _tidy(folder, {name, before})
    return name


def clear(folder: Path) -> None:
    """Leave an index without a version; its numbers and ids go on where they were."""
    _point(folder, Pointer(number=_last_number(folder), next_id=read_next_id(folder)))
    _tidy(folder, set())


def read_next_id(folder: Path) -> int:
    """Return the smallest passage id that was never given away; it is kept twice, against damage."""
    next_ids = [pointer.next_id] if (pointer := _read_or_none(folder)) is not None else []
    for name in _list_names(folder):
        try:
            next_ids.append(read_info(folder / name).next_id)
        except LabError:
            continue
    return max(next_ids, default=0)


def _last_number(folder: Path) -> int:
    pointer = _read_or_none(folder)
    return max([pointer.number if pointer is not None else 0, *map(int, _list_names(folder))])


def _read_or_none(folder: Path) -> Pointer | None:
    try:
        return read_pointer(folder)
    except LabError:
        return None


def _point(folder: Path, pointer: Pointer) -> None:
    values = pointer.as_json()
    write_json(folder / CURRENT, {**values, "check": hash_json(values)})
    _sync(folder)


def _tidy(folder: Path, keep: set[str]) -> None:
    """Remove all other versions, and the files that an index had before it had versions."""
    legacy = {"vectors.faiss", "passages.jsonl", INFO, MANIFEST}
    for path in folder.iterdir():
        if path.is_dir() and path.name.isdecimal() and path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)
        elif path.name in legacy:
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Have the disk keep a file or a folder's list of names; systems that cannot open folders are left alone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
