"""What blind votes say: whether people agree with the marks, and which approach they prefer.

A vote is between two answers to one item, without their names. "Both bad" counts in nobody's favour. Votes on the same group
of items are not independent, so intervals come from groups, as everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from core.comparison.arms import find_title
from core.evaluation.intervals import MIN_CLUSTERS, Interval, mean_interval
from core.stored import Stored

Choice = Literal["left", "right", "tie", "both bad"]
CHOICES: tuple[Choice, ...] = ("left", "right", "tie", "both bad")
Answer = tuple[str, str, str | None]  # Item, arm, draw.
ENOUGH = 30  # Votes that name a better answer or a tie; with fewer, strengths say nothing.
RESAMPLES = 100
WIDTH = 1.96  # Standard errors to either side: 95 % of a normal distribution.
# Ties that are added for each pair of approaches: one that won every vote has no strength otherwise (Caron and Doucet 2012,
# Journal of Computational and Graphical Statistics 21, section 2), and the fit that is used returns nonsense for it.
PRIOR = 0.25
STEPS = 1000  # Of the fit, at most.


@dataclass(frozen=True, slots=True)
class Vote(Stored):
    """One vote.

    Args:
        item: The item's id.
        left: The arm whose answer stood on the left.
        right: That on the right.
        choice: What was chosen.
        time: When, in ISO 8601.
        left_draw: Which adapter, or draw of examples, gave the left answer, where an arm has several.
        right_draw: As `left_draw`.
        visitor: Who voted, by a random name.
    """

    item: str
    left: str
    right: str
    choice: Choice
    time: str
    left_draw: str | None = None
    right_draw: str | None = None
    visitor: str = ""

    @property
    def answers(self) -> tuple[Answer, Answer]:
        """Both answers, the left one first."""
        return (self.item, self.left, self.left_draw), (self.item, self.right, self.right_draw)

    @property
    def preferred(self) -> tuple[Answer, Answer] | None:
        """The better answer and the other one; None where none was called better."""
        if self.choice not in {"left", "right"}:
            return None
        left, right = self.answers
        return (left, right) if self.choice == "left" else (right, left)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often the answer that people prefer has the higher mark.

    Args:
        votes: Those that call one answer better, where the marks differ.
        agreeing: Those of them that prefer the answer with the higher mark.
        share: The interval of their share; None without any.
    """

    votes: int
    agreeing: int
    share: Interval | None


@dataclass(frozen=True, slots=True)
class Strength:
    """How often an approach is preferred to another one of these, by its Bradley-Terry strength.

    Args:
        arm: The approach.
        votes: On its answers, without those that found both bad.
        share: The mean probability over the others, with its interval.
    """

    arm: str
    votes: int
    share: Interval


@dataclass(frozen=True, slots=True)
class Preferences:
    """All that the votes on a run say.

    Args:
        counts: Votes by choice.
        agreement: With the marks.
        strengths: The most preferred first; empty where there are too few votes.
        sentences: The same in words.
    """

    counts: Mapping[str, int]
    agreement: Agreement
    strengths: tuple[Strength, ...]
    sentences: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "counts": dict(self.counts),
            "agreement": asdict(self.agreement),
            "strengths": [asdict(item) for item in self.strengths],
            "sentences": list(self.sentences),
        }


def judge_votes(
    votes: Sequence[Vote], marks: Mapping[Answer, float], groups: Mapping[str, str], *, seed: int = 0, fit: bool = True
) -> Preferences:
    """Say what votes are worth.

    Args:
        votes: On answers of one run; those on other answers are left out.
        marks: Of each answer, by the primary metric.
        groups: By item, the independent group that it belongs to.
        seed: Of the resampling.
        fit: Whether strengths are computed, which takes seconds.
    """
    known = [vote for vote in votes if all(answer in marks for answer in vote.answers)]
    counts = Counter(vote.choice for vote in known)
    agreement = _measure_agreement(known, marks, groups)
    counted = [vote for vote in known if vote.choice != "both bad"]
    strengths = _measure_strengths(counted, groups, seed) if fit and len(counted) >= ENOUGH else ()
    told = [
        _describe_counts(counts, len(votes) - len(known)),
        _describe_agreement(agreement),
        *([_describe_strengths(strengths, counted)] if fit or len(counted) < ENOUGH else []),
    ]
    return Preferences(
        {choice: counts[choice] for choice in CHOICES}, agreement, strengths, tuple(filter(None, told if known else told[:1]))
    )


def _measure_agreement(votes: Sequence[Vote], marks: Mapping[Answer, float], groups: Mapping[str, str]) -> Agreement:
    pairs = [(vote.item, *vote.preferred) for vote in votes if vote.preferred is not None]
    differing = [(item, marks[better] > marks[other]) for item, better, other in pairs if marks[better] != marks[other]]
    if not differing:
        return Agreement(0, 0, None)
    share = mean_interval([float(agrees) for _, agrees in differing], [groups[item] for item, _ in differing])
    return Agreement(len(differing), sum(agrees for _, agrees in differing), share)


def _measure_strengths(votes: Sequence[Vote], groups: Mapping[str, str], seed: int) -> tuple[Strength, ...]:
    """Fit the strengths, and fit them again to groups drawn with replacement, which gives their standard errors.

    Source: Bradley and Terry 1952 (Biometrika 39); a tie counts as half a vote for either. The interval is normal in the
    log odds, so that few resamples are enough and no bound leaves 0 to 1.
    """
    arms = sorted({arm for vote in votes for arm in (vote.left, vote.right)})
    if not _are_linked(votes, arms):
        return ()
    from scipy.special import expit, logit

    names, index = np.unique([groups[vote.item] for vote in votes], return_inverse=True)
    random, even = np.random.default_rng(seed), np.full(len(names), 1 / len(names))
    drawn = [_fit(votes, arms, random.multinomial(len(names), even)[index]) for _ in range(RESAMPLES)]
    found = _fit(votes, arms, np.ones(len(votes)))
    half = WIDTH * np.std(logit(drawn), axis=0, ddof=1)
    low, high = expit(logit(found) - half), expit(logit(found) + half)
    strengths = []
    for place, arm in enumerate(arms):
        values, own = _list_results(votes, arm, groups)
        bounds = Interval(*(float(bound[place]) for bound in (found, low, high)))
        strengths.append(Strength(arm, len(values), _widen(bounds, values, own)))
    return tuple(sorted(strengths, key=lambda item: -item.share.mean))


def _fit(votes: Sequence[Vote], arms: Sequence[str], weights: Any) -> Any:
    """Return for each arm the mean probability that it is preferred to another one. Shape: (arms,)."""
    from evalica import Winner, bradley_terry, pairwise_scores

    winners = {"left": Winner.X, "right": Winner.Y, "tie": Winner.Draw}
    pairs = list(combinations(arms, 2))
    result = bradley_terry(
        [*(vote.left for vote in votes), *(one for one, _ in pairs)],
        [*(vote.right for vote in votes), *(other for _, other in pairs)],
        [*(winners[vote.choice] for vote in votes), *[Winner.Draw] * len(pairs)],
        weights=[*map(float, weights), *[PRIOR] * len(pairs)],
        limit=STEPS,
    )
    chances = pairwise_scores(result.scores.reindex(arms).to_numpy(dtype=float))
    return (chances.sum(axis=1) - np.diag(chances)) / (len(arms) - 1)


def _are_linked(votes: Sequence[Vote], arms: Sequence[str]) -> bool:
    """Say whether votes lead from every approach to every other: strengths of two islands cannot be compared."""
    reached, waiting = set(arms[:1]), list(arms[:1])
    while waiting:
        arm = waiting.pop()
        near = {other for vote in votes for other in (vote.left, vote.right) if arm in (vote.left, vote.right)} - reached
        reached |= near
        waiting += near
    return len(reached) == len(arms)


def _list_results(votes: Sequence[Vote], arm: str, groups: Mapping[str, str]) -> tuple[list[float], list[str]]:
    """Return what an approach got of each vote on it, from 0 to 1, and the votes' groups."""
    own = [vote for vote in votes if arm in (vote.left, vote.right)]
    values = [0.5 if vote.preferred is None else float(vote.preferred[0][1] == arm) for vote in own]
    return values, [groups[vote.item] for vote in own]


def _widen(bounds: Interval, values: Sequence[float], groups: Sequence[str]) -> Interval:
    """Return bounds at least as wide as those of the share of votes, where an approach won or lost in few groups only.

    Resampling shows hardly any spread there.
    """
    won = {group for value, group in zip(values, groups, strict=True) if value > 0}
    lost = {group for value, group in zip(values, groups, strict=True) if value < 1}
    if min(len(won), len(lost)) >= MIN_CLUSTERS:
        return bounds
    share = mean_interval(values, groups)
    return Interval(bounds.mean, min(bounds.low, share.low), max(bounds.high, share.high))


def _describe_counts(counts: Counter[Choice], strangers: int) -> str:
    total = sum(counts.values())
    if not total:
        return "There is no vote on this run yet." if not strangers else f"{strangers} votes are on answers that are not there."
    better, ties, bad = counts["left"] + counts["right"], counts["tie"], counts["both bad"]
    text = f"{total} vote{'' if total == 1 else 's'}: {better} for one of the answers, {ties} for a tie, {bad} found both bad"
    text += ", which counts for nobody." if bad else "."
    return f"{text} {strangers} more are on answers that are not there, and left out." if strangers else text


def _describe_agreement(agreement: Agreement) -> str:
    if agreement.share is None:
        return "None calls an answer better that has another mark: agreement with the marks is not known."
    share = agreement.share
    return (
        f"Where the marks differ, {agreement.agreeing} of {agreement.votes} votes for one of the answers are for the one with the "
        f"higher mark: {share.mean:.2f} ({share.low:.2f} to {share.high:.2f})."
    )


def _describe_strengths(strengths: Sequence[Strength], counted: Sequence[Vote]) -> str:
    if len(counted) < ENOUGH:
        return f"Which approach people prefer is said from {ENOUGH} votes on that do not find both bad; so far {len(counted)}."
    if not strengths:
        return "The votes do not lead from every approach to every other, so strengths cannot be compared yet."
    told = [
        f"{find_title(item.arm)} {item.share.mean:.2f} ({item.share.low:.2f} to {item.share.high:.2f})" for item in strengths
    ]
    return f"Preferred to another approach (Bradley-Terry): {', '.join(told)}."
