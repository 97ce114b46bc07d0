"""Marks on a scale and agreement over many answers."""

from random import Random

import pytest

from core.evaluation.ordinal import describe_ordinals, ordinal_mark, weighted_kappa

GRADES = ("poor", "fair", "good", "excellent", "superb")


@pytest.mark.parametrize(
    ("value", "expected", "scale", "mark"),
    [
        (3, 3, range(5), 1), (2, 3, range(5), 0.75), (0, 4, range(5), 0), (3.0, 3, range(5), 1), (2.5, 3, range(5), 0),
        (9, 3, range(5), 0), ("3", 3, range(5), 0), (True, 1, range(5), 0), (None, 1, range(5), 0), ([], 1, range(5), 0),
        ("fair", "good", GRADES, 0.75), ("poor", "superb", GRADES, 0), (" good ", "good", GRADES, 1), ("Good", "good", GRADES, 0),
        (10**320, 10**320 + 1, range(10**320, 10**320 + 3), 0.5), (0.5, 1, range(10**18), 0), (float("nan"), 1, range(5), 0),
    ],
)  # fmt: skip
def test_distance_over_range(value, expected, scale, mark):
    assert ordinal_mark(value, expected, scale) == mark


def test_kappa_has_scikit_learns_values():
    assert weighted_kappa([(0, 0), (1, 2), (2, 2), (3, 3), (1, 0), (2, 3)]) == pytest.approx(0.8)
    assert weighted_kappa([(1, 1), (1, 1)]) is None, "one step throughout: chance alone agrees"
    assert weighted_kappa([(0, 4), (4, 0)]) == -1
    assert weighted_kappa([]) is None


def test_kappa_against_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    random = Random(0)
    for size in range(2, 40):
        given, right = ([random.randrange(5) for _ in range(size)] for _ in range(2))
        theirs = metrics.cohen_kappa_score(given, right, weights="quadratic", labels=list(range(5)))
        assert weighted_kappa(list(zip(given, right, strict=True))) == pytest.approx(theirs, abs=1e-9)


def test_agreement_over_answers_counts_every_item():
    schema = {
        "type": "object",
        "properties": {
            "score": {"$ref": "#/$defs/score"},
            "grade": {"enum": [*GRADES, None], "x-score": "ordinal"},
            "note": {"type": "string"},
        },
        "$defs": {"score": {"type": "integer", "minimum": 0, "maximum": 4, "x-score": "ordinal"}},
    }
    expected = [
        {"score": 4, "grade": "good"},
        {"score": 2, "grade": None},
        {"score": 0, "grade": "poor"},
        {"score": 1, "grade": "fair"},
    ]
    answers = [{"score": 4, "grade": "fair"}, {"score": 3, "grade": "good"}, None, {"score": "1", "grade": "fair"}]
    found = describe_ordinals(schema, zip(answers, expected, strict=True))
    assert set(found) == {"score", "grade"}
    assert found["score"] == {"n": 4, "exact": 0.25, "within_one": 0.5, "kappa": pytest.approx(2 / 3), "rated": 2}
    assert (found["grade"]["n"], found["grade"]["exact"], found["grade"]["within_one"]) == (
        3,
        pytest.approx(1 / 3),
        pytest.approx(2 / 3),
    )
    empty = describe_ordinals(schema, [])
    assert empty["score"] == {"n": 0, "exact": None, "within_one": None, "kappa": None, "rated": 0}
