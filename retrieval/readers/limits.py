"""What every reader gives and obeys: a text with its offsets, the limits, the one refusal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of the machine one file may take.

    Args:
        bytes: The largest file.
        unpacked_bytes: The largest content of a packed file (Word).
        pages: The longest PDF.
        seconds: The longest parsing, after which the parser is killed.
        memory_bytes: The parser's address space, where the system can limit it (Linux).
    """

    bytes: int = 50 * 2**20
    unpacked_bytes: int = 200 * 2**20
    pages: int = 3000
    seconds: float = 30.0
    memory_bytes: int = 3 * 2**30


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Text:
    """What a reader made of a file.

    Args:
        text: The whole text; headings are markdown headings.
        title: What the file itself says it is called; empty where it does not.
        offsets: Where in `text` each page or row begins, for kinds that have them.
        note: What was left out and why, as sentences.
    """

    text: str
    title: str = ""
    offsets: tuple[int, ...] = ()
    note: str = ""


class UnreadableFile(Exception):
    """A file that cannot be read; the message says why and what to do, for people."""
