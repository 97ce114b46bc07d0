"""PDF to text: pages, paragraphs mended over line ends, headings from the document's own outline."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retrieval.readers.limits import Limits, Text, UnreadableFile
from retrieval.readers.pdf_pages import is_garbled, open_form, read_fields
from retrieval.readers.text import CONTROL, clean_text

SOFT_HYPHEN = "\x02"  # PDFium writes it for a hyphen at a line's end, joins the lines, and cannot tell self-service.
INVISIBLE = str.maketrans({SOFT_HYPHEN: None, "\xad": None, "\ufffe": None, "\uffff": None, "\xa0": " "})
HYPHENS = frozenset("-\x02\xad\ufffe\uffff")
FARTHEST = 500  # Letters that may lie between two lines which are found: text that only one way of reading gives.
LEAST_LINE = 4  # Letters of a line that is looked for farther on; a shorter one stands anywhere.
LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st"}
)
NEW_ITEM = re.compile(r"[-*\u2022\u25cf\u25aa\u2013]\s|\(?(\d{1,3}|[a-zA-Z])[.)]\s|\d+(\.\d+)+\s")
NUMBERING = re.compile(r"^(chapter\s+|section\s+)?[\divxlc]+(\.\d+)*[.:)]?\s+", flags=re.IGNORECASE)
FULL_LINE = 0.75  # Of the length of long lines: a line that ends before ends its paragraph.
LONG_LINES = 0.8  # The quantile of a page's line lengths that is called long; the longest may be a running title.
FIRST_IDEOGRAPH = "\u2e80"  # From here on (Chinese, Japanese) lines are joined without a space.
MAX_HEADINGS = 5000  # Of an outline that are read; no book has more.
PASSWORD_ERROR = 4  # PDFium's number for a file that is protected by a password.
SECURITY_ERROR = 5  # And for one that is protected in a way it does not know.
SECURITY = "It is protected in a way that cannot be opened: save it without protection."
OUTLINE_DEPTH = 5  # Levels of headings; markdown has six.


def read_pdf(path: Path, limits: Limits) -> Text:
    """Read a PDF's text page by page; pages that are pictures are named in the note."""
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise UnreadableFile(_explain(error)) from error
    if len(pdf) > limits.pages:
        raise UnreadableFile(f"It has {len(pdf):,} pages; the limit is {limits.pages:,}: split it.")
    form = open_form(pdf)
    headings = _read_outline(pdf)
    pages, pictures, broken, garbled = [], [], [], []
    for number in range(len(pdf)):
        try:
            page = pdf[number]
            textpage = page.get_textpage()
            lines = _read_lines(textpage).translate(INVISIBLE).translate(LIGATURES)
            fields = read_fields(page, form)
        except pypdfium2.PdfiumError:
            broken.append(number + 1)
            pages.append("")
            continue
        if is_garbled(textpage):
            garbled.append(number + 1)
            lines = ""
        text = _mend(CONTROL.sub("", clean_text(lines)), headings.get(number, {}))
        pages.append("\n\n".join(filter(None, [text, CONTROL.sub("", clean_text("\n".join(fields)))])))
        if not pages[-1] and number + 1 not in garbled and _has_picture(page):
            pictures.append(number + 1)
    offsets = tuple(itertools.accumulate((len(page) + 2 for page in pages), initial=0))[: len(pages)]
    return Text("\n\n".join(pages), offsets=offsets, note=_describe(len(pages), pictures, broken, garbled))


def _read_lines(page: Any) -> str:
    """Return a page's text with its line ends.

    PDFium reads a page in two ways. The text within the page's bounds lacks line ends in some files, which glues the numbers
    of two rows; the text of all characters has them, but also what lies outside the page. Where both hold the same letters
    the second is taken, else its line ends are put into the first.
    """
    within, everything = page.get_text_bounded(), page.get_text_range()
    if "".join(within.split()) == "".join(everything.split()):
        return str(everything)
    return _put_breaks(within, everything.split("\n"))


def _put_breaks(text: str, lines: Sequence[str]) -> str:
    """Return a text with a line end after each of the lines that stand in it, in order; hyphens are not compared."""
    places = [place for place, letter in enumerate(text) if not letter.isspace() and letter not in HYPHENS]
    letters, position, ends = "".join(text[place] for place in places), 0, []
    for line in lines:
        sought = "".join(letter for letter in line if not letter.isspace() and letter not in HYPHENS)
        found = letters.find(sought, position, position + len(sought) + FARTHEST) if sought else -1
        if found >= 0 and (found == position or len(sought) >= LEAST_LINE):
            position = found + len(sought)
            ends.append(position)
    parts, start = [], 0
    for end in ends:
        stop = places[end - 1] + 1
        following = places[end] if end < len(places) else len(text)
        gap = text[stop:following]
        if "\n" not in gap and not set(gap) & HYPHENS:  # After a hyphen PDFium has joined the lines already.
            parts += [text[start:stop], "\n"]
            start = stop
    return "".join([*parts, text[start:]])


def _explain(error: Any) -> str:
    if error.err_code == PASSWORD_ERROR:
        return "It is protected by a password: save it without one."
    return SECURITY if error.err_code == SECURITY_ERROR else "It is no PDF, or a damaged one."


def _describe(total: int, pictures: Sequence[int], broken: Sequence[int], garbled: Sequence[int]) -> str:
    """Say which pages gave no text; empty when there is nothing to say."""
    parts = []
    if pictures:
        parts.append(f"{_name_pages(pictures, total)} without text (scanned?): run text recognition (OCR) first.")
    if broken:
        parts.append(f"{_name_pages(broken, total, what='damaged')}.")
    if garbled:
        what = f"{_name_pages(garbled, total, what='garbled')}: the fonts do not say which letters they show"
        parts.append(f"{what}; run text recognition (OCR) first.")
    return " ".join(parts)


def _name_pages(numbers: Sequence[int], total: int, *, what: str = "images") -> str:
    if len(numbers) == total:
        return f"All its pages are {what}" if total > 1 else f"Its only page is {what if what != 'images' else 'an image'}"
    if len(numbers) == 1:
        return f"Page {numbers[0]} is {what if what != 'images' else 'an image'}"
    some = ", ".join(map(str, numbers[:10])) + (f" and {len(numbers) - 10} more" if len(numbers) > 10 else "")
    return f"Pages {some} are {what}"


def _has_picture(page: Any) -> bool:
    import pypdfium2.raw

    return next(iter(page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE], max_depth=3)), None) is not None


def _read_outline(pdf: Any) -> dict[int, dict[str, int]]:
    """Return the outline's titles by page number (from 0), each with its level (from 1)."""
    headings: dict[int, dict[str, int]] = {}
    for bookmark in itertools.islice(pdf.get_toc(max_depth=OUTLINE_DEPTH), MAX_HEADINGS):
        dest = bookmark.get_dest()
        page = dest.get_index() if dest else None
        if page is not None and bookmark.get_title():
            headings.setdefault(page, {})[_bare(bookmark.get_title())] = bookmark.level + 1
    return headings


def _bare(title: str) -> str:
    """Return a heading without its number, case and spacing: outlines and pages write them differently."""
    return re.sub(r"\s+", "", NUMBERING.sub("", " ".join(title.split()))).casefold()


def _mend(text: str, headings: dict[str, int]) -> str:
    """Join the lines of a paragraph and mark headings.

    A PDF knows lines only, and a sentence that is cut at each of its lines gives poor passages. So a line goes on in
    the next one, unless it ends well before the others do or the next one begins an item.
    """
    lines = [" ".join(line.split()) for line in text.split("\n")]
    lengths = sorted(len(line) for line in lines if line)
    full = FULL_LINE * lengths[int(LONG_LINES * (len(lengths) - 1))] if lengths else 0
    parts: list[str] = []
    before = ""
    for line in lines:
        level = headings.get(_bare(line))
        if level and line:
            parts.append(f"\n\n{'#' * min(level, 6)} {line}\n\n")
            before = ""
            continue
        goes_on = before and line and len(before) >= full and not NEW_ITEM.match(line)
        parts += [_joint(before, line) if goes_on else "\n" if before else "", line]
        before = line
    return re.sub(r"\n{3,}", "\n\n", "".join(parts)).strip()


def _joint(before: str, line: str) -> str:
    """Return what stands between two lines of a paragraph: nothing in scripts without spaces."""
    return "" if before[-1] >= FIRST_IDEOGRAPH and line[0] >= FIRST_IDEOGRAPH else " "
