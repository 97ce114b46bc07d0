"""What controls tell: how much the search loses, how much reading, and what passages and training bring beyond their form.

A control is an approach that is helped or spoilt on purpose (`core/comparison/arms.py`). What it shows is the difference from
the approach that it was made of, paired item by item, on the primary metric.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from core.comparison.arms import find_title
from core.evaluation.causes import has_evidence
from core.evaluation.intervals import Interval, mean_interval
from core.evaluation.statistics import Sample, contrast, measure_draws
from core.evaluation.table_view import Column, TableRow, TableView
from core.evaluation.verdict import write_number
from core.values import Example, Prediction

RIGHT = {"oracle": "rag", "oracle_hybrid": "hybrid"}  # A control and the approach that it was made of.
WRONG = {"wrong_passage": "rag", "wrong_hybrid": "hybrid"}
SHUFFLED = {"shuffled": "qlora"}
BARE = {"rag": "base"}  # The same approach without passages; RAG + QLoRA has none, for QLoRA is another adapter.
TITLES = {
    "right": "{} with the right passage",
    "search": "{}: lost by the search",
    "reading": "{}: lost by reading, the right passage before it",
    "wrong": "{} with another item's passage",
    "content": "{}: brought by what its passages say",
    "presence": "{}: brought by passages that say nothing of the question, against none",
    "shuffled": "{}, trained on shuffled answers",
    "pairs": "{}: brought by the right answer at each question",
}
FEW = "too few independent groups for an interval"


@dataclass(frozen=True, slots=True)
class Finding:
    """One number that a control gives.

    Args:
        name: Which (`TITLES`).
        arm: The approach that it is about.
        control: The control.
        size: A mean mark, or a difference of two.
        low: Lower bound of its 95 % interval; None where there are too few groups.
        high: Upper bound.
    """

    name: str
    arm: str
    control: str
    size: float
    low: float | None
    high: float | None

    def write(self) -> str:
        """Return the number with its interval."""
        if self.low is None or self.high is None:
            return f"{write_number(self.size)} ({FEW})"
        return f"{write_number(self.size)} ({write_number(self.low)} to {write_number(self.high)})"


@dataclass(frozen=True, slots=True)
class Controls:
    """All that the controls of a comparison tell.

    Args:
        findings: Their numbers.
        sentences: What follows, a sentence or two for each control.
    """

    findings: tuple[Finding, ...] = ()
    sentences: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"findings": [asdict(item) for item in self.findings], "sentences": list(self.sentences)}


@dataclass(frozen=True, slots=True)
class _Marks:
    """Marks of the primary metric by arm over the same items, in groups."""

    samples: Mapping[str, Sample]
    clusters: Sequence[str]

    def mean(self, name: str, arm: str, control: str) -> Finding:
        """Return a control's mean."""
        found = self._measure(control)
        return Finding(name, arm, control, found.mean, found.low, found.high)

    def rest(self, name: str, arm: str, control: str) -> Finding:
        """Return what a control's mean lacks of full marks."""
        found = self._measure(control)
        return Finding(name, arm, control, 1 - found.mean, 1 - found.high, 1 - found.low)

    def difference(self, name: str, arm: str, control: str, *, first: str, second: str) -> Finding | None:
        """Return a paired difference; None where one of the two did not answer."""
        if first not in self.samples or second not in self.samples:
            return None
        found = contrast(self.samples[first], self.samples[second], metric="", slice_name="", clusters=self.clusters)
        return Finding(name, arm, control, found.difference, found.ci_low, found.ci_high)

    def _measure(self, arm: str) -> Interval:
        sample = self.samples[arm]
        return mean_interval(sample.marks, self.clusters, trainings=measure_draws(sample))


def measure_controls(
    items: Sequence[Example],
    predictions: Mapping[str, Sequence[Prediction]],
    samples: Mapping[str, Sample],
    clusters: Sequence[str],
) -> Controls:
    """Measure what the controls among the arms show.

    Args:
        items: What was asked.
        predictions: By arm, draw by draw, each in the items' order.
        samples: Marks of the primary metric, by arm.
        clusters: Shape (items,): which items belong together.
    """
    marks = _Marks(samples, clusters)
    told = [
        *(_tell_right(marks, arm, control, items, predictions.get(arm, ())) for control, arm in _answered(RIGHT, samples)),
        *(_tell_wrong(marks, arm, control) for control, arm in _answered(WRONG, samples)),
        *(_tell_shuffled(marks, arm, control) for control, arm in _answered(SHUFFLED, samples)),
    ]
    findings = tuple(item for found, _ in told for item in found if item is not None)
    return Controls(findings, tuple(sentence for _, sentence in told))


def _answered(pairs: Mapping[str, str], samples: Mapping[str, Sample]) -> Iterator[tuple[str, str]]:
    return ((control, arm) for control, arm in pairs.items() if control in samples)


def _tell_right(
    marks: _Marks, arm: str, control: str, items: Sequence[Example], predictions: Sequence[Prediction]
) -> tuple[list[Finding | None], str]:
    """Tell what the approach would reach if the search never failed, and what reading still loses."""
    right, reading = marks.mean("right", arm, control), marks.rest("reading", arm, control)
    search = marks.difference("search", arm, control, first=control, second=arm)
    if search is None:
        lost = f"{find_title(arm)} itself did not answer, so what the search loses is not known"
    else:
        lost = _judge(
            search,
            "the search loses {}",
            "that the search loses anything is not sure: {}",
            "the passages that the search brings serve better than the right one alone (difference {})",
        )
    sentence = f"With the right passage {find_title(arm)} would reach {right.write()}: {lost}; reading loses {reading.write()}."
    return [right, search, reading], " ".join(filter(None, (sentence, _count_found(items, predictions))))


def _count_found(items: Sequence[Example], predictions: Sequence[Prediction]) -> str:
    """Say how often the search brought the evidence, and how many items have none."""
    named = sum(bool(item.evidence) for item in items)
    parts = []
    if predictions and named:
        found = sum(
            bool(item.evidence) and has_evidence(item, answer.hits)
            for item, answer in zip(items, predictions[: len(items)], strict=True)
        )
        parts.append(f"The search brought the evidence of {found} of the {named} items that name some.")
    if rest := len(items) - named:
        who = "1 item names none: for it" if rest == 1 else f"{rest} items name none: for them"
        parts.append(f"{who} the control shows what the search brings.")
    return " ".join(parts)


def _tell_wrong(marks: _Marks, arm: str, control: str) -> tuple[list[Finding | None], str]:
    """Tell what is left of the approach when its passages are another item's."""
    wrong = marks.mean("wrong", arm, control)
    content = marks.difference("content", arm, control, first=arm, second=control)
    bare = BARE.get(arm)
    presence = None if bare is None else marks.difference("presence", arm, control, first=control, second=bare)
    sentence = f"With another item's passage {find_title(arm)} has {wrong.write()}"
    if content is None:
        sentence += f"; {find_title(arm)} itself did not answer, so what its passages bring is not known."
    else:
        brought = _judge(
            content,
            "the passages' content brings {}",
            "that the passages' content brings anything is not sure: {}",
            "its own passages serve worse (difference {})",
        )
        sentence += f": {brought}."
    if presence is not None:
        sentence += f" Against no passages at all, wrong ones make a difference of {presence.write()}."
    return [wrong, content, presence], sentence


def _tell_shuffled(marks: _Marks, arm: str, control: str) -> tuple[list[Finding | None], str]:
    """Tell what an adapter knows that never saw an answer at its question."""
    shuffled = marks.mean("shuffled", arm, control)
    pairs = marks.difference("pairs", arm, control, first=arm, second=control)
    sentence = f"Trained on shuffled answers the adapter has {shuffled.write()}: form and frequencies alone."
    if pairs is not None:
        learned = _judge(
            pairs,
            "The right answer at each question brings {}",
            "That the right answer at each question brings anything is not sure: {}",
            "The right answer at each question brings less than a shuffled one (difference {})",
        )
        sentence += f" {learned}."
    return [shuffled, pairs], sentence


def _judge(finding: Finding, gain: str, unsure: str, loss: str) -> str:
    """Return the words that a difference allows: above 0, not told from 0, or below."""
    if finding.low is None or finding.high is None or finding.low <= 0 <= finding.high:
        return unsure.format(finding.write())
    return (gain if finding.low > 0 else loss).format(finding.write())


def lay_out_controls(summary: Mapping[str, Any], mark: str) -> TableView:
    """Lay out what the controls tell; runs without any, and older ones, have no rows."""
    told = summary.get("controls") or {}
    rows = tuple(_lay_out_finding(Finding(**item)) for item in told.get("findings", ()) if item["name"] in TITLES)
    columns = (Column("What is asked", "control"), Column(summary["primary_metric"], "mark", number=True))
    return TableView(
        f"Controls{mark}",
        (*columns, Column("95 % interval", "95 %", number=True)),
        rows,
        lead=" ".join(told.get("sentences", ())),
        footnote="Controls cheat or are spoilt on purpose: they tell where marks come from, and are no rivals in the verdict. "
        "Right passage: those that hold the evidence, as far as the number of passages allows. Another item's: what the search "
        "brings for it. Shuffled: each training question with the answer of another.",
    )


def _lay_out_finding(finding: Finding) -> TableRow:
    title = TITLES[finding.name].format(find_title(finding.arm))
    sign = "" if finding.name in {"right", "reading", "wrong", "shuffled"} else "+"
    if finding.low is None or finding.high is None:
        return TableRow((title, f"{finding.size:{sign}.3f}", FEW))
    bounds = f"{finding.low:{sign}.3f} to {finding.high:{sign}.3f}"
    return TableRow((title, f"{finding.size:{sign}.3f}", bounds), interval=Interval(finding.size, finding.low, finding.high))
