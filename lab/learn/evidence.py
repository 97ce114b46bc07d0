"""What one's own comparisons say on the choice between retrieving and fine-tuning: verdicts of stored runs, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.comparison.arms import ARMS
from core.comparison.runs import Run, list_runs
from core.evaluation.break_even import find_break_even
from core.evaluation.card import make_card
from core.evaluation.prices import Prices
from core.settings import Settings

SHOWN = 4  # Runs; more would push the recommendation out of sight.


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """What one run says: its id, task and verdict, the recommended approach's kind, reasons, and when the costlier pays back."""

    run: str
    task: str
    sentence: str
    kind: str
    reasons: tuple[str, ...]
    break_even: str


@dataclass(frozen=True, slots=True)
class OwnEvidence:
    """What all runs say: the newest few, how often which kind was recommended, and what could not be read."""

    runs: tuple[RunEvidence, ...]
    count: int
    kinds: tuple[tuple[str, int], ...]
    damaged: tuple[str, ...]


def find_evidence(settings: Settings, task: str | None = None) -> OwnEvidence:
    """Read the stored runs, those of the given task first."""
    listing = list_runs(settings)
    runs = sorted(listing.whole, key=lambda run: run.task != task)  # Stable: newest first within each half.
    judged = [run for run in runs if isinstance(run.summary.get("verdict"), dict)]
    kinds = Counter(_name_kind(make_card(run.summary).recommendation) for run in judged)
    return OwnEvidence(
        tuple(_read_run(run) for run in judged[:SHOWN]), len(judged), tuple(kinds.most_common()), tuple(listing.damaged)
    )


def _read_run(run: Run) -> RunEvidence:
    card = make_card(run.summary)
    found = find_break_even(run.summary, Prices())
    sentence = found.sentence if found is not None else ""
    return RunEvidence(run.id, run.task, card.sentence, _name_kind(card.recommendation), card.reasons, sentence)


def _name_kind(arm: str | None) -> str:
    """Return which way an arm goes; an arm of an older version, or a baseline, is neither."""
    if arm is None:
        return "no recommendation"
    if arm not in ARMS:
        return "neither"
    ways = [name for name, used in (("retrieval", ARMS[arm].top_k > 0), ("fine-tuning", ARMS[arm].uses_adapter)) if used]
    return " and ".join(ways) or "neither"


def count_runs(evidence: OwnEvidence) -> Sequence[str]:
    """Return a sentence for each kind that was recommended."""
    return [f"{kind} in {count} of {evidence.count}" for kind, count in evidence.kinds]
