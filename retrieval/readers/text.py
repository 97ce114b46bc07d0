"""Bytes to text: UTF-8, anything with a byte order mark, else a guess that is checked; binaries are refused."""

from __future__ import annotations

import codecs
import re
import unicodedata
from pathlib import Path

from retrieval.readers.limits import Limits, Text, UnreadableFile

# UTF-32 first: its little-endian mark begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What is still met outside UTF-8; without such a list a short text is taken for an IBM mainframe's.
GUESSES = [
    "cp1252", "iso8859_15", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256",
    "cp932", "euc_jp", "gb18030", "big5", "euc_kr", "mac_roman",
]  # fmt: skip
SAMPLE_BYTES = 64 * 2**10  # From which an encoding is guessed.
BINARY_SHARE = 0.001  # Of bytes that are NUL; text has none, a stray one is let through.
CONTROL_SHARE = 0.02  # Of characters that are control characters; logs of terminals have a few.
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
SURROGATE = re.compile("[\ud800-\udfff]")
UNMARKED = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")  # Encodings with NUL bytes in plain text.
STRANGE = {"Cc", "Cn", "Co", "Cs"}  # Categories of characters that text does not hold: control, unassigned, private.
STRANGE_SHARE = 0.005  # Of characters that may be strange in a text without a mark.
PLAIN_SHARE = 0.01  # Of characters that are spaces, digits or ASCII; even Chinese text has line ends.
FEW_LETTERS = 40  # Bytes above ASCII; fewer tell no encoding from another.


def read_text(path: Path, limits: Limits) -> Text:
    """Read a text, markdown or settings file as it is, but for its encoding and its line ends."""
    return Text(decode_text(path.read_bytes()))


def decode_text(data: bytes, *, declared: str = "") -> str:
    r"""Decode a file's bytes and make its line ends `\n`.

    Args:
        data: The whole file.
        declared: The encoding that the file names for itself, tried after UTF-8.

    Raises:
        UnreadableFile: It is no text, or in an encoding that cannot be told.
    """
    text = clean_text(_decode(data, declared))
    if len(CONTROL.findall(text[:SAMPLE_BYTES])) > CONTROL_SHARE * len(text[:SAMPLE_BYTES]):
        raise UnreadableFile("It is a binary file, not text: it is full of control characters.")
    return text


def clean_text(text: str) -> str:
    """Make line ends one character and drop what no file in UTF-8 may hold: NUL and halves of surrogate pairs."""
    return SURROGATE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", ""))


def _decode(data: bytes, declared: str) -> str:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _decode_marked(data, encoding)
    if data.count(0) > BINARY_SHARE * len(data):
        return _decode_unmarked(data)
    for encoding in ("utf-8", declared):
        try:
            return data.decode(encoding) if encoding else _guess(data)
        except (UnicodeDecodeError, LookupError):
            continue
    return _guess(data)


def _decode_unmarked(data: bytes) -> str:
    """Decode text of two or four bytes a character that does not say so.

    Read with the wrong order of bytes a space becomes a letter of some script, so the order that gives the most plain
    characters is right. A binary file gives control characters or unassigned ones in any order.
    """
    best, text = 0.0, ""
    for encoding in UNMARKED:
        try:
            found = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        sample = found[:SAMPLE_BYTES]
        strange = sum(unicodedata.category(letter) in STRANGE and letter not in "\t\n\r\f" for letter in sample)
        plain = sum(letter.isspace() or " " <= letter <= "~" for letter in sample) / max(1, len(sample))
        if strange <= STRANGE_SHARE * len(sample) and plain > max(best, PLAIN_SHARE):
            best, text = plain, found
    if not text:
        raise UnreadableFile("It is a binary file, or UTF-16 that cannot be told as such: it is full of NUL bytes.")
    return text


def _decode_marked(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            f"It begins with the mark of {encoding.upper()}, but byte {error.start} is not that: save it as UTF-8."
        ) from error


def _guess(data: bytes) -> str:
    """Decode bytes of an unnamed encoding by the plausibility of the text.

    A few accents tell no encoding from another. With fewer than `FEW_LETTERS` of them it is taken for Western European
    where that fits, which is the most frequent by far.
    """
    from charset_normalizer import from_bytes

    high = sum(byte > 127 for byte in data[:SAMPLE_BYTES])
    too_few = high < min(FEW_LETTERS, len(data) / 4)
    guess = None if too_few else from_bytes(data[:SAMPLE_BYTES], cp_isolation=GUESSES).best()
    for encoding in (guess.encoding if guess else "cp1252", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFile("Its text encoding cannot be told: save it as UTF-8.")
