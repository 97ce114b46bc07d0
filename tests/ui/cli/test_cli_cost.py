"""`ragft runs cost`: what a stored comparison's approaches cost, in the terminal and as JSON."""

import json

import pytest
from typer.testing import CliRunner

from core.comparison.runs import Run, save_run
from core.errors import LabError
from tests.summaries import RIGHT, WRONG, make_summary
from ui.cli.main import app

ITEMS = 12


@pytest.fixture
def run(settings, monkeypatch):
    monkeypatch.setenv("RAGFT_HOME", str(settings.home))
    answers = {"rag": [RIGHT] * 8 + [WRONG] * 4, "qlora": [RIGHT] * 6 + [WRONG] * 6}
    seconds = {"rag": [2.0 + n / 10 for n in range(ITEMS)], "qlora": [1.0 + n / 20 for n in range(ITEMS)]}
    record = Run("20260101-000000-made-abcd", "made", "ok", "2026-01-01", {}, {}, make_summary(answers, seconds))
    save_run(settings, record, {}, "")
    return record.id


def ask(*words):
    result = CliRunner().invoke(app, ["runs", "cost", *words])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_the_terminal_shows_what_it_takes_what_it_costs_and_what_weights_recommend(run):
    text = " ".join(
        ask(run, "--machine-hour", "2", "--label", "0.01", "--weight", "quality=1", "--weight", "latency=9").split()
    )
    assert "What it takes" in text
    assert "QLoRA costs less than RAG from about" in text
    assert "Prices: a machine hour 2," in text
    assert "With these weights (quality 0.10, latency 0.90): QLoRA" in text


def test_json_holds_prices_costs_break_even_curve_and_recommendation(run):
    value = json.loads(ask(run, "--json", "--updates", "0"))
    assert value["prices"]["updates"] == 0
    assert value["break_even"]["state"] == "from"
    assert value["arms"]["rag"]["right"]["mean"] > value["arms"]["rag"]["valid"]["mean"]
    assert value["curve"]["qlora"][-1][0] > value["break_even"]["queries"]
    assert set(value["recommendation"]) == {"arm", "worth", "switches", "left_out", "sentence", "uncounted"}


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--weight", "speed=1"], "no criterion 'speed'"),
        (["--weight", "latency"], "has no number"),
        (["--pair", "rag"], "A pair is two arms"),
        (["--queries", "0"], "queries a month"),
        (["--machine-hour", "-1"], "is -1"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(run, words, match):
    with pytest.raises(LabError, match=match):
        ask(run, *words)


def test_a_pair_that_did_not_answer_is_said(run):
    assert "No break-even: base and qlora did not both answer" in " ".join(ask(run, "--pair", "base,qlora").split())
