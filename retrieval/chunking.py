"""Cutting documents into passages that the embedder sees whole."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from core.values import Document, Passage
from retrieval.readers.headings import find_path, find_sections

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# A word of more than 100 characters is one unknown token to BERT's tokenizer: without a limit on characters,
# a file of base64 is one passage of one token. Prose has 4 to 6 characters per token.
CHARACTERS_PER_TOKEN = 16
# Within a line, what markdown takes for the border of an inline element, at which a paragraph is cut before it is
# cut at sentences: quotes and apostrophes too ("let | 's").
INLINE = re.compile(r"(?<=[^\n])['\"*_`\[\]<>&$~^\\]|(?<!-)--+(?=\w)|(?<=\w)--+|\.\.\.")
# Of them those that stand in people's sentences too, and are hidden in markdown as well ("each team's").
PROSE = re.compile(r"(?<=[^\n])['\"<>&$~^\\]|(?<!-)--+(?=\w)|(?<=\w)--+|\.\.\.")
MARKDOWN = {"", ".md", ".markdown", ".mdx"}  # Suffixes; documents that are no files are taken for markdown too.
# One or more headings with nothing below them, marked or underlined.
HEADINGS = re.compile(r"(?:[ ]{0,3}#{1,6}[ \t][^\n]*(?:\n\s*|\Z)|[^\s#>|-][^\n]*\n(?:=+|-{2,})[ \t]*(?:\n\s*|\Z))+")
WORD = re.compile(r"[^ \t\n\r]+")
# The splitter's time grows with the square of a text without marks of sentences: longer texts are split in blocks.
BLOCK = 50_000  # Characters, about twenty pages.
BORDERS = ("\n\n#", "\n\n", "\n", " ")  # Of blocks, the best first: a heading, a paragraph, a line, a word.


def split_document(document: Document, tokenizer: Tokenizer, *, max_tokens: int) -> list[Passage]:
    """Split at headings, paragraphs and sentences, in that order of preference; tables between their rows.

    Sizes are counted with the embedder's own tokenizer, because it drops text beyond its window silently. The title
    counts too, for it is embedded with each passage; one that is longer than half of the window is cut.

    Args:
        document: The document; `document.text[start:end] == passage.text` holds for every passage.
        tokenizer: The embedder's tokenizer, truncation off.
        max_tokens: The largest passage, title included, special tokens not.
    """
    title = _cut_title(document.title, tokenizer, max_tokens // 2)
    count = _make_counter(tokenizer)
    capacity = max(1, max_tokens - count(title) - 1)  # One for the line break after the title.
    cutter = _Cutter(count, max_tokens, capacity, _has_rows(document), _suffix(document) in MARKDOWN)
    whole = Passage(document.id, title, 0, len(document.text), document.text)
    passages = [passage for block in _blocks(whole) for passage in cutter.cut(block)]
    if not cutter.is_table:
        passages = list(_join_headings(passages, document.text, cutter))
    return [replace(passage, place=place) for passage, place in zip(passages, _find_places(document, passages), strict=True)]


def searchable_text(passage: Passage) -> str:
    """Return what is embedded and indexed: near-duplicate passages differ in their document's title."""
    return f"{passage.title}\n{passage.text}"


@dataclass(frozen=True, slots=True)
class _Cutter:
    """Cuts passages until each fits.

    Args:
        count: Counts a text's tokens.
        max_tokens: The largest passage, title included.
        capacity: The largest text of one.
        is_table: Whether lines are rows and cells, not markdown.
        is_markdown: Whether a person wrote the marks within lines; other kinds have headings and lists only.
    """

    count: Callable[[str], int]
    max_tokens: int
    capacity: int
    is_table: bool
    is_markdown: bool

    def cut(self, passage: Passage, *, shadow: str = "") -> Iterator[Passage]:
        """Yield the parts of a passage in order, without white space at their ends; `shadow` as of `_parts`."""
        from semantic_text_splitter import MarkdownSplitter, TextSplitter

        kind: Any = TextSplitter if self.is_table else MarkdownSplitter
        # Not `from_huggingface_tokenizer`: it copies the tokenizer, 0.1 s for every document.
        by_tokens = kind.from_callback(self.count, self.capacity, trim=True)
        most = CHARACTERS_PER_TOKEN * self.capacity
        # Other files hold stars and brackets by chance: they are hidden from the splitter, which would cut there.
        shadow = shadow or passage.text
        if not self.is_table:
            shadow = (PROSE if self.is_markdown else INLINE).sub(_hide, shadow)
        for part in _parts(passage, by_tokens, shadow):
            if len(part.text) > most:
                # Cut by characters, then by tokens once more: what is left of a giant word may be many tokens.
                pieces = _parts(part, TextSplitter(most))
                yield from (small for piece in pieces for small in _parts(piece, by_tokens))
            elif self.capacity > 1 and (excess := self.count(searchable_text(part)) - self.max_tokens) > 0:
                # Some tokenizers need more tokens for a whole than for its parts.
                yield from replace(self, capacity=max(1, self.capacity - excess)).cut(part)
            else:
                yield part


def _join_headings(passages: Sequence[Passage], text: str, cutter: _Cutter) -> Iterator[Passage]:
    """Yield the passages with each that is a heading alone at the head of the next one: it answers nothing by itself."""
    heading: Passage | None = None
    for passage in passages:
        if HEADINGS.fullmatch(passage.text):
            heading = replace(passage, start=heading.start, text=text[heading.start : passage.end]) if heading else passage
        elif heading is None:
            yield passage
        else:
            joined = replace(passage, start=heading.start, text=text[heading.start : passage.end])
            # Without its marks the splitter takes the heading for the beginning of the paragraph.
            yield from cutter.cut(joined, shadow=HEADINGS.sub(_blank, joined.text, count=1))
            heading = None
    if heading is not None:
        yield heading


def _blank(match: re.Match[str]) -> str:
    """Write a heading without marks and line ends, of the same length, its ends as they were."""
    return re.sub(r"[#=]", "\u00b7", match.group()).replace("\n", " ")


def _blocks(whole: Passage) -> Iterator[Passage]:
    """Yield a text in blocks of at most `BLOCK` characters, cut at the best border in their second half."""
    start, text = 0, whole.text
    while len(text) - start > BLOCK:
        places = (text.rfind(border, start + BLOCK // 2, start + BLOCK) for border in BORDERS)
        end = next((place for place in places if place >= 0), start + BLOCK)
        yield replace(whole, start=start, end=end, text=text[start:end])
        start = end
    yield replace(whole, start=start, text=text[start:])


def _parts(passage: Passage, splitter: Any, shadow: str = "") -> Iterator[Passage]:
    """Yield a passage's parts. The splitter reads `shadow`, a text of the same length, in place of the passage's."""
    for start, part in splitter.chunk_indices(shadow or passage.text):
        if part.strip():
            text = passage.text[start : start + len(part)]
            yield replace(passage, start=passage.start + start, end=passage.start + start + len(text), text=text)


def _hide(match: re.Match[str]) -> str:
    return "\u00b7" * len(match.group())  # A middle dot: one token, as what it stands for, and no mark of anything.


def _make_counter(tokenizer: Tokenizer) -> Callable[[str], int]:
    """Return a function that counts a text's tokens.

    Where white space always parts tokens, as in BERT's tokenizers, it adds up the counts of words and keeps those. The
    splitter asks for the same sentences again and again, and counting them whole was three quarters of indexing's own
    time (`benchmarks/LOG.md`).
    """
    added = (token.content for token in tokenizer.get_added_tokens_decoder().values())
    kinds = (type(tokenizer.normalizer).__name__, type(tokenizer.pre_tokenizer).__name__)
    if kinds != ("BertNormalizer", "BertPreTokenizer") or any(WORD.fullmatch(content) is None for content in added):
        return partial(_count, tokenizer)
    counted = _Counted(tokenizer)
    return lambda text: sum(map(counted.__getitem__, WORD.findall(text)))


class _Counted(dict[str, int]):
    """How many tokens each word has, counted when it is first asked for."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self._tokenizer = tokenizer

    def __missing__(self, word: str) -> int:
        count = self[word] = _count(self._tokenizer, word)
        return count


def _count(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode(text, add_special_tokens=False).ids)


def _cut_title(title: str, tokenizer: Tokenizer, most: int) -> str:
    """Cut a title after `most` tokens."""
    offsets = tokenizer.encode(title, add_special_tokens=False).offsets
    cut = title[: offsets[most][0]].rstrip() if len(offsets) > most else title
    # One unknown token may be a whole line: see `CHARACTERS_PER_TOKEN`.
    return cut[: CHARACTERS_PER_TOKEN * most]


def _has_rows(document: Document) -> bool:
    return bool(document.pages) and _suffix(document) != ".pdf"


def _suffix(document: Document) -> str:
    return PurePosixPath(document.origin).suffix.lower()


def _find_places(document: Document, passages: list[Passage]) -> Iterator[str]:
    """Yield where each passage stands: "page 3 · Bonus > Timing", "rows 4–6", "Pay > Bonus"."""
    unit = "row" if _has_rows(document) else "page"
    sections = [] if _has_rows(document) else find_sections(document.text)
    for passage in passages:
        path = find_path(document.text, sections, passage.start, passage.end) if sections else ()
        first, last = (bisect_right(document.pages, offset) for offset in (passage.start, passage.end - 1))
        number = f"{unit} {first}" if first == last else f"{unit}s {first}–{last}"
        yield " · ".join(part for part in (number if document.pages else "", " > ".join(path)) if part)
