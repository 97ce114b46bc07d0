"""Charts: any summary gives finite places inside the picture, well-formed and escaped; what is shown is what was stored."""

import math
import re
from collections.abc import Mapping
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.comparison.arms import ARMS, BASELINES
from core.evaluation.charts.chart import render_charts
from core.evaluation.charts.drawing import draw_charts
from core.evaluation.charts.frontier import Offer, find_frontier
from core.evaluation.charts.reading import MarkReading
from core.evaluation.charts.scale import Scale, span_of_amounts
from core.evaluation.charts.scatter import choose_pair, count_wins, draw_scatter
from core.evaluation.charts.scene import measure, wrap

SVG = "{http://www.w3.org/2000/svg}"
NAMES = [*ARMS, *BASELINES, "gone_arm", "<b>&amp;"]
anything = st.one_of(
    st.floats(), st.floats(0, 1), st.none(), st.sampled_from([0, 1, -1, 10**400, True, "0.5", "<script>", math.nan, math.inf])
)
interval = st.one_of(st.fixed_dictionaries({"mean": anything, "low": anything, "high": anything}), anything)
texts = st.text(max_size=12) | st.sampled_from(["all", "<i>", "answer", "a" * 200])
arm = st.fixed_dictionaries(
    {"status": st.sampled_from(["ok", "ok", "ok", "baseline", "missing"])},
    optional={
        "n": anything, "primary": interval, "validity": interval, "schema_valid": anything, "latency_p50": anything,
        "fields": st.dictionaries(texts, anything, max_size=4) | anything, "draws": st.dictionaries(texts, anything, max_size=4),
    },
)  # fmt: skip
contrast = st.fixed_dictionaries(
    {"a": st.sampled_from(NAMES), "b": st.sampled_from(NAMES), "metric": st.sampled_from(["answer", "schema_valid"])},
    optional={"slice": texts, "difference": anything, "ci_low": anything, "ci_high": anything},
)
summaries = st.fixed_dictionaries(
    {"arms": st.dictionaries(st.sampled_from(NAMES), arm | anything, max_size=8)},
    optional={
        "primary_metric": texts, "margin": anything, "contrasts": st.lists(contrast, max_size=8) | anything,
        "slices": st.dictionaries(texts, st.dictionaries(st.sampled_from(NAMES), arm, max_size=3), max_size=3) | anything,
        "verdict": st.fixed_dictionaries({"arm": st.sampled_from([*NAMES, None])}) | anything,
    },
)  # fmt: skip
marks = st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0])


def make_board(pairs, arms=("base", "rag")):
    """A board of one cell an arm; None where the arm's answer is missing."""
    cells = [
        {arm: () if mark is None else (SimpleNamespace(mark=mark),) for arm, mark in zip(arms, pair, strict=True)}
        for pair in pairs
    ]
    return SimpleNamespace(arms=arms, rows=[SimpleNamespace(cells=each) for each in cells])


def check_picture(svg):
    """Every place is finite and inside the picture, which is well-formed, named and described."""
    root = ElementTree.fromstring(str(svg))
    _, _, width, height = map(float, root.get("viewBox").split())
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text
    assert root.find(f"{SVG}desc").text
    limits = {"x": width, "y": height}
    for node in root.iter():
        for name, value in node.attrib.items():
            if found := re.fullmatch(r"c?([xy])[12]?", name):
                assert 0 <= float(value) <= limits[found[1]], (name, value)
            elif name in {"width", "height", "r"} and node.tag != f"{SVG}svg":
                assert 0 <= float(value) <= max(width, height)
            elif name == "points":
                for point in value.split():
                    x, y = map(float, point.split(","))
                    assert 0 <= x <= width, point
                    assert 0 <= y <= height, point
        if node.tag == f"{SVG}rect":
            assert float(node.get("x")) + float(node.get("width")) <= width + 0.01
    return root


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(summary=summaries, pairs=st.lists(st.tuples(marks | st.none(), marks | st.none()), max_size=6))
def test_any_summary_is_drawn_inside_its_pictures(summary, pairs):
    for chart in draw_charts(summary, make_board(pairs)):
        assert chart.title
        assert chart.note
        if chart.svg:
            check_picture(chart.svg)
            assert chart.table.rows
            assert all(len(row.cells) == len(chart.table.columns) for row in chart.table.rows)
        else:
            assert not chart.table.rows


@given(texts=st.text(max_size=60), width=st.floats(20, 300))
def test_wrapped_lines_are_no_wider_than_their_room(texts, width):
    lines = wrap(texts, width)
    assert 1 <= len(lines) <= 2
    assert all(measure(line) <= width for line in lines)


@given(st.floats(-1e13, 1e13), st.floats(-100, 100), st.floats(0.001, 1000))
def test_a_scale_never_leaves_its_axis(number, low, length):
    assert 10 <= Scale(low, low + length, 10, 20).place(number) <= 20
    assert 10 <= Scale(low, low + length, 20, 10).place(number) <= 20


@given(st.lists(st.floats(0, 1e9), min_size=1))
def test_amounts_keep_their_order_on_the_axis(amounts):
    scale = span_of_amounts(amounts, 0, 100)
    places = [scale.place(amount) for amount in sorted(amounts)]
    assert places == sorted(places)
    assert len(scale.ticks()) <= 8


def make_summary(**arms):
    return {
        "primary_metric": "answer",
        "arms": {
            name: {
                "status": "ok",
                "n": 4,
                "primary": {"mean": mean, "low": mean / 2, "high": mean},
                "schema_valid": 0.5,
                "latency_p50": 1.0,
            }
            for name, mean in arms.items()
        },
        "slices": {},
        "contrasts": [],
        "verdict": {"state": "inconclusive", "arm": None, "sentence": ""},
    }


def find_chart(charts, name):
    return next(chart for chart in charts if chart.name == name)


def test_titles_stand_in_the_chart_and_internal_names_do_not():
    summary = make_summary(base=0.2, rag_examples=0.4)
    summary["contrasts"] = [
        {"a": "rag_examples", "b": "base", "metric": "answer", "slice": "all", "difference": 0.2, "ci_low": 0.1, "ci_high": 0.3}
    ]
    html = render_charts(draw_charts(summary))
    assert "Nearest examples \N{MINUS SIGN} Base model" in html
    assert "rag_examples" not in html
    assert "+0.20 (+0.10 to +0.30)" in html


def test_a_pair_is_filled_where_it_is_clear_of_0_and_hollow_where_it_is_not():
    summary = make_summary(base=0.2, rag=0.4)
    pair = {"a": "rag", "b": "base", "metric": "answer", "slice": "all", "difference": 0.2, "ci_low": -0.1, "ci_high": 0.3}
    hollow = check_picture(find_chart(draw_charts({**summary, "contrasts": [pair]}), "pairs").svg)
    filled = check_picture(find_chart(draw_charts({**summary, "contrasts": [{**pair, "ci_low": 0.1}]}), "pairs").svg)
    assert len(list(hollow.iter(f"{SVG}circle"))) == 1
    assert not list(hollow.iter(f"{SVG}polygon"))
    assert len(list(filled.iter(f"{SVG}polygon"))) == 1


def test_a_longer_bar_is_a_higher_mark():
    chart = find_chart(draw_charts(make_summary(base=0.2, rag=0.4, hybrid=0.8)), "marks")
    widths = [float(node.get("width")) for node in check_picture(chart.svg).iter(f"{SVG}rect")]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.1)
    assert widths[2] == pytest.approx(4 * widths[0], abs=0.1)


def test_what_cannot_be_drawn_is_said():
    charts = draw_charts(
        {**make_summary(base=0.2), "contrasts": [{"a": "rag", "b": "base", "metric": "answer", "slice": "all"}]}
    )
    assert not find_chart(charts, "pairs").svg
    assert "too few independent groups" in find_chart(charts, "pairs").note
    assert "too few independent groups" in render_charts(charts)
    assert draw_charts({}) == ()


def test_the_frontier_holds_what_no_other_beats():
    offers = [Offer("base", MarkReading(0.2), 1.0), Offer("rag", MarkReading(0.5), 2.0), Offer("qlora", MarkReading(0.4), 2.5)]
    offers.append(Offer("hybrid", MarkReading(0.5), 3.0))  # As good as `rag`, and dearer.
    assert [offer.arm for offer in find_frontier(offers)] == ["base", "rag"]


def test_two_approaches_are_counted_item_by_item():
    pairs = [(0.0, 1.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (None, 1.0)]
    chart = draw_scatter(make_board(pairs), "rag", "base")
    assert "better on 2, worse on 1, equal on 1 of 4 items" in chart.note
    assert ("1.00", "0.00", "2") in [row.cells for row in chart.table.rows]
    assert count_wins([(0.5, 0.5), (0.25, 0.75)]) == (0, 1, 1)
    assert "No item" in draw_scatter(make_board([(None, 1.0)]), "rag", "base").note


def test_the_first_pair_is_the_recommended_approach_and_its_simplest_rival():
    summary: Mapping = make_summary(base=0.2, rag=0.4, hybrid=0.8)
    assert choose_pair(summary, ("base", "rag", "hybrid")) == ("hybrid", "base")
    assert choose_pair({**summary, "verdict": {"arm": "base"}}, ("base", "rag", "hybrid")) == ("base", "rag")
    assert choose_pair(summary, ("base",)) is None


def test_hostile_names_are_escaped():
    summary = make_summary(**{"<script>alert(1)</script>": 0.4, "base": 0.2})
    summary["slices"] = {"<img src=x>": summary["arms"]}
    html = render_charts(draw_charts(summary))
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
