"""In which encoding a person's file is written: UTF-8, what its mark says, or a guess that is told; read as a stream."""

from __future__ import annotations

import codecs
from typing import IO

from core.errors import LabError
from core.tasks.rows.sources import RowSource

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # Before UTF-16, whose mark it begins with.
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
LOOK = 4096  # Bytes searched for a NUL, which texts do not hold: archives and images have one near their start.
CHUNK = 2**20
AROUND = 2**17  # Bytes on each side of the first that is not UTF-8: enough to guess from, quick on a large file.
ZEROS = 0.4  # Share of every second byte that is NUL in UTF-16 of Latin letters.
FOREIGN_LETTERS = 0.4  # Share of letters beyond ASCII from which on a text is in no Western European language.
PRINT_SIGNS = set("€£§°«»„“”‘’‚–—…´·×®©™ªº¡¿½ \u00a0")


def find_encoding(source: RowSource, notes: list[str]) -> str:
    """Return Python's name of the encoding; what is guessed is noted.

    Raises:
        LabError: It is no text, UTF-8 but for a few bytes, or in no known encoding.
    """
    with source.open() as file:
        start = file.read(LOOK)
    for mark, encoding in MARKS.items():
        if start.startswith(mark):
            return encoding
    if b"\x00" in start:
        for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[0::2])):
            text = start[: len(start) // 2 * 2].decode(encoding, errors="replace")
            printable = all(sign.isprintable() or sign.isspace() for sign in text)
            if zeros.count(0) >= ZEROS * len(zeros) and printable:
                notes.append(f"{source.name} has no mark of its encoding; it was read as {encoding.upper()}")
                return encoding
        raise LabError(f"{source.name} is not a text file.", "Export it as CSV (UTF-8).")
    with source.open() as file:
        place = _find_slip(file)
    if place is None:
        return "utf-8"
    encoding = _guess_encoding(source, place)
    notes.append(f"{source.name} is not UTF-8; it was read as {encoding}")
    return encoding


def _find_slip(file: IO[bytes]) -> int | None:
    """Return where the first byte is that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    place = 0
    while True:
        data = file.read(CHUNK)
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            return place - held + error.start
        if not data:
            return None
        place += len(data)


def _guess_encoding(source: RowSource, place: int) -> str:
    """Guess the encoding of what is not UTF-8 from around the byte that shows it.

    Raises:
        LabError: The file is UTF-8 but for a few bytes, or no guess fits.
    """
    from charset_normalizer import from_bytes

    line, kept, lost, near = _measure_slips(source, place)
    # In another encoding nearly every letter beyond ASCII is lost; where more were read, the file is UTF-8 with a slip.
    if kept > lost:
        raise LabError(
            f"{source.name} is UTF-8 but for {lost} bytes, the first in line {line}.",
            "Mend that line, or save the file as UTF-8.",
        )
    if _is_western(near):
        return "cp1252"
    guesses = [str(guess.encoding) for guess in from_bytes(near) if guess.encoding != "ascii"]
    # Of equal guesses the one in which all that is beyond ASCII are letters and the signs of print.
    likely = [*guesses, "cp1250"] if guesses else []
    for guess in sorted(likely, key=lambda guess: not _is_print(near, guess)):
        return guess
    raise LabError(f"{source.name} is in no known encoding: line {line}.", "Save it as UTF-8.")


def _measure_slips(source: RowSource, place: int) -> tuple[int, int, int, bytes]:
    """Return the line of a byte, how many characters beyond ASCII are UTF-8, how many bytes are not, and what is around it."""
    line, kept, lost, seen, near = 1, 0, 0, 0, b""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="ignore")
    with source.open() as file:
        while data := file.read(CHUNK):
            line += data.count(b"\n", 0, max(0, min(len(data), place - seen)))
            before = len(decoder.getstate()[0])
            text = decoder.decode(data)
            lost += before + len(data) - len(decoder.getstate()[0]) - len(text.encode())
            kept += len(text) - len(text.encode("ascii", errors="ignore"))
            if place - AROUND < seen + len(data) and seen < place + AROUND:
                near += data[max(0, place - AROUND - seen) : max(0, place + AROUND - seen)]
            seen += len(data)
    return line, kept, lost + len(decoder.getstate()[0]), near


def _is_print(data: bytes, encoding: str) -> bool:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return all(sign in PRINT_SIGNS or sign.isalpha() for sign in text if sign > "\x7f")


def _is_western(data: bytes) -> bool:
    """Say whether a text reads as one of Western Europe in Windows' encoding: Latin letters with a few accents."""
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    beyond = [character for character in text if character > "\x7f"]
    letters = sum(character.isalpha() for character in text)
    plausible = all(character in PRINT_SIGNS or (character.isalpha() and character <= "ž") for character in beyond)
    return plausible and sum(map(str.isalpha, beyond)) < FOREIGN_LETTERS * max(1, letters)
