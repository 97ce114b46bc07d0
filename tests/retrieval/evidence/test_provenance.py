import time

import pytest

from core.values import Passage
from retrieval.evidence.provenance import FieldSupport, locate_answer
from retrieval.search.words import find_words

PAY = "The walrus bonus is 40 euros; it is paid in May. Grade 4.5 gets 1,500 euros. Zürich: 7 %, since 2014."
TIME = "A break lasts twenty-five minutes. Two keepers are not needed on Sundays. Anna Meier chairs the committee."
PASSAGES = [Passage("pay", "Pay", 100, 100 + len(PAY), PAY), Passage("time", "Time", 7, 7 + len(TIME), TIME)]
TEXT = {"type": "object", "properties": {"a": {"type": ["string", "number", "null"]}}}


def locate(value, passages=PASSAGES):
    return locate_answer({"a": value}, passages, TEXT)[0]


def quote(support, passages=PASSAGES):
    passage = passages[support.passage]
    assert support.document == passage.document
    return passage.text[support.start - passage.start : support.end - passage.start]


@pytest.mark.parametrize(
    ("value", "how", "found"),
    [
        ("40 euros", "exact", "40 euros"),
        (40, "exact", "40"),
        ("paid in May", "exact", "paid in May"),
        ("Paid, in  MAY", "normalised", "paid in May"),
        ("the Walrus Bonus", "normalised", "walrus bonus"),
        ("Zurich", "normalised", "Zürich"),
        (1500, "normalised", "1,500"),
        (1500.0, "normalised", "1,500"),
        ("1 500 euros".replace(" ", "\u202f", 1), "normalised", "1,500 euros"),
        ("1.500 euros", "normalised", "1,500 euros"),
        (4.5, "exact", "4.5"),
        ("4,5", "normalised", "4.5"),
        ("7 percent", "normalised", "7 %"),
        (2, "normalised", "Two"),
        (25, "normalised", "twenty-five"),
        ("25 minutes", "normalised", "twenty-five minutes"),
        ("ｗａｌｒｕｓ", "normalised", "walrus"),
        ("A break lasts twenty-five minute", "fuzzy", "A break lasts twenty-five minutes"),
        ("walrus bonus is only 40 euros", "fuzzy", "walrus bonus is 40 euros"),
        ("comittee", "fuzzy", "committee"),
    ],
)
def test_values_are_found(value, how, found):
    support = locate(value)
    assert (support.status, support.how) == ("supported", how)
    assert quote(support) == found
    assert (support.score == 1.0) is (how != "fuzzy")


@pytest.mark.parametrize(
    "value",
    [
        4, 0, 5, 20, 14, 201, 15, 45, -40, 1, "4", "4 euros", "41 euros", "euro 40s", "paid in June", "walrus bonus is 50 euros",
        "Two keepers are needed on Sundays", "it is not paid in May", "Anna Mayer", "Bob", "bon", "a wholly other sentence here",
        "walrus bonus is paid monthly", "the walrus bonus is paid", "Grade 4.5 gets euros", 1.5, "1.5 euros", -7, "-40 euros",
    ],
)  # fmt: skip
def test_values_are_not_found(value):
    support = locate(value)
    assert (support.status, support.how, support.passage, support.document) == ("unsupported", "", -1, "")
    assert support.score < 0.75


def test_labels_truths_and_nothing_are_not_checked():
    schema = {
        "$defs": {"area": {"enum": ["May", "none"]}},
        "properties": {
            "area": {"$ref": "#/$defs/area"},
            "maybe": {"anyOf": [{"enum": ["May"]}, {"type": "null"}]},
            "areas": {"type": "array", "items": {"allOf": [{"$ref": "#/$defs/area"}]}},
            "kind": {"const": "May"},
            "free": {"type": "string"},
        },
    }
    value = {
        "area": "May",
        "maybe": "May",
        "areas": ["May"],
        "kind": "May",
        "sure": True,
        "gone": None,
        "empty": " ",
        "free": "May",
    }
    found = {support.pointer: support.status for support in locate_answer(value, PASSAGES, schema)}
    assert found.pop("/free") == "supported"
    assert set(found) == {"/area", "/maybe", "/areas/0", "/kind", "/sure", "/gone", "/empty"}
    assert set(found.values()) == {"not checked"}


def test_a_word_outside_the_enum_is_checked():
    schema = {"properties": {"area": {"enum": ["pay", "time"]}}}
    assert locate_answer({"area": "finance"}, PASSAGES, schema)[0].status == "unsupported"


def test_every_leaf_has_its_pointer():
    value = {"a/b": [{"x~y": "40 euros"}, "May"], "n": {"m": 2014}, "none": [], "empty": {}}
    assert [(support.pointer, support.status) for support in locate_answer(value, PASSAGES, {})] == [
        ("/a~1b/0/x~0y", "supported"),
        ("/a~1b/1", "supported"),
        ("/n/m", "supported"),
    ]
    assert locate_answer("May", PASSAGES, {})[0].pointer == ""


def test_recursive_schemas_end():
    schema = {"$ref": "#", "properties": {"child": {"$ref": "#"}, "name": {"enum": ["May"]}}}
    value = {"child": {"child": {"name": "May"}}}
    assert locate_answer(value, PASSAGES, schema) == [FieldSupport("/child/child/name", "not checked")]


def test_an_exact_place_beats_a_normalised_one_in_a_better_passage():
    passages = [Passage("x", "", 0, 8, "the KELP"), Passage("y", "", 5, 13, "the kelp")]
    assert locate("kelp", passages).document == "y"
    assert locate("Kelp", passages).document == "x"


def test_scripts_without_spaces():
    passages = [Passage("x", "", 3, 14, "海浪和海带在这里漂流四。")]
    support = locate("海带", passages)
    assert (support.start, support.end) == (6, 8)
    assert locate("海草", passages).status == "unsupported"


def test_a_document_that_was_read_may_be_cited():
    assert locate("time") == FieldSupport("/a", "supported", "exact", 1, "time", 7, 7 + len(TIME), 1.0)
    assert locate("relocation").status == "unsupported"


def test_no_passages_support_nothing():
    assert locate_answer({"a": "May", "b": 3}, [], {}) == [FieldSupport("/a", "unsupported"), FieldSupport("/b", "unsupported")]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("1.500", {"1.5", "1500"}), ("1,500", {"1500"}), ("-1,500", {"-1500"}), ("1,50", {"1.5"}), ("0,500", {"0.5"}), ("1,234.50", {"1234.5"}), ("1.234,5", {"1234.5"}), ("-3", {"-3"}), ("\u22123", {"-3"}),
        ("07", {"07"}), ("0.5", {"0.5"}), ("40.0", {"40"}), ("v2", {"v2"}), ("4th", {"4th"}), ("1'000", {"1000"}),
        ("1.2.3", {"1.2.3"}), ("٣", {"3"}),
    ],
)  # fmt: skip
def test_readings_of_numbers(text, keys):
    assert [word.keys for word in find_words(text)] == [frozenset(keys)]


def test_a_range_is_no_negative_number():
    assert [sorted(word.keys) for word in find_words("GPT-4, 2-3 (-5)")] == [["gpt"], ["4"], ["2"], ["3"], ["-5"]]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-20, "A fee of 10-20 euros"), ("-20 euros", "A fee of 10-20 euros"), (-34, "Tel 12-34"), ("-34", "Tel 12-34"),
        ("bonus is paid monthly", "The bonus is paid in May."), (1.5, "It gets 1,500 euros"),
        ("the bonus is paid to Anna in May", "The bonus is paid to Bob in May"),
    ],
)  # fmt: skip
def test_what_only_looks_alike_is_no_evidence(value, text):
    assert locate(value, [Passage("d", "", 0, len(text), text)]).status == "unsupported"


def test_a_negative_number_is_found_where_it_is_one():
    assert locate(-20, [Passage("d", "", 0, 17, "It was -20 there")]).how == "exact"


def test_a_long_text_is_found_to_its_end():
    text = " ".join(f"kelp{n}a floats" for n in range(60))
    passages = [Passage("d", "", 0, len(text), text)]
    assert locate(text.upper(), passages).how == "normalised"
    assert locate(f"{text.upper()} and more invented words", passages).status == "unsupported"
    assert locate(text + " and sinks" * 30, passages).status == "unsupported"
    nearly = locate(f"{text} only", passages)
    assert (nearly.how, nearly.start, nearly.end) == ("fuzzy", 0, len(text))


def test_long_answers_stay_fast():
    text = " ".join(f"word{n % 97} kelp{n % 89}" for n in range(150))
    passages = [Passage(str(n), "", 0, len(text), text) for n in range(5)]
    began = time.perf_counter()
    locate_answer({f"f{n}": "other words that stand nowhere at all " * 10 for n in range(3)}, passages, {})
    assert time.perf_counter() - began < 5
