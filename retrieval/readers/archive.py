"""Office files are archives: they are unpacked once, without keeping it, before a library sees them."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from retrieval.readers.limits import Limits, UnreadableFile

OLE_MARK = bytes.fromhex("d0cf11e0a1b11ae1")  # How old office files begin, and protected new ones too.
BLOCK = 2**20  # Bytes that are unpacked at once.


def check_archive(path: Path, limits: Limits, *, what: str, suffix: str) -> None:
    """Unpack every member once, without keeping it: a few kilobytes may unpack to gigabytes.

    Raises:
        UnreadableFile: It is no archive, a damaged or encrypted one, or holds more than the limit.
    """
    with path.open("rb") as stream:
        if stream.read(len(OLE_MARK)) == OLE_MARK:
            raise UnreadableFile(f"It is protected by a password, or of an old kind: save it without one as {suffix}.")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > limits.unpacked_bytes:
                raise UnreadableFile(_too_large(size, limits))
            _unpack(archive, limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UnreadableFile(f"It is no {what}, or a damaged one: {error}.") from error


def _unpack(archive: zipfile.ZipFile, limits: Limits) -> None:
    size = 0
    for member in archive.infolist():
        with archive.open(member) as stream:
            while block := stream.read(BLOCK):
                size += len(block)
                if size > limits.unpacked_bytes:
                    raise UnreadableFile(_too_large(size, limits))


def _too_large(size: int, limits: Limits) -> str:
    return f"It unpacks to {size / 2**20:,.0f} MiB; the limit is {limits.unpacked_bytes / 2**20:,.0f} MiB."
