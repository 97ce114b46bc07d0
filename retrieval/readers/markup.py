"""Markup that people type, to markdown: reStructuredText, Org and LaTeX; only headings are rewritten, the rest stays."""

from __future__ import annotations

import re
from pathlib import Path

from retrieval.readers.limits import Limits, Text
from retrieval.readers.text import decode_text

RULE = r"(?:=+|-+|~+|\^+|\"+|'+|\*+|\++|#+|`+|:+|\.+|_+)"
ADORNED = re.compile(
    rf"(?<![^\n]\n)^(?:(?P<over>{RULE})\n)?(?P<title>[ ]?\S[^\n]*)\n(?P<under>{RULE})[ \t]*$", flags=re.MULTILINE
)
STARRED = re.compile(r"^(\*+)[ \t]+(?:(?:TODO|DONE)[ \t]+)?(\S[^\n]*)$", flags=re.MULTILINE)
ORG_TITLE = re.compile(r"^#\+title:[ \t]*(\S[^\n]*)$", flags=re.MULTILINE | re.IGNORECASE)
ORG_REMARK = re.compile(r"^[ \t]*#[ \t][^\n]*\n?", flags=re.MULTILINE)
TEX_LEVELS = ("part", "chapter", "section", "subsection", "subsubsection", "paragraph")
TEX_HEADING = re.compile(rf"\\({'|'.join(TEX_LEVELS)})\*?(?:\[[^\]\n]*\])?\{{([^{{}}\n]*)\}}")
TEX_TITLE = re.compile(r"\\title\{([^{}\n]*)\}")
TEX_REMARK = re.compile(r"(?<!\\)%[^\n]*")
TEX_BODY = re.compile(r"\\begin\{document\}(.*?)(?:\\end\{document\}|\Z)", flags=re.DOTALL)
TEX_MARKED = re.compile(r"\\(?:textbf|textit|texttt|textsc|emph|underline)\{([^{}\n]*)\}")
TEX_ESCAPED = re.compile(r"\\([%&$#_{}])")
SHORTEST_RULE = 3  # Characters of a line below a heading; two dots are an ellipsis that is missing one.


def read_rst(path: Path, limits: Limits) -> Text:
    """Read reStructuredText: a heading's level is the place at which its kind of line was met first."""
    seen: list[str] = []

    def mark(match: re.Match[str]) -> str:
        title, under, over = match["title"].strip(), match["under"], match["over"] or ""
        if len(under) < max(SHORTEST_RULE, len(title)) or (over and over != under):
            return match[0]
        kind = (over and under[0]) + under[0]
        if kind not in seen:
            seen.append(kind)
        return f"{'#' * min(seen.index(kind) + 1, 6)} {title}"

    return Text(ADORNED.sub(mark, decode_text(path.read_bytes())))


def read_org(path: Path, limits: Limits) -> Text:
    """Read an Org file; its remarks are left out, as in what Org exports."""
    text = decode_text(path.read_bytes())
    title = ORG_TITLE.search(text)
    text = STARRED.sub(lambda match: f"{'#' * min(len(match[1]), 6)} {match[2]}", ORG_REMARK.sub("", text))
    return Text(text, title=title[1].strip() if title else "")


def read_tex(path: Path, limits: Limits) -> Text:
    """Read LaTeX: the document's body without its remarks; what is bold or emphasised is plain text."""
    text = TEX_REMARK.sub("", decode_text(path.read_bytes()))
    title, body = TEX_TITLE.search(text), TEX_BODY.search(text)
    text = body[1].strip() if body else text
    used = [level for level in TEX_LEVELS if f"\\{level}{{" in text or f"\\{level}*{{" in text or f"\\{level}[" in text]
    text = TEX_HEADING.sub(lambda match: f"{'#' * (used.index(match[1]) + 1 if match[1] in used else 6)} {match[2]}", text)
    text = re.sub(r"\\item[ \t]+", "- ", TEX_ESCAPED.sub(r"\1", TEX_MARKED.sub(r"\1", text)))
    return Text(text, title=title[1].strip() if title else "")
