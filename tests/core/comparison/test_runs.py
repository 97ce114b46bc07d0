"""What a run's folder can hold."""

import pytest

from core.comparison.runs import Run, load_predictions, load_run, save_run
from core.values import Generation, Prediction


@pytest.mark.parametrize("value", [int("9" * 320), -(10**320), "a\u2028b\x00\n", "\u00e9\U0001f600", 5e-324, [[[[]]]], None])
def test_any_value_of_an_answer_can_be_stored(settings, value):
    assert store(settings, value, "<p>") == value


def test_half_a_surrogate_pair_is_replaced_and_what_was_written_stays(settings):
    assert store(settings, {"\udc80": "a\ud800b"}, "<p>\ud800") == {"\ufffd": "a\ufffdb"}
    assert load_predictions(settings, "r")[0].generation.text == r"\ud800"


def store(settings, value, report):
    """Store a run whose one answer and whose summary hold a value; returns the value as it is read back."""
    prediction = Prediction("base", "x", (), Generation(r"\ud800", 1, 1, 0.1, 0.1, "stop"), value, (), "strict", adapter="a")
    run = Run("r", "t", "ok", "2026", config={}, environment={}, summary={"value": value})
    save_run(settings, run, {"base": [prediction]}, report)
    (back,) = load_predictions(settings, "r")
    assert load_run(settings, "r").summary["value"] == back.value
    assert back.adapter == "a"
    return back.value
