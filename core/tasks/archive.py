"""A folder that travels: out as one zip, in from a zip or a folder; whole and checked, or not at all."""

from __future__ import annotations

import lzma
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from core.errors import LabError
from core.storage import new_folder
from core.tasks.folders import place_task
from core.tasks.loading import load_task

MAX_FILES = 10_000  # Of a task's zip; the bundled tasks have at most a few hundred.
MAX_BYTES = 512 * 2**20  # Of a task's files unpacked: a zip bomb stops here.
EPOCH = (1980, 1, 1, 0, 0, 0)  # The earliest time that a zip can hold: the same folder gives the same bytes.
SHOWN_PATH = 200  # Characters of a path in an error.


def export_task(folder: Path, target: Path) -> Path:
    """Write a task folder as a zip; the same folder gives the same bytes. An existing file is not overwritten.

    Raises:
        LabError: The target exists or cannot be written.
    """
    return write_zip(folder, target, option="--out")


def write_zip(folder: Path, target: Path, *, option: str) -> Path:
    """Write a folder as a zip; `option` is what chooses another target on the command line.

    Raises:
        LabError: The target exists or cannot be written.
    """
    if os.path.exists(target):  # Unlike `Path.exists`, it answers no for a name that no file can have.
        raise LabError(f"{target} exists already.", f"Choose another file with {option}; nothing was overwritten.")
    temporary = target.with_name(f".{target.name}.part")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(item for item in folder.rglob("*") if item.is_file()):
                name = f"{folder.name}/{path.relative_to(folder).as_posix()}"
                archive.writestr(zipfile.ZipInfo(name, EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED)
        temporary.replace(target)
    except (OSError, ValueError) as error:  # The latter for a NUL byte in the name.
        with suppress(OSError, ValueError):
            temporary.unlink(missing_ok=True)
        raise LabError(f"Cannot write {str(target)[:SHOWN_PATH]}: {getattr(error, 'strerror', None) or error}.") from error
    return target


def import_task(
    source: Path, tasks: Path, *, name: str | None = None, check: Callable[[Path], None] = lambda folder: None
) -> Path:
    """Copy a task folder, or the one in a zip, under `tasks`; returns where it is.

    Args:
        source: The folder or zip.
        tasks: Where it goes.
        name: What it is called there; by default as its folder.
        check: Is given the folder before anything of it is read; raises where it may not be taken in.

    Raises:
        LabError: There is no task in it, something is wrong with it (file, line and field are named), or its name
            is taken.
    """
    with _open(source) as folder:
        check(folder)
        load_task(folder)
        target = place_task(tasks, name or folder.name)
        with new_folder(target) as temporary:
            shutil.copytree(folder, temporary, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    return target


@contextmanager
def _open(source: Path) -> Iterator[Path]:
    """Yield the task folder that a path is or holds."""
    if os.path.isdir(source):
        yield _find_task(source)
        return
    if not os.path.isfile(source):
        raise LabError(f"There is no {str(source)[:SHOWN_PATH]}.", "Give a task folder or a zip of one.")
    with tempfile.TemporaryDirectory() as place:
        inside = Path(place) / (re.sub(r"[^a-z0-9]+", "-", source.stem.lower()).strip("-") or "task")
        unpack_zip(source, inside, max_files=MAX_FILES, max_bytes=MAX_BYTES, remedy="Give a task folder or a zip of one.")
        yield _find_task(inside)


def unpack_zip(source: Path, target: Path, *, max_files: int, max_bytes: int, remedy: str) -> None:
    """Unpack a zip whose members are counted, sized and confined to `target` before anything is written.

    Raises:
        LabError: It is no zip, too large, or a member would land elsewhere.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            _check_members(archive, source, max_files, max_bytes)
            archive.extractall(target)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError) as error:
        raise LabError(f"{source.name} is no zip that can be read: {error}.", remedy) from error


def _check_members(archive: zipfile.ZipFile, source: Path, max_files: int, max_bytes: int) -> None:
    """Refuse what would fill the disk or land outside: the zip's own directory says so before a byte is unpacked."""
    members = archive.infolist()
    if len(members) > max_files:
        raise LabError(f"{source.name} holds {len(members):,} files; the limit is {max_files:,}.")
    size = sum(member.file_size for member in members)
    if size > max_bytes:
        raise LabError(f"{source.name} unpacks to {size / 2**20:,.0f} MiB; the limit is {max_bytes / 2**20:,.0f}.")
    for member in members:
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(member.external_attr >> 16):
            raise LabError(f"{source.name} holds the unsafe path {member.filename!r}.", "Nothing was unpacked.")


def _find_task(folder: Path) -> Path:
    if (folder / "task.toml").is_file():
        return folder
    tasks = sorted(path.parent for path in folder.glob("*/task.toml"))
    if len(tasks) != 1:
        raise LabError(
            f"{folder.name} holds {len(tasks)} task folders.", "One folder with a task.toml is wanted; see tasks/README.md."
        )
    return tasks[0]
