r"""Regular expressions of a schema, which are JavaScript's (ECMA-262), written for the engines that read them here.

JSON Schema names that dialect, Python and the decoding engine have others: `\d` is ASCII, `$` is the very end, `[^]` is
any character. So an expression is read once and written for both. What none of the three agree on is refused in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

MAX_LENGTH = 10_000  # Characters of an expression; the longest of real schemas (addresses of mail) have 6,500.
MAX_GROUPS = 50  # Groups within groups; the engines recurse.
MAX_SIZE = 20_000  # Characters that an expression stands for when its repeats are written out; (?:a{1000}){1000} took 260 MB and 1.6 s.

DIGITS = [(0x30, 0x39)]
WORDS = [(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)]
SPACES = [(0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029)]
SPACES += [(0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)]
LINE_ENDS = [(0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)]
CLASSES = {"d": DIGITS, "w": WORDS, "s": SPACES}
CONTROLS = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "0": "\0"}
EDGE = "(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))"  # `\b`, in ASCII.
# How a group may begin, and how that is written for both engines; in their order, as some begin like others.
STARTS: dict[str, tuple[str, str | None]] = {"?:": ("(?:", "(?:"), "?<=": ("(?<=", None), "?<!": ("(?<!", None)}
STARTS |= {"?=": ("(?=", None), "?!": ("(?!", None), "?<": ("(", "(?:"), "?P<": ("(", "(?:")}
STARTS |= {"?i)": ("(?i)", "(?i)"), "?i:": ("(?i:", "(?i:")}  # Of other dialects: case makes no difference.
HEX = set("0123456789abcdefABCDEF")

Ranges = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression as it is written for the engines.

    Args:
        checking: For the module `regex`.
        decoding: For Rust's engine; None where it uses what that one lacks (looking around, references back).
        size: About how many characters it stands for when every repeat is written out.
        shortest: Characters of the shortest text that it matches, at least.
    """

    checking: str
    decoding: str | None
    size: int
    shortest: int


@lru_cache(maxsize=512)
def read_expression(pattern: str) -> Expression:
    """Read an expression of a schema.

    Raises:
        ValueError: It is none, or too large; says why.
    """
    if len(pattern) > MAX_LENGTH:
        raise ValueError(f"it has more than {MAX_LENGTH:,} characters")
    reader = _Reader(pattern)
    return reader.read()


@dataclass(slots=True)
class _Group:
    """A group while it is read: its own ends, and of what stands in it the sums."""

    looks: bool = False
    alternatives: list[tuple[int, int]] = field(default_factory=list)
    size: int = 0
    shortest: int = 0
    last: tuple[int, int] = (0, 0)
    repeatable: bool = False  # Whether there is something before, to which a repeat would belong.
    single: bool = False  # Whether that is one character.

    def add(self, size: int, shortest: int, *, repeatable: bool = True, single: bool = False) -> None:
        self.size += size
        self.shortest += shortest
        self.last, self.repeatable, self.single = (size, shortest), repeatable, single

    def turn(self) -> None:
        self.alternatives.append((self.size, self.shortest))
        self.size, self.shortest, self.repeatable = 0, 0, False

    def close(self) -> tuple[int, int]:
        ends = [*self.alternatives, (self.size, self.shortest)]
        return sum(size for size, _ in ends), 0 if self.looks else min(shortest for _, shortest in ends)


class _Reader:
    """One pass over an expression."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._place = 0
        self._checking: list[str] = []
        self._decoding: list[str] = []
        self._decodable = True
        self._names = _list_groups(pattern)
        self._groups = [_Group()]

    def read(self) -> Expression:
        """Return the expression as it is written for both engines."""
        while self._place < len(self._text):
            self._read_next(self._take())
        if len(self._groups) > 1:
            raise ValueError("a parenthesis is not closed")
        size, shortest = self._groups[0].close()
        if size > MAX_SIZE:
            raise ValueError(f"it stands for more than {MAX_SIZE:,} characters when its repeats are written out")
        decoding = "".join(self._decoding) if self._decodable else None
        return Expression("".join(self._checking), decoding, size, shortest)

    def _read_next(self, character: str) -> None:
        match character:
            case "\\":
                self._read_escape()
            case "[":
                self._add_atom(self._read_class())
            case "(":
                self._open_group()
            case ")":
                self._close_group()
            case "|":
                self._groups[-1].turn()
                self._write("|")
            case "*" | "+" | "?" | "{":
                self._read_repeat(character)
            case "^" | "$":
                self._add_edge(r"\A" if character == "^" else r"\Z", character)
            case ".":
                self._add_atom(_write_class(LINE_ENDS, [], negated=True))
            case _:
                self._add_atom(_quote(ord(character)))

    def _take(self) -> str:
        if self._place >= len(self._text):
            raise ValueError("it ends too early")
        self._place += 1
        return self._text[self._place - 1]

    def _take_if(self, text: str) -> bool:
        found = self._text.startswith(text, self._place)
        self._place += len(text) * found
        return found

    def _take_until(self, end: str) -> str:
        stop = self._text.find(end, self._place)
        if stop < 0:
            raise ValueError(f"{end!r} is missing")
        taken = self._text[self._place : stop]
        self._place = stop + len(end)
        return taken

    def _write(self, checking: str, decoding: str | None = None) -> None:
        self._checking.append(checking)
        self._decoding.append(checking if decoding is None else decoding)

    def _add_atom(self, text: str) -> None:
        self._groups[-1].add(1, 1, single=True)
        self._write(text)

    def _add_edge(self, checking: str, decoding: str | None = None) -> None:
        """Add what matches between characters; None where the decoding engine lacks it."""
        self._groups[-1].add(0, 0, repeatable=False)
        self._decodable = self._decodable and decoding is not None
        self._write(checking, decoding)

    def _open_group(self) -> None:
        if len(self._groups) > MAX_GROUPS:
            raise ValueError(f"more than {MAX_GROUPS} groups stand within one another")
        start = next((start for start in STARTS if self._take_if(start)), "(")
        checking, decoding = STARTS.get(start, ("(", "(?:"))
        if start == "(" and self._text.startswith("?", self._place):
            raise ValueError(f"a group begins with {self._text[self._place - 1 : self._place + 2]!r}")
        if start in {"?<", "?P<"} and not self._take_until(">"):
            raise ValueError("a group has an empty name")
        self._decodable = self._decodable and decoding is not None
        self._write(checking, decoding)
        if start == "?i)":
            return
        self._groups.append(_Group(looks=decoding is None))

    def _close_group(self) -> None:
        if len(self._groups) == 1:
            raise ValueError("a parenthesis is closed that was not opened")
        group = self._groups.pop()
        size, shortest = group.close()
        self._groups[-1].add(size, shortest)
        self._write(")")

    def _read_repeat(self, character: str) -> None:
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(character, (0, None))
        text = character
        if character == "{":
            stop = self._text.find("}", self._place)
            parts = self._text[self._place : stop].split(",") if stop > 0 else []
            if not (1 <= len(parts) <= 2 and _is_count(parts[0]) and (len(parts) == 1 or not parts[1] or _is_count(parts[1]))):
                self._add_atom(r"\{")  # No count: JavaScript takes it as it stands.
                return
            least = int(parts[0])
            most = (int(parts[1]) if parts[1] else None) if len(parts) == 2 else least
            text, self._place = self._text[self._place - 1 : stop + 1], stop + 1
        if most is not None and most < least:
            raise ValueError(f"{text} counts backwards")
        group = self._groups[-1]
        if not group.repeatable:
            raise ValueError(f"there is nothing that {text} could repeat")
        size, shortest = group.last
        # What must come is written out by the engine, and so is a group; what may come of one character is counted.
        times = max(least, 1) if group.single else max(least, most or 1)
        group.size += size * (times - 1)
        group.shortest += shortest * (least - 1)
        group.repeatable = False
        self._write(text, text)
        if self._take_if("?"):  # As few as possible: that matches the same texts.
            self._write("?", "")

    def _read_escape(self) -> None:
        character = self._take()
        if character in "bB":
            self._add_edge(EDGE if character == "b" else f"(?!{EDGE})")
        elif character in "AZz":  # Python's and Ruby's; in JavaScript they mean nothing.
            self._add_edge(r"\A" if character == "A" else r"\Z", "^" if character == "A" else "$")
        elif character in "123456789":
            digits = character
            while self._place < len(self._text) and self._text[self._place].isdigit():
                digits += self._take()
            self._refer(int(digits))
        elif character == "k":
            if not self._take_if("<"):
                raise ValueError(r"\k names no group")
            name = self._take_until(">")
            if name not in self._names:
                raise ValueError(f"there is no group {name!r}")
            self._refer(self._names[name])
        else:
            self._place -= 1
            ranges, named = self._read_part()
            self._add_atom(_write_class(ranges, named, negated=False))

    def _refer(self, number: int) -> None:
        if not 1 <= number <= max(self._names.values(), default=0):
            raise ValueError(f"there is no group {number}")
        self._decodable = False
        self._groups[-1].add(1, 0)
        self._write(rf"(?:\g<{number}>)")

    def _read_class(self) -> str:
        negated = self._take_if("^")
        ranges: Ranges = []
        named: list[str] = []
        while not self._take_if("]"):
            low, names = self._read_member()
            named += names
            # A hyphen at the end, or beside a class, is one.
            if self._text.startswith("-", self._place) and not self._text.startswith("-]", self._place) and _is_single(low):
                self._take()
                high, names = self._read_member()
                named += names
                if not _is_single(high):
                    ranges += [*low, (0x2D, 0x2D), *high]
                    continue
                if high[0][0] < low[0][0]:
                    raise ValueError(f"the range {chr(low[0][0])}-{chr(high[0][0])} runs backwards")
                low = [(low[0][0], high[0][0])]
            ranges += low
        return _write_class(ranges, named, negated=negated)

    def _read_member(self) -> tuple[Ranges, list[str]]:
        character = self._take()
        if character != "\\":
            return [(ord(character), ord(character))], []
        if self._take_if("b"):
            return [(8, 8)], []
        return self._read_part()

    def _read_part(self) -> tuple[Ranges, list[str]]:
        """Read what follows a backslash: one character, a class, or a property by its name."""
        character = self._take()
        if character.lower() in CLASSES:
            ranges = CLASSES[character.lower()]
            return (ranges if character.islower() else _complement(ranges)), []
        if character in "pP":
            if not self._take_if("{"):
                raise ValueError(f"\\{character} names no property of characters, as in \\p{{L}}")
            return [], [f"\\{character}{{{self._take_until('}')}}}"]
        code = self._read_code(character)
        return [(code, code)], []

    def _read_code(self, character: str) -> int:
        if character in CONTROLS:
            return ord(CONTROLS[character])
        if character == "c":
            letter = self._take()
            if not ("a" <= letter.lower() <= "z"):
                raise ValueError(f"\\c{letter} is no control character")
            return ord(letter) % 32
        if character == "x":
            return self._read_hex(2)
        if character == "u":
            if self._take_if("{"):
                digits = self._take_until("}")
                if not digits or not set(digits) <= HEX or int(digits, 16) > 0x10FFFF:
                    raise ValueError(f"\\u{{{digits}}} is no character")
                return int(digits, 16)
            code = self._read_hex(4)
            if 0xD800 <= code < 0xDC00 and self._take_if("\\u"):
                return 0x10000 + ((code - 0xD800) << 10) + (self._read_hex(4) - 0xDC00)
            return code
        if character.isascii() and character.isalnum():
            raise ValueError(f"the escape \\{character} means nothing in JavaScript")
        return ord(character)

    def _read_hex(self, count: int) -> int:
        digits = self._text[self._place : self._place + count]
        if len(digits) < count or not set(digits) <= HEX:
            raise ValueError(f"{digits!r} are not {count} hexadecimal digits")
        self._place += count
        return int(digits, 16)


def _list_groups(pattern: str) -> dict[str, int]:
    """Return the numbers of the groups by name; those without one are named by their number."""
    names: dict[str, int] = {}
    escaped = inside = False
    for place, character in enumerate(pattern):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif inside:
            inside = character != "]"
        elif character == "[":
            inside = True
        elif character == "(":
            start = next((start for start in ("(?<", "(?P<") if pattern.startswith(start, place)), "")
            name = pattern[place + len(start) :].partition(">")[0] if start else ""
            if (start and name[:1] not in {"=", "!"}) or not pattern.startswith("(?", place):
                names[name or str(len(names) + 1)] = len(names) + 1
    return names


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _is_single(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


def _complement(ranges: Ranges) -> Ranges:
    starts = [0, *(high + 1 for _, high in sorted(ranges))]
    ends = [*(low - 1 for low, _ in sorted(ranges)), 0x10FFFF]
    return [(low, high) for low, high in zip(starts, ends, strict=True) if low <= high]


def _write_class(ranges: Ranges, named: list[str], *, negated: bool) -> str:
    """Write a class of characters; an empty one matches nothing, its negation anything."""
    if not ranges and not named:
        return r"[\x00-\U0010ffff]" if negated else r"[^\x00-\U0010ffff]"
    if not negated and len(named) + len(ranges) == 1 and (named or _is_single(ranges)):
        return named[0] if named else _quote(ranges[0][0])
    inner = "".join(_quote(low) if low == high else f"{_quote(low)}-{_quote(high)}" for low, high in ranges)
    return f"[{'^' if negated else ''}{inner}{''.join(named)}]"


def _quote(code: int) -> str:
    """Write one character so that both engines read it as itself."""
    character = chr(code)
    if (character.isalnum() and character.isascii()) or character in "<>":  # Rust's \< is the edge of a word.
        return character
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}" if code > 0x7E or code < 0x20 else f"\\{character}"
