"""A task folder that travels: out as one zip, in from a zip or a folder; whole and checked, or not at all."""

from __future__ import annotations

import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from core.errors import LabError
from core.storage import new_folder
from core.task import load_task, place_task

MAX_FILES, MAX_BYTES = 10_000, 512 * 2**20
EPOCH = (1980, 1, 1, 0, 0, 0)


def export_task(folder: Path, target: Path) -> Path:
    """Write a task folder as a zip; the same folder gives the same bytes. An existing file is not overwritten.

    Raises:
        LabError: The target exists or cannot be written.
    """
    if target.exists():
        raise LabError(f"{target} exists already.", "Choose another file with --out; nothing was overwritten.")
    temporary = target.with_name(f".{target.name}.part")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(item for item in folder.rglob("*") if item.is_file()):
                name = f"{folder.name}/{path.relative_to(folder).as_posix()}"
                archive.writestr(zipfile.ZipInfo(name, EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise LabError(f"Cannot write {target}: {error.strerror}.") from error
    return target


def import_task(source: Path, tasks: Path, *, name: str | None = None) -> Path:
    """Copy a task folder, or the one in a zip, under `tasks`; returns where it is.

    Raises:
        LabError: There is no task in it, something is wrong with it (file, line and field are named), or its name
            is taken.
    """
    with _open(source) as folder:
        load_task(folder)
        target = place_task(tasks, name or folder.name)
        with new_folder(target) as temporary:
            shutil.copytree(folder, temporary, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    return target


@contextmanager
def _open(source: Path) -> Iterator[Path]:
    """Yield the task folder that a path is or holds."""
    if source.is_dir():
        yield _find_task(source)
        return
    if not source.is_file():
        raise LabError(f"There is no {source}.", "Give a task folder or a zip of one.")
    with tempfile.TemporaryDirectory() as place:
        inside = Path(place) / (re.sub(r"[^a-z0-9]+", "-", source.stem.lower()).strip("-") or "task")
        try:
            with zipfile.ZipFile(source) as archive:
                _check_members(archive, source)
                archive.extractall(inside)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
            raise LabError(
                f"{source.name} is no zip that can be read: {error}.", "Give a task folder or a zip of one."
            ) from error
        yield _find_task(inside)


def _check_members(archive: zipfile.ZipFile, source: Path) -> None:
    members = archive.infolist()
    if len(members) > MAX_FILES:
        raise LabError(f"{source.name} holds {len(members):,} files; the limit is {MAX_FILES:,}.")
    size = sum(member.file_size for member in members)
    if size > MAX_BYTES:
        raise LabError(f"{source.name} unpacks to {size / 2**20:,.0f} MiB; the limit is {MAX_BYTES / 2**20:.0f}.")
    for member in members:
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(member.external_attr >> 16):
            raise LabError(f"{source.name} holds the unsafe path {member.filename!r}.", "Nothing was unpacked.")


def _find_task(folder: Path) -> Path:
    if (folder / "task.toml").is_file():
        return folder
    found = sorted(path.parent for path in folder.glob("*/task.toml"))
    if len(found) != 1:
        raise LabError(
            f"{folder.name} holds {len(found)} task folders.", "One folder with a task.toml is wanted; see tasks/README.md."
        )
    return found[0]
