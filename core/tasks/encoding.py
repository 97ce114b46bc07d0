"""Bytes of a person's file as text: UTF-8, what its mark says, or a guess that is told."""

from __future__ import annotations

from pathlib import Path

from core.errors import LabError

UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
LOOK = 4096  # Bytes searched for a NUL, which texts do not hold: archives and images have one near their start.
AROUND = 2**17  # Bytes on each side of the first that is not UTF-8: enough to guess from, quick on a large file.


def decode(data: bytes, path: Path, notes: list[str]) -> str:
    """Decode as UTF-8, else by its mark or by the best guess, which is noted."""
    if b"\x00" in data[:LOOK] and not data.startswith(UTF16_MARKS):
        raise LabError(f"{path.name} is not a text file.", "Export it as CSV (UTF-8).")
    try:
        return data.decode("utf-16" if data.startswith(UTF16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError as error:
        encoding = _guess_encoding(data, error.start, path)
        notes.append(f"{path.name} is not UTF-8; it was read as {encoding}")
        return data.decode(encoding)


def _guess_encoding(data: bytes, place: int, path: Path) -> str:
    """Guess the encoding of what is not UTF-8 from around the byte that shows it.

    Raises:
        LabError: The file is UTF-8 but for a few bytes, or the guess does not fit all of it.
    """
    from charset_normalizer import from_bytes

    line = data.count(b"\n", 0, place) + 1
    kept = data.decode("utf-8", errors="ignore")
    lost = len(data) - len(kept.encode())
    # In another encoding nearly every letter beyond ASCII is lost; where more were read, the file is UTF-8 with a slip.
    if sum(character > "\x7f" for character in kept) > lost:
        raise LabError(
            f"{path.name} is UTF-8 but for {lost} bytes, the first in line {line}.",
            "Mend that line, or save the file as UTF-8.",
        )
    best = from_bytes(data[max(0, place - AROUND) : place + AROUND]).best()
    try:
        if best is not None and best.encoding != "ascii":
            data.decode(best.encoding)
            return str(best.encoding)
    except UnicodeDecodeError:
        pass
    raise LabError(f"{path.name} is in no known encoding: line {line}, byte {data[place]:#x}.", "Save it as UTF-8.")
