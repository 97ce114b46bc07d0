"""Retrieve, fine-tune, both or neither: six questions, and what their answers speak for, each with its reason.

The rule is that of the bundled article on choosing: retrieve for facts, fine-tune for form and behaviour, prompt first. It is
a table of reasons that are added up, so that everybody sees why; what decides is a comparison on one's own task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.errors import LabError

ENOUGH = 2  # Reasons of weight that a way needs to be recommended.


@dataclass(frozen=True, slots=True)
class Leaning:
    """What one answer speaks for.

    Args:
        answer: As people choose it.
        retrieve: How much it speaks for retrieval, below zero against it.
        tune: The same for fine-tuning.
        reason: Why, in a sentence.
        article: Of the bundled ones, where that is explained with its sources.
        bars: The way that is impossible with this answer: `retrieve` or `tune`.
    """

    answer: str
    retrieve: int
    tune: int
    reason: str
    article: str = "rag-or-fine-tuning"
    bars: str = ""


QUESTIONS: Mapping[str, tuple[Leaning, ...]] = {
    "What is missing in the model's answers?": (
        Leaning("facts it cannot know", 2, 0, "Facts can be looked up; taught as examples they are learned slowly and raise invention."),
        Leaning("the right form, tone or labels", 0, 2, "Form and behaviour are learned from few examples, and no passage shows them."),
        Leaning("both", 2, 2, "Facts from passages and form from training add up: a study on agriculture measured 6 and 5 points."),
    ),
    "How often do the facts change?": (
        Leaning("every week", 2, 0, "A document is replaced in seconds; a fact in the weights needs a new training.", "freshness-and-deletion"),
        Leaning("every year or so", 1, 0, "An index is brought up to date without touching the model.", "freshness-and-deletion"),
        Leaning("never", 0, 1, "What never changes may as well be learned, where it is behaviour."),
    ),
    "Must an answer show its source, or differ by who asks?": (
        Leaning("yes", 2, 0, "A passage can be cited and kept from a reader; a fact in the weights can be neither.", "access-control-in-rag"),
        Leaning("no", 0, 0, "Then sources do not decide."),
    ),
    "Are there documents that hold the answers?": (
        Leaning("yes", 1, 0, "What is written down can be found.", "rag-overview"),
        Leaning("no", 0, 1, "Where nothing is written down, nothing can be retrieved.", "rag-overview", bars="retrieve"),
    ),
    "How many labelled examples are there?": (
        Leaning("fewer than 50", 0, -1, "So few fit into the prompt: show them there.", "how-much-training-data", bars="tune"),
        Leaning("50 to 500", 0, 1, "A few hundred good examples teach a form.", "how-much-training-data"),
        Leaning("more than 500", 0, 2, "That is plenty for form, and for labels that no document explains.", "how-much-training-data"),
    ),
    "How many answers a day?": (
        Leaning("few", 0, 0, "Then the length of the prompt costs little.", "latency-and-cost"),
        Leaning("very many", -1, 1, "Passages and examples lengthen every prompt; a training is paid once.", "latency-and-cost"),
    ),
}  # fmt: skip
WAYS = {
    (False, False): ("A good prompt first", "The base model with a few worked examples: nothing you said calls for more."),
    (True, False): ("Retrieve (RAG)", "Let the model read the passages that hold the answer."),
    (False, True): ("Fine-tune (QLoRA)", "Train an adapter on your examples; no passages are needed."),
    (True, True): (
        "Both: retrieve and fine-tune",
        "Train the adapter on prompts that show passages, and retrieve when it answers.",
    ),
}


@dataclass(frozen=True, slots=True)
class Advice:
    """What six answers come to.

    Args:
        title: The way, in few words.
        advice: What to do, in a sentence.
        retrieve: Whether to retrieve.
        tune: Whether to fine-tune.
        reasons: Of each question the answer and why it counts.
        caveats: What stands against it.
    """

    title: str
    advice: str
    retrieve: bool
    tune: bool
    reasons: tuple[tuple[str, Leaning], ...]
    caveats: tuple[str, ...]


def recommend(answers: Sequence[str]) -> Advice:
    """Weigh six answers, one for each question, in their order.

    Raises:
        LabError: An answer is none of its question's.
    """
    chosen = []
    for (question, leanings), answer in zip(QUESTIONS.items(), answers, strict=True):
        leaning = next((item for item in leanings if item.answer == answer), None)
        if leaning is None:
            raise LabError(
                f"{answer!r} is no answer to {question!r}", f"Choose one of {', '.join(x.answer for x in leanings)}."
            )
        chosen.append((question, leaning))
    barred = {leaning.bars for _, leaning in chosen if leaning.bars}
    wanted = {
        "retrieve": sum(leaning.retrieve for _, leaning in chosen) >= ENOUGH,
        "tune": sum(leaning.tune for _, leaning in chosen) >= ENOUGH,
    }
    retrieve, tune = (wanted[way] and way not in barred for way in ("retrieve", "tune"))
    title, advice = WAYS[retrieve, tune]
    return Advice(title, advice, retrieve, tune, tuple(chosen), tuple(_warn(wanted, barred)))


def _warn(wanted: Mapping[str, bool], barred: set[str]) -> list[str]:
    said = []
    if wanted["retrieve"] and "retrieve" in barred:
        said.append("Your answers call for retrieval, but there is nothing to retrieve from: write the facts down first.")
    if wanted["tune"] and "tune" in barred:
        said.append(
            "Your answers call for fine-tuning, but there are too few examples: collect some, until then show them in the prompt."
        )
    said.append(
        "Before training, paste the right passage into the prompt by hand: if the answer becomes right, only the search is missing."
    )
    return said
