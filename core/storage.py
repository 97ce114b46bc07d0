"""Files that are either whole or absent: written under a temporary name, then renamed.

Every stored folder carries `manifest.json` with the sha256 of its files, so that damage is named, not used.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import LabError

MANIFEST = "manifest.json"
LONGEST_NAME = 200  # Bytes; file systems take 255, and temporary siblings add a few.
SHOWN_NAME = 80  # Characters of a refused name in the error.


def child(folder: Path, name: str, *, what: str, remedy: str = "") -> Path:
    """Return what a name from outside stands for inside a folder, whether or not it exists; never a place elsewhere.

    Args:
        folder: Where it must lie.
        name: As a person, a page or a file gave it.
        what: What it names, for the error: `job`, `run`.
        remedy: What the error advises.

    Raises:
        LabError: The name is empty, hidden, too long for a file, unprintable (a NUL byte), or leads elsewhere.
    """
    fits = name and name.isprintable() and not name.startswith(".") and len(name.encode()) <= LONGEST_NAME
    if not fits or "/" in name or "\\" in name:
        shown = name if len(name) <= SHOWN_NAME else f"{name[:SHOWN_NAME]}…"
        raise LabError(f"There is no {what} {shown!r}.", remedy)
    return folder / name


def hash_file(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_json(value: Any) -> str:
    """Return the sha256 of a JSON value, independent of key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically.

    Raises:
        LabError: The file cannot be written (no space, no permission).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target: a rename is whole or not at all only within one file system.
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())  # Else a power cut after the rename may leave an empty file of the right name.
            os.replace(temporary, path)
        except BaseException:  # Ctrl-C too leaves nothing behind.
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise cannot_write(path, error) from error


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document atomically."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON document.

    Raises:
        LabError: The file is absent or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise LabError(f"{path} is damaged: {error}.", "Delete it and run the command again.") from error


def cannot_write(path: Path, error: Exception) -> LabError:
    """Translate a failed write into a sentence."""
    return LabError(
        f"Cannot write {path}: {getattr(error, 'strerror', None) or error}.",
        "Free some disk space, or set RAGFT_HOME to a folder you may write to.",
    )


@contextmanager
def new_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary sibling folder that becomes `path`, with a manifest, if the block succeeds.

    A block that raises, Ctrl-C included, leaves `path` as it was.

    Raises:
        LabError: `path` exists and `replace` is false, or the disk refuses, safetensors' own error for it included.
    """
    from safetensors import SafetensorError

    if path.exists() and not replace:
        raise LabError(f"{path} exists already.", "Delete it or choose another name.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield temporary
        write_manifest(temporary)
        _swap(temporary, path)
    except (OSError, SafetensorError) as error:
        raise cannot_write(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _swap(new: Path, target: Path) -> None:
    """Move `new` to `target`; a folder that stood there is moved aside first, then removed."""
    if not target.exists():
        os.replace(new, target)
        return
    old = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.old."))
    os.replace(target, old)
    os.replace(new, target)
    shutil.rmtree(old, ignore_errors=True)


def write_manifest(folder: Path) -> None:
    """Record the sha256 of every file below `folder`."""
    files = {
        str(path.relative_to(folder)): hash_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    write_json(folder / MANIFEST, {"files": files})


def verify_folder(folder: Path, *, remedy: str) -> None:
    """Check a folder against its manifest.

    Raises:
        LabError: The folder, a file of it, or its manifest is absent or differs; `remedy` says what to do.
    """
    if not (folder / MANIFEST).is_file():
        raise LabError(f"{folder} is missing or incomplete: it has no {MANIFEST}.", remedy)
    for name, expected in _read_manifest(folder / MANIFEST, remedy).items():
        path = folder / name
        if not path.is_file():
            raise LabError(f"{path} is missing.", remedy)
        if hash_file(path) != expected:
            raise LabError(f"{path} is damaged: its sha256 is not the recorded {expected[:12]}.", remedy)


def _read_manifest(path: Path, remedy: str) -> dict[str, str]:
    """Return the hash of each file that a manifest names; what else a newer version wrote there is no matter.

    Raises:
        LabError: It is damaged, or of another form.
    """
    values = read_json(path)
    files = values.get("files") if isinstance(values, dict) else None
    if not isinstance(files, dict) or not all(isinstance(digest, str) for digest in files.values()):
        raise LabError(f"{path} is damaged: it does not say which files belong to the folder.", remedy)
    return files
