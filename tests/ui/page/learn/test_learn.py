"""The Learn tab's numbers, drawings and articles."""

import pytest

from core.errors import LabError
from finetune.lora import compute_nf4_levels
from ui.page.learn.articles import ARTICLES, list_articles, read_article, read_rule
from ui.page.learn.bits import plot_levels, read_weights, render_block, render_memory
from ui.page.learn.counts import render_counts
from ui.page.learn.learning import STARTS, STEPS, follow_learning, plot_loss, render_learning

LORA, RANDOM, ZERO = STARTS


def test_the_first_example_of_lora():
    html = render_counts(4096, 4096, 2)
    assert "16,777,216" in html
    assert "16,384" in html
    assert "0.10%" in html
    assert "1,024 times fewer" in html
    assert "no fewer" in render_counts(64, 64, 64)
    assert "1.03 times" not in (close := render_counts(64, 64, 31))
    assert "1.0 times fewer" in close
    assert "16 times fewer" in render_counts(64, 64, 2)


def test_learning_starts_from_the_base_with_a_gradient_for_b_alone():
    weight, steps = follow_learning(2, LORA, 0)
    assert len(steps) == STEPS + 1
    html = render_learning(weight, steps, 0)
    assert "<b>0.000</b> Gradient of A" in html
    assert "<b>0.000</b> Gradient of B" not in html
    assert "training starts from the base" in html
    assert "-0.00" not in html
    assert "only B has moved" in render_learning(weight, steps, 1)
    assert "both matrices have moved" in render_learning(weight, steps, 2)
    assert "The wanted change" not in render_learning(weight, steps, STEPS)
    assert steps[-1].loss < 0.05 * steps[0].loss  # The wanted change has rank 2, so r = 2 can learn it.


@pytest.mark.parametrize("seed", range(21))
def test_every_seed_learns_and_a_smaller_rank_cannot_learn_it_all(seed):
    losses = [follow_learning(rank, LORA, seed)[1][-1].loss for rank in (1, 2, 4)]
    start = follow_learning(2, LORA, seed)[1][0].loss
    assert max(losses) < start
    assert losses[1] < losses[0]


def test_both_zero_never_learns_and_both_random_does_not_start_from_the_base():
    weight, steps = follow_learning(2, ZERO, 0)
    assert steps[-1].loss == steps[0].loss
    assert "no step will ever change anything" in render_learning(weight, steps, STEPS)
    weight, steps = follow_learning(2, RANDOM, 0)
    assert "not start from the base" in render_learning(weight, steps, 0)
    assert "both matrices have moved" in render_learning(weight, steps, 1)
    with pytest.raises(LabError, match="sideways"):
        follow_learning(2, "sideways", 0)


def test_the_plots_show_what_was_computed():
    _, steps = follow_learning(2, LORA, 0)
    assert list(plot_loss(steps, 3).data[0].y) == [step.loss for step in steps]
    assert list(plot_levels().data[2].x) == pytest.approx(compute_nf4_levels().tolist())


def test_a_block_is_stored_and_restored():
    html = render_block("0.5, 0.2 -0.01")
    assert "<b>0.5</b> absmax" in html
    assert "0.4407" in html  # The worked example of the article on NF4: 0.2 of 0.5 is 0.4, the nearest level 0.4407.
    assert "0.2204" in html
    assert "1111" in html
    assert "nan" not in render_block("0, 0")


@pytest.mark.parametrize(
    ("text", "words"), [("", "0 numbers"), ("1, x", "'x' is no number"), ("1 " * 65, "65"), ("inf", "finite")]
)
def test_what_is_no_block_is_said(text, words):
    with pytest.raises(LabError, match=words):
        read_weights(text)


def test_rank_1_keeps_a_part_of_the_loss_and_says_how_much():
    weight, steps = follow_learning(1, LORA, 0)
    share = steps[-1].loss / steps[0].loss
    assert share > 0.1
    assert f"now {share:.0%} of the first" in render_learning(weight, steps, STEPS)


def test_memory_is_that_of_the_layout():
    """Llama-2-7B, and SmolLM2-135M with its tied embeddings: linear layers quantized, embeddings and head in 16 bits."""
    html = render_memory(6.7384, 262.1)
    for size in ("26.95 GB", "13.48 GB", "7.00 GB", "4.17 GB", "3.87 GB", "4.127", "4.5<", "0.52 GB"):
        assert size in html
    assert "0.111 GB" in render_memory(0.1345, 28.3)
    assert "3.61 GB" in render_memory(7, 0)
    assert "2.00 GB" in render_memory(1, 3000)  # More than all: all of it.


def test_every_article_can_be_read_and_nothing_else():
    articles = list_articles()
    assert len({name for _, name in articles}) == len(articles) == len(list(ARTICLES.glob("*.md"))) >= 62
    for label, name in articles:
        assert read_article(name).startswith(f"# {label.split(': ', 1)[1]}")
    topics = [label.split(": ")[0] for label, _ in articles]
    assert topics == sorted(topics, key=topics.index)  # No topic starts twice.
    assert read_rule().startswith("Rule: ")
    assert "| Need | Better tool |" in read_rule()
    for wrong in ("../README", "none", "", ".", "a\0b", "nf4/../nf4", "x" * 300):
        with pytest.raises(LabError, match="no article"):
            read_article(wrong)
