"""An answer beside the expected one, and the evidence in a passage."""

from hypothesis import given
from hypothesis import strategies as st
from run_files import answer_right, predict

from core.evaluation.board import mark_cell
from core.evaluation.causes import has_evidence
from core.evaluation.evidence_spans import find_quote, split_evidence
from core.evaluation.field_diff import ABSENT, compare_fields, diff_words, list_accepted
from core.values import Evidence, Example, Hit, Passage

ITEM = Example("i", "q", {"answer": "40 euros in May", "area": "pay", "sure": True}, accept={"answer": ["forty euros"]})


def cell(task, text, item=ITEM):
    return mark_cell(task, item, predict(task, "base", item, text))


@given(st.text(max_size=40), st.text(max_size=40))
def test_both_texts_can_be_read_from_the_pieces(given_text, expected):
    pieces = diff_words(given_text, expected)
    if pieces:
        assert "".join(piece.text for piece in pieces if piece.kind != "expected") == given_text
        # What is the same is written as it was given: case makes no difference.
        right = "".join(piece.text for piece in pieces if piece.kind != "given")
        assert right.lower() == expected.lower() or len(right.lower()) == len(expected.lower())


def test_words_are_marked_and_unlike_texts_are_not():
    pieces = diff_words("40 euros in June", "40 euros in May")
    assert [(piece.kind, piece.text) for piece in pieces] == [
        ("same", "40 euros in "), ("given", "June"), ("expected", "May")
    ]  # fmt: skip
    assert diff_words("zebra", "40 euros in May") == ()
    assert diff_words("same", "same") == ()
    assert diff_words("word " * 5000, "word " * 4999) == ()


def test_fields_stand_beside_the_expected_ones_and_equal_answers_once(task):
    cells = {
        "A": cell(task, '{"answer": "40 euros in June", "area": "pay", "sure": true, "extra": 1}'),
        "B": cell(task, answer_right(ITEM)),
        "C": cell(task, '{"answer": "forty euros", "area": "pay"}'),
        "D": cell(task, "no object"),
        "E": cell(task, answer_right(ITEM)),
    }
    fields = {field.name: field for field in compare_fields(task, ITEM, cells)}
    assert list(fields) == ["answer", "area", "sure", "extra"]
    answer = fields["answer"]
    assert answer.expected == "40 euros in May"
    assert [(names, diff.mark == 1, bool(diff.pieces)) for names, diff in answer.answers] == [
        (("A",), False, True),
        (("B", "E"), True, False),
        (("C",), True, False),  # Another accepted answer is right, so nothing is marked in it.
    ]
    assert [(names, diff.given) for names, diff in fields["sure"].answers][-1] == (("C",), ABSENT)
    assert [(names, diff.mark, diff.given) for names, diff in fields["extra"].answers] == [(("A",), None, "1")]
    assert fields["extra"].expected == ABSENT
    assert list_accepted(ITEM) == [("answer", "forty euros")]


def test_evidence_is_found_over_line_breaks_and_where_a_passage_cuts_it():
    quote = "The walrus bonus is 40 euros and is paid in May"
    for text in ("x\nThe walrus\nbonus is 40 euros  and is paid in May. y", "The walrus bonus is 40 euros and"):
        start, end = find_quote(text, quote)
        assert text[start:].startswith("The walrus")
        assert "".join(part for part, _ in split_evidence(text, [quote, quote])) == text
        assert [marked for _, marked in split_evidence(text, [quote])].count(True) == 1
    assert find_quote("Heron shifts start at noon", quote) is None
    assert find_quote("anything", "") is None
    assert split_evidence("", [quote]) == []


@given(st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), min_size=1, max_size=5))
def test_what_is_marked_is_what_counts_as_found(text, quote):
    passage = Passage("d", "", 0, len(" ".join(text)), " ".join(text))
    item = Example("i", "q", {}, evidence=(Evidence("d", " ".join(quote)),))
    assert (find_quote(passage.text, " ".join(quote)) is not None) == has_evidence(item, [Hit(passage, 1.0)])


def test_blanks_alone_make_no_likeness():
    assert diff_words("the 20% increase of it", "more than four in sum") == ()
