import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.tasks.wording import normalize, split_words

DISGUISES = {
    "zero-width characters": "How lo\u200bng\u2060 is\ufeff the no\u00adtice per\u200diod?",
    "Cyrillic look-alikes": "Hоw lоng is the nоtice реriod?",
    "Greek look-alikes": "Hοw lοng is τhe nοtice perιod?",
    "look-alike capitals": "ΗΟW LONG IS THE NОTIСE РERIОD",
    "accents": "Hôw löng ïs thé nótice périod?",
    "combining accents": "How lo\u0308ng is the no\u0301tice period",
    "full width": "Ｈｏｗ　ｌｏｎｇ is the notice period？",
    "mathematical letters": "𝐇𝐨𝐰 𝐥𝐨𝐧𝐠 is the notice period?",
    "punctuation": "How — long: is (the) “notice” period",
}


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_a_disguise_is_seen_through(disguise):
    assert normalize(disguise) == "how long is the notice period"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2+3", "2-3"),
        ("What is 1.5 plus 2?", "What is 15 plus 2?"),
        ("Is it 3-5 days?", "Is it 3.5 days?"),
        ("Is it -5 degrees?", "Is it 5 degrees?"),
        ("At 12:30?", "At 12 30?"),
        ("😀", "😡"),
        ("किताब", "कताब"),
        ("か", "が"),
        ("Москва", "Маска"),
        ("кот", "ком"),
    ],
)
def test_what_differs_stays_different(one, other):
    assert normalize(one) != normalize(other)


def test_dashes_are_one_and_a_minus_is_one():
    assert normalize("3–5 and −5") == normalize("3-5 and -5") == "3-5 and -5"
    assert normalize("well-known, page-5") == "well known page 5"


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
@example("A\u0393")  # Small, the second letter looks like a y.
def test_a_wording_is_its_own_wording(text):
    once = normalize(text)
    assert normalize(once) == once


@settings(deadline=None)
@given(st.text(alphabet="абвгдежзийклмнопрстухцчшщъыьэюя αβγδεζηθικλμνξοπρστυφχψω abcxyz", max_size=30))
def test_case_never_counts(text):
    words = " ".join(word for word in text.split() if len({_alphabet(letter) for letter in word}) == 1)
    assert normalize(words.upper()) == normalize(words)


def _alphabet(letter):
    return "latin" if letter < "\u0370" else "greek" if letter < "\u0400" else "cyrillic"


def test_scripts_without_spaces_give_a_word_for_each_sign():
    assert split_words(normalize("你好吗？ RAG")) == ["你", "好", "吗", "rag"]
