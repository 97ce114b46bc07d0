import pytest

from core.evaluation.scoring import multiset_f1, normalize_text, score_answer, token_f1


def test_token_f1_counts_multisets_not_sets():
    assert token_f1("yes yes yes", "yes") == pytest.approx(0.5)
    assert token_f1("The 12 working days.", "12 working days") == 1.0
    assert token_f1("12 months", "13 months") == 0.0, "a right unit with a wrong number is a wrong answer"
    assert token_f1("EUR 1,450", "EUR 1,450 a month") == pytest.approx(0.8)
    assert multiset_f1([], []) == 1.0
    assert multiset_f1(["a"], []) == 0.0
    assert normalize_text("An  Owl, the  sea!") == "owl sea"


def test_fields_are_marked_by_their_rule():
    schema = {
        "properties": {
            "text": {"type": "string"},
            "code": {"enum": ["A", "B"]},
            "number": {"type": "number", "x-tolerance": 0.5},
            "tags": {"type": "array", "items": {"type": "string"}},
            "flag": {"type": "boolean"},
            "note": {"type": "string", "x-score": "ignore"},
        }
    }
    expected = {"text": "a big boat", "code": "A", "number": 2.0, "tags": ["x", "y"], "flag": True, "note": "?"}
    given = {"text": "boat", "code": "A", "number": 2.4, "tags": ["y", "z"], "flag": 1}
    score = score_answer(given, expected, schema)
    assert score.fields == pytest.approx({"text": 2 / 3, "code": 1, "number": 1, "tags": 0.5, "flag": 0})
    assert score.exact == 0
    assert score_answer(expected, expected, schema).exact == 1


@pytest.mark.parametrize("value", [None, [], "text", 3, {}])
def test_an_unreadable_answer_scores_zero_never_raises(value):
    schema = {"properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}
    assert score_answer(value, {"a": None}, schema).score == 0


def test_null_is_right_only_where_null_is_expected():
    schema = {"properties": {"a": {"type": ["string", "null"]}}}
    assert score_answer({"a": None}, {"a": None}, schema).score == 1
    assert score_answer({"a": None}, {"a": "x"}, schema).score == 0
    assert score_answer({"a": "x"}, {"a": None}, schema).score == 0
