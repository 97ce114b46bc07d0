"""JSON as the standard has it, read value by value from a stream; what is no standard JSON is named, not repaired."""

from __future__ import annotations

import ast
import json
import math
import sys
import warnings
from typing import IO, Any

CHUNK = 2**18  # Characters read at once.
MAX_LITERAL = 2**20  # Characters of a Python literal; its tree takes a hundred times the text.
NEAR_END = 16  # Characters from the end of what was read within which an error can come from the cut.
MAX_DEPTH = 100  # Levels of a row; what a task's files may hold.
SHOWN_NUMBER = 20  # Characters of a number in a sentence.


MAX_MARKS = 4_000_000  # Commas and brackets of one value, a bound on its parts, each of which takes up to 200 bytes.


class JsonSlip(str):
    """What stands in a value's place where JSON has no such value: a sentence on what is wrong."""


class StrictDecoder:
    """A JSON decoder that lists what the standard does not have: NaN, numbers without end, a key twice, half characters."""

    def __init__(self) -> None:
        self._slips: list[JsonSlip] = []
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._pair,
            parse_constant=self._constant,
            parse_float=self._float,
            parse_int=self._int,
            strict=False,  # A tab inside a text is read as it is.
        )

    def read(self, text: str, place: int = 0) -> tuple[Any, int, str]:
        """Read the value that begins at a place; returns it, where it ends, and what is wrong with it (or nothing).

        Raises:
            ValueError: There is none, or it is cut off.
            RecursionError: It is nested too deeply.
        """
        self._slips.clear()
        value, end = self._decoder.raw_decode(text, place)
        slip = str(self._slips[0]) if self._slips else ""
        brackets = text.count("[", place, end) + text.count("{", place, end)
        if not slip and (brackets > MAX_DEPTH or text.find("\\u", place, end) >= 0):
            slip = find_slip(value)
        return value, end, slip

    def _pair(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = {sys.intern(key): item for key, item in pairs}
        if len(value) < len(pairs):
            names = [key for key, _ in pairs]
            name = next(name for name in names if names.count(name) > 1)
            value[name] = self._note(f"the key {name!r} stands twice")
        return value

    def _note(self, sentence: str) -> JsonSlip:
        self._slips.append(JsonSlip(sentence))
        return self._slips[-1]

    def _constant(self, name: str) -> JsonSlip:
        return self._note(f"{name} is not a JSON number")

    def _float(self, text: str) -> float | JsonSlip:
        value = float(text)
        return self._note(f"{text[:SHOWN_NUMBER]} is larger than a number can be") if math.isinf(value) else value

    def _int(self, text: str) -> int | JsonSlip:
        try:
            return int(text)
        except ValueError:  # More digits than Python converts.
            return self._note(f"a number has {len(text):,} digits")


def find_slip(value: Any) -> str:
    """Return what is wrong somewhere in a decoded value, empty where nothing is."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return f"it is nested more than {MAX_DEPTH} levels deep"
        if isinstance(item, JsonSlip):
            return str(item)
        if isinstance(item, str) and _is_cut(item):
            return "a text holds half a character (a lone surrogate)"
        if isinstance(item, dict | list):
            inner = [*item, *item.values()] if isinstance(item, dict) else item
            waiting.extend((part, depth + 1) for part in inner)
    return ""


def _is_cut(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def read_literal(text: str) -> Any:
    """Read what Python's `repr` writes for dictionaries, lists, texts and numbers, as JSON values.

    Raises:
        ValueError: It is none, or too long for one.
    """
    if len(text) > MAX_LITERAL:
        raise ValueError(f"a Python literal of more than {MAX_LITERAL:,} characters")
    try:
        # A tuple becomes a list, a key a text; bytes, sets and complex numbers have no place in JSON.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of an odd escape in a text, which is read as it is.
            literal = ast.literal_eval(text.strip())
        value = json.loads(json.dumps(literal, allow_nan=False))
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError("not a Python literal") from error
    if slip := find_slip(value):
        raise ValueError(slip)
    return value


class JsonStream:
    """JSON values one after the other, out of a stream of text of which only what is needed is held."""

    def __init__(self, stream: IO[str], *, longest: int) -> None:
        self._stream = stream
        self._longest = longest
        self._decoder = StrictDecoder()
        self._text = ""
        self._place = 0
        self._ended = False

    def peek(self) -> str:
        """Return the next character that is no white space, empty at the end."""
        while True:
            while self._place < len(self._text) and self._text[self._place].isspace():
                self._place += 1
            if self._place < len(self._text) or self._ended:
                return self._text[self._place : self._place + 1]
            self._grow()

    def skip(self) -> None:
        """Pass over the character that `peek` showed."""
        self._place += 1

    def read(self) -> tuple[Any, str]:
        """Return the next value, and what is wrong with it (or nothing).

        Raises:
            ValueError: There is none, it is cut off, or it is longer than may be.
            RecursionError: It is nested too deeply.
        """
        self.peek()
        while True:
            if len(self._text) - self._place > self._longest:
                raise ValueError(f"one value is longer than {self._longest:,} characters")
            if sum(map(self._text.count, ",[{")) > MAX_MARKS:
                raise ValueError(f"one value has more than {MAX_MARKS:,} parts")
            try:
                value, end, slip = self._decoder.read(self._text, self._place)
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self._text) - NEAR_END or error.msg.startswith("Unterminated")
                if self._ended or not cut:
                    raise ValueError(f"{error.msg} ({self._text[error.pos : error.pos + 20]!r})") from error
            else:
                if end < len(self._text) or self._ended:  # A number may go on where the text was cut.
                    self._place = end
                    return value, slip
            self._grow()

    def rest(self, limit: int) -> str | None:
        """Return all that is left, None where it is more than the limit."""
        while not self._ended and len(self._text) - self._place <= limit:
            self._grow()
        return self._text[self._place :] if self._ended and len(self._text) - self._place <= limit else None

    def _grow(self) -> None:
        held = self._text[self._place :]
        more = self._stream.read(max(CHUNK, len(held)))  # As much again: a long value is not read from its start many times.
        self._ended = not more
        self._text, self._place = held + more, 0
