"""The Learn tab's pictures, tables and articles: what they show is what was computed."""

import re

import pytest

from core.errors import LabError
from finetune.plan.shapes import KNOWN
from lab.lab import Lab
from lab.learn.matrices import make_normal
from lab.learn.measured import read_measured
from lab.learn.memory import MeasuredPeak, Setup
from lab.learn.updates import BUNDLED_FULL
from ui.page.learn.alpha_panel import describe_alpha, render_alpha
from ui.page.learn.articles import ARTICLES, list_articles, read_article
from ui.page.learn.bits import STAGES, read_weights, render_block, render_rounding, take_block
from ui.page.learn.choice_panel import render_choice
from ui.page.learn.counts import render_counts
from ui.page.learn.learning import STARTS, STEPS, compare_starts, follow_learning, plot_starts, render_learning
from ui.page.learn.memory_view import render_memory
from ui.page.learn.plot import Axes, PlotLine, list_ticks, render_plot
from ui.page.learn.rag_panel import offer_questions
from ui.page.learn.story import list_sections, render_contents, render_foot, render_head
from ui.page.learn.update_panel import choose_update

LORA, RANDOM, ZERO = STARTS


def test_the_first_example_of_lora():
    html = render_counts(4096, 4096, 1)
    assert "16,777,216" in html
    assert "<b>8,192</b>" in html
    assert "2,048 times fewer" in html
    assert "16,384" in render_counts(4096, 4096, 2)
    assert "no fewer" in render_counts(64, 64, 64)
    assert "1.0 times fewer" in render_counts(64, 64, 31)
    assert "16 times fewer" in render_counts(64, 64, 2)
    with pytest.raises(LabError, match="r is 65"):
        render_counts(64, 128, 65)


def test_the_picture_follows_r():
    def thickness(rank):
        sides = re.findall(r'width="([\d.]+)" height="([\d.]+)" class="trained"', render_counts(4096, 4096, rank))
        return [tuple(map(float, side)) for side in sides]  # The share of W, then B, then A.

    one, many = thickness(1), thickness(64)
    for (width, height), (wider, higher) in zip(one, many, strict=True):
        assert wider * higher > 4 * width * height
    share = many[0][0] * many[0][1] / 110**2
    assert share == pytest.approx(64 * 2 / 4096, rel=0.02)  # To scale: the corner's area is the share of trained numbers.


def test_every_section_says_what_to_notice_and_what_to_say():
    sections = list_sections()
    contents = render_contents()
    for section in sections:
        assert f'href="#learn-{section.id}"' in contents
        assert f'id="learn-{section.id}"' in render_head(section)
        assert section.notice
        if section.id != "articles":
            assert section.say in render_foot(section).unescape()
            assert section.sources
            assert (ARTICLES / f"{section.article}.md").is_file()
    said = " ".join(section.say for section in sections)
    assert "16,777,216" in said
    assert "8,192" in said
    assert "4.127" in said


def test_learning_starts_from_the_base_with_a_gradient_for_b_alone():
    weight, steps = follow_learning(2, LORA, 0)
    assert len(steps) == STEPS + 1
    html = render_learning(weight, steps, 0)
    assert "<b>0.000</b> Gradient of A" in html
    assert "<b>0.000</b> Gradient of B" not in html
    assert "-0.00" not in html
    assert "only B has moved" in render_learning(weight, steps, 1)
    assert "both matrices have moved" in render_learning(weight, steps, 2)
    assert steps[-1].loss < 0.05 * steps[0].loss  # The wanted change has rank 2, so r = 2 can learn it.


@pytest.mark.parametrize("seed", range(0, 21, 4))
def test_every_seed_learns_and_a_smaller_rank_cannot_learn_it_all(seed):
    losses = [follow_learning(rank, LORA, seed)[1][-1].loss for rank in (1, 2, 4)]
    assert max(losses) < follow_learning(2, LORA, seed)[1][0].loss
    assert losses[1] < losses[0]


def test_the_three_starts_differ_in_where_they_begin_and_whether_they_learn():
    lora, random, zero = (follow_learning(2, start, 0)[1] for start in STARTS)
    assert lora[0].loss == zero[0].loss != random[0].loss
    assert zero[-1].loss == zero[0].loss
    table = compare_starts(2, 0)
    assert table.count("at the base model") == 2
    assert table.count(">nothing<") == 1
    assert plot_starts(2, 0, 3).count('<path class="line') == 6  # Three lines and their three marks in the legend.
    with pytest.raises(LabError, match="sideways"):
        follow_learning(2, "sideways", 0)


def test_rank_1_keeps_a_part_of_the_loss_and_says_how_much():
    weight, steps = follow_learning(1, LORA, 0)
    share = steps[-1].loss / steps[0].loss
    assert share > 0.1
    assert f"now {share:.0%} of the first" in render_learning(weight, steps, STEPS)


def test_a_block_is_stored_restored_and_multiplied_step_by_step():
    html = render_block("0.5, 0.2 -0.01")
    assert "<b>0.5</b> absmax" in html
    assert "0.4407" in html  # The worked example of the article on NF4: 0.2 of 0.5 is 0.4, the nearest level 0.4407.
    assert "0.2207" in html  # 0.22035 as a 16-bit number: computation is in bfloat16.
    assert "1111" in html
    assert "nan" not in render_block("0, 0")
    widths = [len(re.findall("<th ", render_block("0.5, 0.2", stage))) for stage in range(1, len(STAGES) + 1)]
    assert widths == [2, 4, 6, 8]


@pytest.mark.parametrize(
    ("text", "words"), [("", "0 numbers"), ("1, x", "'x' is no number"), ("1 " * 65, "65"), ("inf", "finite")]
)
def test_what_is_no_block_is_said(text, words):
    with pytest.raises(LabError, match=words):
        read_weights(text)


def test_every_format_is_measured_on_the_matrix():
    matrix = make_normal()
    html = render_rounding(matrix, "nf4", 64, double=True)
    assert "<b>4.127</b>" in html
    assert "<b>8.127</b>" in html
    assert "<b>4.500</b>" in render_rounding(matrix, "nf4", 64, double=False)
    assert html.count('class="level"') == 16
    assert "no real matrix" in html
    assert "nan" not in html
    assert len(read_weights(take_block(matrix, 10**9))) == 16  # Any number leads to a block.


def test_memory_is_drawn_against_cards_with_ones_own_peak():
    html = render_memory("Llama-2-7B", Setup(), [MeasuredPeak("mine", 2.101, "SmolLM2-135M-Instruct", 16)])
    assert "6,738,415,616" in html
    assert "2.10 GiB for SmolLM2-135M-Instruct" in html
    for model in KNOWN:
        assert "fits" in render_memory(model, Setup(batch=32, tokens=2048, rank=256))
    with pytest.raises(LabError, match="unheard"):
        render_memory("unheard", Setup())


def test_a_choice_is_explained():
    html = render_choice("facts it cannot know", "every week", "yes", "yes", "fewer than 50", "few")
    assert "Retrieve (RAG)" in html
    assert "A document is replaced in seconds" in html


def test_the_bundled_curves_are_drawn_with_what_they_were_measured_on():
    measured = read_measured()
    html = render_alpha(measured, 16)
    assert f"{measured.about['parameters']:,} parameters" in html
    assert f"{measured.about['steps']} steps" in html
    assert "alpha fixed at 32" in html
    assert describe_alpha(measured)


def test_a_plot_says_the_same_in_numbers_and_survives_odd_lines():
    html = render_plot("T", [PlotLine("a", [(1, 2.0), (2, 4.0)]), PlotLine("b", [])], Axes("x", "y"))
    assert "<td>4</td>" in html
    assert ">b<" not in html
    assert "nothing to draw" in render_plot("T", [], Axes("x", "y"))
    for points in ([(3, 0.0)], [(1, 5.0), (2, 5.0)]):
        assert "nan" not in render_plot("T", [PlotLine("a", points)], Axes("x", "y", from_zero=True))
    assert list_ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert "<script>" not in render_plot("<script>", [PlotLine("<script>", [(1, 1.0)])], Axes("<script>", "y"))


def test_every_article_can_be_read_and_nothing_else():
    articles = list_articles()
    assert len({name for _, name in articles}) == len(articles) == len(list(ARTICLES.glob("*.md"))) >= 62
    for label, name in articles:
        assert read_article(name).startswith(f"# {label.split(': ', 1)[1]}")
    topics = [label.split(": ")[0] for label, _ in articles]
    assert topics == sorted(topics, key=topics.index)  # No topic starts twice.
    for wrong in ("../README", "none", "", ".", "a\0b", "nf4/../nf4", "x" * 300):
        with pytest.raises(LabError, match="no article"):
            read_article(wrong)


def test_what_was_typed_or_chosen_stays_when_the_tab_is_opened_again(settings):
    lab = Lab(settings)
    first = offer_questions(lab, "ml-interview", None)
    assert first.value == first.choices[0][1]
    assert offer_questions(lab, "ml-interview", "My own question?").value == "My own question?"
    assert choose_update(BUNDLED_FULL, ["mine", BUNDLED_FULL], chosen=False) == "mine"
    assert choose_update(BUNDLED_FULL, ["mine", BUNDLED_FULL], chosen=True) == BUNDLED_FULL
    assert choose_update("gone", ["mine", BUNDLED_FULL], chosen=True) == "mine"
