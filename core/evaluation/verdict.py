"""The verdict: which arm, and what the claim is worth. Never a winner without an interval.

- *better*: the best mean beats every rival, the baselines included, each with an uncorrected p below 0.05. To claim it all
  of these must hold, so each may be tested at the full level (intersection-union test, Berger 1982).
- *equivalent*: every arm that is not beaten differs from the best by less than the margin, by two one-sided tests, and
  the marks are high enough for the margin to mean something.
- *inconclusive*: neither. Nothing is recommended, and it is said what would settle it.
- *invalid*: the marks do not tell what they should.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from core.comparison.arms import ARMS, BASELINES, find_title, sort_by_simplicity
from core.evaluation.intervals import ALPHA, MIN_CLUSTERS
from core.evaluation.power import find_growth, measure_correlation
from core.evaluation.statistics import Contrast, Sample

VerdictState = Literal["better", "equivalent", "inconclusive", "invalid"]
DEFAULT_MARGIN = 0.05  # Of a mark from 0 to 1, where task.toml declares none.
MEANINGFUL = 2.0  # The best mean is at least so many margins: else arms that are never right would be called equal.
MANY_CLUSTERS = 150  # From so many groups on a sure lead is hardly a lucky one.
Z_LEVEL = 1.96  # z(97.5 %): half the width of an interval at 95 %, in standard errors.
Z_BOTH = 1.28  # z(90 %): both of two one-sided tests pass with a power of 80 % where the arms are level.
NO_APPROACH = "It needs no model: on this task no approach earns its cost."
LITTLE = 0.1  # A best mean below it: hardly anything is right.
NEGLIGIBLE = 0.005  # Marks are shown with two decimals: below it a difference reads as none.


@dataclass(frozen=True, slots=True)
class Verdict:
    """`arm` is the recommendation; None when nothing can be said."""

    state: VerdictState
    arm: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Exam:
    """What a verdict rests on, fixed before the first answer.

    Args:
        metric: The primary metric.
        margin: Arms that differ by less on it are taken for equal.
        clusters: Shape (items,): which items belong together.
        available: Test items that the task has.
    """

    metric: str
    margin: float = DEFAULT_MARGIN
    clusters: Sequence[str] = field(default=())
    available: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """What follows from the numbers, before it is put into words.

    Args:
        state: The verdict's.
        arm: The recommendation.
        best: The arm or baseline with the best mean, the simplest of equal ones.
        against: Its contrast with every other.
        rivals: Those of them that it does not beat.
    """

    state: VerdictState
    arm: str | None
    best: str
    against: Mapping[str, Contrast]
    rivals: Mapping[str, Contrast]


def decide(exam: Exam, samples: Mapping[str, Sample], contrasts: Sequence[Contrast]) -> Verdict:
    """Decide from the primary metric's marks and their paired contrasts over all items, and say why.

    Args:
        exam: What was fixed before.
        samples: The marks of arms and baselines.
        contrasts: At least those of the arm with the best mean and every other.
    """
    answered = sum(name not in BASELINES for name in samples)
    if answered < 2:
        who = "Only one arm" if answered else "No arm but controls"
        return Verdict("invalid", None, f"{who} gave answers, so there is nothing to compare.")
    choice = choose(exam, samples, contrasts)
    if choice.state == "better":
        runner_up = max(choice.against, key=lambda name: samples[name].mean)
        sentence = _win(exam, samples, choice.against[runner_up])
    elif choice.state == "equivalent":
        sentence = _tie(exam, sort_by_simplicity([choice.best, *choice.rivals]), samples)
    elif _are_equal(exam, choice.rivals):
        sentence = _describe_nothing(exam, choice.best, samples[choice.best].mean)
    else:
        sentence = _doubt(exam, samples, choice)
    return Verdict(choice.state, choice.arm, sentence)


def choose(exam: Exam, samples: Mapping[str, Sample], contrasts: Sequence[Contrast]) -> Choice:
    """Choose by the rules at the head of this file."""
    means = {name: sample.mean for name, sample in samples.items()}
    # Of equal means the simplest: the order in which arms were asked must not decide.
    best = max(sort_by_simplicity(means), key=lambda name: means[name])
    against = {name: orient(best, name, contrasts) for name in means if name != best}
    rivals = {name: item for name, item in against.items() if not is_beaten(item)}
    state: VerdictState = "inconclusive"
    arm = None
    if not rivals:
        state, arm = "better", best
    elif _are_equal(exam, rivals) and means[best] >= MEANINGFUL * exam.margin:
        state, arm = "equivalent", sort_by_simplicity([best, *rivals])[0]
    return Choice(state, arm, best, against, rivals)


def _are_equal(exam: Exam, rivals: Mapping[str, Contrast]) -> bool:
    return all(item.is_equivalent(exam.margin) for item in rivals.values())


def orient(a: str, b: str, contrasts: Sequence[Contrast]) -> Contrast:
    """Return the contrast a - b, turned round if it was measured as b - a.

    Raises:
        ValueError: It was not measured.
    """
    for item in contrasts:
        if (item.a, item.b) == (a, b):
            return item
        if (item.a, item.b) == (b, a):
            return item.turn()
    raise ValueError(f"no contrast of {a} and {b} was computed")


def is_beaten(item: Contrast) -> bool:
    """Say whether the second arm of a contrast is surely worse than the first."""
    return item.ci_low is not None and item.ci_low > 0


def count_units(item: Contrast) -> str:
    """Say on how many items a contrast rests, and in how many groups where those are fewer."""
    items, groups = (
        f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in ((item.n, "item"), (item.clusters, "group"))
    )
    return items if item.clusters == item.n else f"{items} in {groups}"


def write_number(number: float) -> str:
    """Write a mark with two decimals; one that would read as 0 with its first digit."""
    return f"{number:.2f}" if abs(number) >= NEGLIGIBLE or not number else f"{number:.1g}"


def _win(exam: Exam, samples: Mapping[str, Sample], item: Contrast) -> str:
    margin, first, second = exam.margin, samples[item.a], samples[item.b]
    parts = [
        f"{find_title(item.a)} is best on {exam.metric}: {first.mean:.2f} against {second.mean:.2f} for {find_title(item.b)}, "
        f"the next (difference {write_number(item.difference)}, 95 % interval {write_number(item.ci_low or 0.0)} to {write_number(item.ci_high or 0.0)}, {count_units(item)})."
    ]
    if item.a in BASELINES:
        parts.append(NO_APPROACH)
    if item.difference < margin:
        parts.append(f"The lead is smaller than the margin of {write_number(margin)}.")
    lucky = item.shrunken is not None and item.difference - item.shrunken >= NEGLIGIBLE
    if lucky and item.clusters < MANY_CLUSTERS:
        parts.append(f"Sure leads are lucky ones: expect about {item.shrunken:.2f} when it is done again.")
    return " ".join([*parts, *_name_draws(samples, (item.a, item.b))])


def _name_draws(samples: Mapping[str, Sample], names: Sequence[str]) -> list[str]:
    """Say of how many trainings, or draws of examples, the verdict speaks, where one of the arms has any."""
    trained = {name: len(samples[name].rows) for name in names if name in ARMS and ARMS[name].uses_adapter}
    drawn = {name: len(samples[name].draws) for name in names if name not in trained and len(samples[name].draws) > 1}
    sentences = []
    if trained and min(trained.values()) == 1:
        sentences.append("This holds for this adapter: another training is another draw (`ragft train --seeds 3`).")
    elif trained:
        sentences.append(f"The interval allows for training anew ({min(trained.values())} adapters).")
    if drawn:
        sentences.append(f"The interval allows for other examples in the prompt ({min(drawn.values())} draws).")
    return sentences


def _tie(exam: Exam, tied: Sequence[str], samples: Mapping[str, Sample]) -> str:
    names = _join([find_title(name) for name in tied])
    sentence = (
        f"{names} are equivalent on {exam.metric}: they differ by less than {write_number(exam.margin)}. "
        f"{find_title(tied[0])} is the simplest of them."
    )
    return " ".join([sentence, *([NO_APPROACH] if tied[0] in BASELINES else []), *_name_draws(samples, tied)])


def _describe_nothing(exam: Exam, best: str, mean: float) -> str:
    """Say why approaches that differ by less than the margin are not called equal."""
    start = f"Inconclusive: the best {exam.metric} is {mean:.2f} ({find_title(best)})."
    remedy = "declare a smaller margin in task.toml"
    if mean >= LITTLE:
        return f"{start} A margin of {write_number(exam.margin)} is too wide for such marks to be called equal: {remedy}."
    return (
        f"{start} Where hardly anything is right, that approaches differ by less than {write_number(exam.margin)} says nothing. "
        f"Choose another approach or a larger model, or {remedy}."
    )


def _doubt(exam: Exam, samples: Mapping[str, Sample], choice: Choice) -> str:
    best, rivals = choice.best, choice.rivals
    rival = max(rivals, key=lambda name: samples[name].mean)
    item = rivals[rival]
    if item.ci_low is None or item.ci_high is None:
        return f"Inconclusive: {count_units(item)} are too few to tell anything apart. Compare on more."
    first, second = (f"{find_title(name)} ({samples[name].mean:.2f})" for name in (best, rival))
    if item.difference < NEGLIGIBLE:
        lead = f"Inconclusive: {first} and {second} are level on {exam.metric}, but that could be chance"
    else:
        lead = f"Inconclusive: {first} is ahead of {second} on {exam.metric}, but that could be chance"
    lead += f"; 95 % interval {write_number(item.ci_low)} to {write_number(item.ci_high)}, {count_units(item)}."
    if item.is_equivalent(exam.margin):  # Another rival, further behind on average, is what is not settled.
        open_ones = [find_title(name) for name, other in rivals.items() if not other.is_equivalent(exam.margin)]
        lead = f"{lead[:-1]}, and {_join(open_ones)} cannot be told from it either."
    return " ".join([lead, advise(exam, samples, choice), *_name_draws(samples, (best, rival))])


def find_advice(exam: Exam, samples: Mapping[str, Sample], contrasts: Sequence[Contrast]) -> str:
    """Return what would settle a comparison that settled nothing; empty where it is settled or nothing tells."""
    if sum(name not in BASELINES for name in samples) < 2:
        return ""
    choice = choose(exam, samples, contrasts)
    unknown = any(item.ci_low is None for item in choice.rivals.values())
    if choice.state != "inconclusive" or unknown or _are_equal(exam, choice.rivals):
        return ""
    return advise(exam, samples, choice)


def advise(exam: Exam, samples: Mapping[str, Sample], choice: Choice) -> str:
    """Say what would settle which arm is best: how many items, or groups where groups limit, for a lead of a named size."""
    lead = min(item.difference for item in choice.rivals.values())
    leads = [lead, exam.margin] if lead > exam.margin + NEGLIGIBLE else [exam.margin]
    amounts = [_write_amount(count_needed(exam, samples, choice.best, choice.against, lead=value)) for value in leads]
    some = next(iter(choice.rivals.values()))
    grouped = some.clusters < some.n
    unit = "groups" if grouped else "items"
    if len(leads) == 1:
        sentence = f"To see a lead of {write_number(leads[0])}, the margin, in 4 of 5 comparisons takes {amounts[0]} {unit}"
    else:
        sentence = (
            f"If the lead is really {write_number(leads[0])}, {amounts[0]} {unit} show it in 4 of 5 comparisons; if it is "
            f"{write_number(leads[1])}, the margin, {amounts[1]}"
        )
    if level := _count_level(exam, choice.rivals):
        sentence += f"; if they are level, {_write_amount(level)} show that they differ by less than the margin"
    if grouped:
        return f"{sentence}. There are {some.clusters} now; more items of the same groups would not settle it."
    return f"{sentence}. This task has {exam.available} test items." if exam.available else f"{sentence}."


def _count_level(exam: Exam, rivals: Mapping[str, Contrast]) -> float | None:
    """Return how many units show, with a power of 80 %, that arms as near as these are equivalent; None where they are not."""
    needed = []
    for item in rivals.values():
        room = exam.margin - abs(item.difference)
        if room <= 0:
            return None
        rare = float(np.log(ALPHA / 2) / np.log1p(-room))  # So many without any difference bound it by the room.
        growth = ((Z_LEVEL + Z_BOTH) * item.error / room) ** 2
        needed.append(max(rare, growth * item.clusters))
    return max(needed)


def count_needed(
    exam: Exam, samples: Mapping[str, Sample], best: str, against: Mapping[str, Contrast], *, lead: float
) -> float | None:
    """Return how many independent units show the best arm ahead of all others with a power of 80 %.

    Args:
        exam: What was fixed before.
        samples: The marks of arms and baselines.
        best: The arm with the best mean.
        against: Its contrast with every other.
        lead: Over those that it does not beat yet; over the others what is likely left of theirs, if that is more.

    Returns:
        Items, or groups where those are fewer; None where it is out of reach.
    """
    differences = np.stack([samples[best].marks - samples[name].marks for name in against])
    growth = find_growth(
        [_find_error(item) for item in against.values()],
        measure_correlation(differences, exam.clusters),
        freedom=min(item.freedom for item in against.values()),
        leads=[max(lead, item.shrunken or 0.0) if is_beaten(item) else lead for item in against.values()],
    )
    return None if growth is None else growth * next(iter(against.values())).clusters


def _find_error(item: Contrast) -> float:
    """Return the standard error of a difference; that which its interval stands for where too few items differ to have one."""
    if item.method in {"t", "score"} and item.informative >= MIN_CLUSTERS:
        return item.error
    width = (item.ci_high or 0.0) - (item.ci_low or 0.0)
    return max(item.error, width / (2 * Z_LEVEL))


def _write_amount(units: float | None) -> str:
    return "more than a million" if units is None else f"about {_round(units):,}"


def _round(number: float) -> int:
    """Round up to two digits: more would claim to be known."""
    step = 10 ** max(int(np.floor(np.log10(max(number, 1)))) - 1, 0)
    return int(np.ceil(number / step) * step)


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
