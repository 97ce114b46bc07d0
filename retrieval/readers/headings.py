"""The headings of a markdown text: where each stands, the path that leads to it, and which one is the title."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Each alternative reads its line once: what ends a title is stripped afterwards.
HEADING = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)$"
    r"|^ {0,3}(?P<marks>#{1,6})[ \t]+(?P<title>\S[^\n]*)$"
    r"|^(?P<underlined>[^\s#>|`~+*-][^\n]*)\n {0,3}(?P<line>=+|-{3,})[ \t]*$",
    flags=re.MULTILINE,
)
# What may stand above a text for programs: lines of `key: value`, lists and remarks between two rules.
FRONT = re.compile(
    r"\A(?:---[ \t]*\n(?P<yaml>(?:(?!---[ \t]*$|\.\.\.[ \t]*$)(?:\n|[ \t#-][^\n]*\n|[\w.\"'][^\n:]*:[^\n]*\n))*)(?:---|\.\.\.)"
    r"|\+\+\+[ \t]*\n(?P<toml>(?:(?!\+\+\+)[^\n]*\n)*)\+\+\+)[ \t]*$",
    flags=re.MULTILINE,
)
FRONT_TITLE = re.compile(r"^title[ \t]*[:=][ \t]*(?P<quote>[\"']?)(?P<title>\S[^\n]*?)(?P=quote)[ \t]*$", flags=re.MULTILINE)
MAX_TITLE = 80  # Characters of a heading in a path; more would not fit above a passage.
MAX_READ = 500  # Characters of a heading that are looked at, since nobody sees the rest.


@dataclass(frozen=True, slots=True)
class Section:
    """The text under one heading. `heading` is where that stands, `start` where the text begins, `path` leads to it."""

    heading: int
    start: int
    path: tuple[str, ...]


def find_sections(text: str) -> list[Section]:
    """Return the sections of a markdown text in order; the first one, without a heading, begins at 0."""
    sections = [Section(0, 0, ())]
    stack: list[tuple[int, str]] = []
    for heading, end, level, title in _find_headings(text):
        stack = [(above, name) for above, name in stack if above < level] + [(level, title)]
        sections.append(Section(heading, end, tuple(name for _, name in stack)))
    return sections


def find_title(text: str) -> str:
    """Return what a markdown text is called: what its front matter says, else its first heading of the first level."""
    front = FRONT.match(text)
    said = FRONT_TITLE.search(front["yaml"] or front["toml"] or "") if front else None
    if said and len(said["title"]) <= MAX_READ:
        return said["title"]
    return next((title for _, _, level, title in _find_headings(text) if level == 1), "")


def find_path(text: str, sections: Sequence[Section], start: int, end: int) -> tuple[str, ...]:
    """Return the headings that all of `text[start:end]` stands under; of a span of headings only, the last one's path."""
    first = max(0, bisect_right(sections, start, key=lambda section: section.heading) - 1)
    last = max(first + 1, bisect_right(sections, end - 1, key=lambda section: section.heading))
    ends = [section.heading for section in sections[first + 1 : last]] + [end]
    within = sections[first:last]
    filled = [
        section.path
        for section, stop in zip(within, ends, strict=True)
        if text[max(section.start, start) : min(stop, end)].strip()
    ]
    if not filled:
        return within[-1].path
    shared = filled[0]
    for path in filled[1:]:
        length = next(
            (place for place, (a, b) in enumerate(zip(shared, path, strict=False)) if a != b), min(len(shared), len(path))
        )
        shared = shared[:length]
    return shared


def _find_headings(text: str) -> Iterator[tuple[int, int, int, str]]:
    """Yield (start, end, level, title); lines in fenced code and in front matter are none."""
    fence, front = "", FRONT.match(text)
    for match in HEADING.finditer(text, front.end() if front else 0):
        mark = match["fence"]
        if mark:
            if not fence:
                fence = "" if mark[0] == "`" and "`" in match["info"] else mark  # "```code```" is inline code.
            elif mark.startswith(fence) and not match["info"].strip():
                fence = ""
        elif not fence:
            level = len(match["marks"] or "") or (1 if match["line"].startswith("=") else 2)
            yield match.start(), match.end(), level, _shorten(_strip_marks(match["title"] or "") or match["underlined"])


def _strip_marks(title: str) -> str:
    """Leave out the marks that close a heading: they stand apart from its words."""
    words = title.rstrip(" \t").rstrip("#")
    return words.rstrip(" \t") if words.endswith((" ", "\t")) else title


def _shorten(title: str) -> str:
    bare = re.sub(r"[*_`]{1,3}(\S(?:.*?\S)?)[*_`]{1,3}", r"\1", " ".join(title[:MAX_READ].split()))
    return bare if len(bare) <= MAX_TITLE else bare[: MAX_TITLE - 1].rstrip() + "…"
