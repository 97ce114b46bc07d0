"""Where rows lie: a file, a packed file, the files of a zip or a folder; unpacked as a stream and never without end."""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal, cast

from core.errors import LabError

MAX_BYTES = 512 * 2**20  # Of one file unpacked; rows are read as a stream, so this bounds time and not memory.
MAX_RATIO = 200  # Unpacked over packed: rows of real people pack 3 to 50 times.
FREE_BYTES = 32 * 2**20  # What may be unpacked at any ratio.
MAX_SHARED = 2**27  # Bytes of a workbook's texts, which are held in memory.
MAX_MEMBERS = 1000  # Files of a zip or a folder.
SHOWN_PATH = 200  # Characters of a path in an error.
SUFFIXES = {".csv", ".tsv", ".tab", ".psv", ".txt", ".json", ".jsonl", ".ndjson", ".jsonlines", ".xlsx", ".xlsm", ".parquet"}
GZIP, ZIP, PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
# What begins so is no text with rows, and what to do about it.
FOREIGN = {
    b"\xd0\xcf\x11\xe0": ("is an old Excel file (.xls), or one with a password", "Save it as .xlsx or as CSV (UTF-8)."),
    b"%PDF": ("is a PDF", "Give the rows as CSV, JSON lines or .xlsx; a PDF can be a document of the task."),
    b"\xfd7zXZ": ("is packed with xz", "Unpack it first, or pack it with gzip."),
    b"BZh": ("is packed with bzip2", "Unpack it first, or pack it with gzip."),
    b"\x28\xb5\x2f\xfd": ("is packed with zstd", "Unpack it first, or pack it with gzip."),
    b"7z\xbc\xaf": ("is a 7z archive", "Unpack it first, or give a zip."),
    b"SQLite format 3": ("is a SQLite database", "Export the table as CSV."),
    b"\x89PNG": ("is an image", "Rows are texts: CSV, JSON lines or .xlsx."),
    b"\xff\xd8\xff": ("is an image", "Rows are texts: CSV, JSON lines or .xlsx."),
    b"ARROW1": ("is an Arrow file", "Save it as Parquet or JSON lines."),
}

Form = Literal["text", "workbook", "parquet"]


@dataclass(frozen=True, slots=True)
class RowSource:
    """One file of rows.

    Args:
        name: What people call it: the file's name, in a zip or a folder its path there.
        form: What is in it.
        open_raw: Opens it as a stream of unpacked bytes.
        packed: Bytes as they are stored.
    """

    name: str
    form: Form
    open_raw: Callable[[], IO[bytes]]
    packed: int

    def open(self) -> io.BufferedReader:
        """Open the unpacked bytes; reading on past the limit raises.

        Raises:
            LabError: The file cannot be read, or unpacks to more than is taken.
        """
        with translated(self.name):
            return io.BufferedReader(_Bounded(self.open_raw(), self), 2**18)


class translated:
    """A block in which whatever a broken file raises becomes a sentence."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: Any) -> None:
        # RuntimeError: a member that is encrypted; ValueError: a NUL byte in a path.
        broken = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError)
        if isinstance(error, (*broken, zlib.error, lzma.LZMAError, zipfile.BadZipFile)):
            reason = getattr(error, "strerror", None) or error
            raise LabError(f"Cannot read {self._name[:SHOWN_PATH]}: {reason}.") from error


class _Bounded(io.RawIOBase):
    """A stream that counts what comes out of it."""

    def __init__(self, stream: IO[bytes], source: RowSource) -> None:
        self._stream = stream
        self._source = source
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with translated(self._source.name):
            data = self._stream.read(len(buffer))
        self._count += len(data)
        if self._count > MAX_BYTES:
            raise LabError(f"{self._source.name} is larger than {MAX_BYTES / 2**20:.0f} MiB.", "Take a sample of its rows.")
        if self._count > FREE_BYTES and self._count > MAX_RATIO * self._source.packed:
            raise LabError(
                f"{self._source.name} unpacks to more than {MAX_RATIO} times its {self._source.packed / 2**10:,.0f} KiB.",
                "Rows do not pack so well; give them unpacked.",
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def find_sources(path: Path, notes: list[str]) -> list[RowSource]:
    """Return the files of rows that a path holds: itself, or what is in the zip or the folder; what is passed over is noted.

    Raises:
        LabError: It cannot be read, or is of a kind that holds no rows.
    """
    if not path.is_dir():
        return list(_look_into(path, notes))
    files = sorted(item for item in path.rglob("*") if item.is_file() and not _is_hidden(item.relative_to(path).parts))
    files = _choose([(item.relative_to(path).as_posix(), item) for item in files], path.name, notes)
    found = ((item, source) for item in files for source in _look_into(item, notes))
    return [replace(source, name=(item.relative_to(path).parent / source.name).as_posix()) for item, source in found]


def _look_into(path: Path, notes: list[str]) -> Iterator[RowSource]:
    with translated(str(path)):
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(16)
    if start.startswith(ZIP):
        yield from _look_into_zip(path, notes)
    elif start.startswith(GZIP):
        packed = RowSource(path.name, "text", lambda: _unpack(path), size)
        with packed.open() as stream:
            yield _name_form(packed, stream.read(16))
    else:
        yield _name_form(RowSource(path.name, "text", lambda: path.open("rb"), size), start)


def _name_form(source: RowSource, start: bytes) -> RowSource:
    """Return the source with what its first bytes say it is.

    Raises:
        LabError: They say that it holds no rows.
    """
    for mark, (what, remedy) in FOREIGN.items():
        if start.startswith(mark):
            raise LabError(f"{source.name} {what}.", remedy)
    if start.startswith(PARQUET):
        return RowSource(source.name, "parquet", source.open_raw, source.packed)
    if start.startswith(ZIP):
        raise LabError(f"{source.name} is a zip inside another archive.", "Unpack it first.")
    return source


def _look_into_zip(path: Path, notes: list[str]) -> Iterator[RowSource]:
    with translated(path.name), zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
    names = {member.filename for member in members}
    if any(name.startswith("xl/") for name in names):
        _check_workbook(path, members)
        yield RowSource(path.name, "workbook", lambda: path.open("rb"), path.stat().st_size)
        return
    for inside, what in (("word/", "Word document"), ("ppt/", "presentation"), ("content.xml", "OpenDocument file")):
        if any(name.startswith(inside) for name in names):
            raise LabError(f"{path.name} is a {what}, not a table of rows.", "Save the rows as .xlsx or CSV.")
    visible = [member for member in members if not _is_hidden(Path(member.filename).parts)]
    for member in _choose([(member.filename, member) for member in visible], path.name, notes):
        source = RowSource(member.filename, "text", _opener(path, member), member.compress_size)
        with source.open() as stream:
            start = stream.read(16)
        if start.startswith((ZIP, PARQUET)):
            notes.append(f"{member.filename} in {path.name} is passed over: unpack it to use it")
        elif start.startswith(GZIP):
            yield RowSource(source.name, "text", _unpacker(source), member.compress_size)
        else:
            yield _name_form(source, start)


def _opener(path: Path, member: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: zipfile.ZipFile(path).open(member)


def _unpacker(source: RowSource) -> Callable[[], IO[bytes]]:
    return lambda: _unpack(source.open())


def _unpack(file: Path | IO[bytes]) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(file))  # noqa: SIM115 - who reads the source closes it


def _check_workbook(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse a workbook that would fill the memory: its zip's directory says so."""
    size, packed = sum(member.file_size for member in members), max(1, path.stat().st_size)
    shared = sum(member.file_size for member in members if member.filename == "xl/sharedStrings.xml")
    if size > MAX_BYTES or shared > MAX_SHARED or (size > FREE_BYTES and size > MAX_RATIO * packed):
        raise LabError(
            f"{path.name} unpacks to {size / 2**20:,.0f} MiB, {size / packed:,.0f} times its size.",
            "Take a sample of its rows, or save the sheet as CSV.",
        )


def _choose(named: list[tuple[str, Any]], place: str, notes: list[str]) -> list[Any]:
    """Return what has the name of a file of rows; the rest is noted.

    Raises:
        LabError: There is none, or there are too many.
    """
    if len(named) > MAX_MEMBERS:
        raise LabError(f"{place} holds {len(named):,} files; the limit is {MAX_MEMBERS:,}.", "Give the files of rows alone.")
    chosen = [item for name, item in named if _has_rows(name)]
    passed = [name for name, _ in named if not _has_rows(name)]
    if passed:
        notes.append(f"Passed over in {place}, by their names no files of rows: {len(passed)} (first: {passed[0]})")
    if not chosen:
        raise LabError(f"{place} holds no file of rows.", f"Their names end in {', '.join(sorted(SUFFIXES))}.")
    return chosen


def _has_rows(name: str) -> bool:
    lower = name.lower().removesuffix(".gz")
    # A read-me or a licence beside the rows is a text too.
    return Path(lower).suffix in SUFFIXES and not Path(lower).stem.startswith(("readme", "license", "licence"))


def _is_hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)
