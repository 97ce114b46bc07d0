"""From predictions to the numbers of a comparison: per arm, per slice, per pair of arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from core.comparison.arms import sort_by_simplicity
from core.evaluation.scoring import Score, score_answer
from core.evaluation.statistics import Contrast, Sample, contrast, correct_holm, mean_interval
from core.evaluation.verdict import Verdict, decide
from core.tasks.task import Task
from core.values import Example, Prediction

ALL = "all"  # The name of the slice that holds every item.


@dataclass(frozen=True)
class Marked:
    """One arm's answers, aligned with the items, and their marks."""

    predictions: Sequence[Prediction]
    scores: Sequence[Score]

    def values(self, metric: str) -> list[float]:
        """Return one value per item: a mark, or `json_valid`, `schema_valid` as 0 or 1."""
        if metric in {"json_valid", "schema_valid"}:
            return [float(getattr(prediction, metric)) for prediction in self.predictions]
        return [score.metric(metric) for score in self.scores]

    def pick(self, places: Sequence[int]) -> Marked:
        """Return the answers to some of the items."""
        return Marked([self.predictions[place] for place in places], [self.scores[place] for place in places])


@dataclass(frozen=True)
class Summary:
    """All numbers of a comparison; `as_json` is what the command line prints and the page shows."""

    arms: Mapping[str, Mapping[str, Any]]
    slices: Mapping[str, Mapping[str, Mapping[str, Any]]]
    contrasts: Sequence[Contrast]
    verdict: Verdict
    primary_metric: str

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "primary_metric": self.primary_metric,
            "arms": self.arms,
            "slices": self.slices,
            "contrasts": [asdict(item) for item in self.contrasts],
            "verdict": asdict(self.verdict),
        }


def mark(task: Task, items: Sequence[Example], predictions: Sequence[Prediction]) -> Marked:
    """Score one arm's predictions, which stand in the items' order."""
    pairs = zip(items, predictions, strict=True)
    return Marked(predictions, [score_answer(p.value, item.output or {}, task.schema) for item, p in pairs])


def summarize(task: Task, items: Sequence[Example], answers: Mapping[str, Sequence[Prediction]], *, seed: int = 0) -> Summary:
    """Summarize a comparison of arms that answered the same items.

    The primary family, corrected together, is every pair of arms on the primary metric over all items. The
    pairs on schema validity and on each slice explain it and are not corrected.
    """
    marked = {arm: mark(task, items, predictions) for arm, predictions in answers.items()}
    metric = task.primary_metric
    slices = {name: _pick_slice(items, marked, name) for name in sorted({item.slice for item in items if item.slice})}
    primary = correct_holm(_compare_pairs(items, marked, metric, ALL, seed=seed))
    secondary = _compare_pairs(items, marked, "schema_valid", ALL, seed=seed)
    for name, (some, answered) in slices.items():
        secondary += _compare_pairs(some, answered, metric, name, seed=seed)
    return Summary(
        arms={arm: _describe_arm(items, answered, metric, seed=seed) for arm, answered in marked.items()},
        slices={name: _describe_slice(some, answered, metric, seed=seed) for name, (some, answered) in slices.items()},
        contrasts=primary + secondary,
        verdict=decide(metric, {arm: _mean(answered.values(metric)) for arm, answered in marked.items()}, primary),
        primary_metric=metric,
    )


def _pick_slice(items: Sequence[Example], marked: Mapping[str, Marked], name: str) -> tuple[list[Example], dict[str, Marked]]:
    places = [place for place, item in enumerate(items) if item.slice == name]
    return [items[place] for place in places], {arm: answered.pick(places) for arm, answered in marked.items()}


def _compare_pairs(
    items: Sequence[Example], marked: Mapping[str, Marked], metric: str, slice_name: str, *, seed: int
) -> list[Contrast]:
    """Compare every pair of arms, the simpler one subtracted."""
    samples = {arm: Sample(arm, answered.values(metric)) for arm, answered in marked.items()}
    clusters = [item.cluster for item in items]
    return [
        contrast(samples[a], samples[b], metric=metric, slice_name=slice_name, clusters=clusters, seed=seed)
        for b, a in combinations(sort_by_simplicity(marked), 2)
    ]


def stamp_leaks(summary: dict[str, Any], leaks: Mapping[str, Any], items: int) -> None:
    """Record in a summary which items were seen in training; with any, no verdict is given."""
    summary["leakage"] = ""
    if leaks["items"]:
        where = " or ".join([*leaks["adapters"], "the prompts' examples"])
        summary["leakage"] = (
            f"LEAKED: {len(leaks['items'])} of {items} test items were seen by {where}. "
            "These marks do not tell how well new questions are answered."
        )
        summary["verdict"] = asdict(Verdict("invalid", None, summary["leakage"]))
    elif leaks["unknown"]:
        summary["leakage"] = f"Leakage unknown: {leaks['unknown'][0]} does not record what it was trained on."


def _describe_arm(items: Sequence[Example], marked: Marked, metric: str, *, seed: int) -> dict[str, Any]:
    predictions = marked.predictions
    clusters = [item.cluster for item in items]
    seconds = [p.generation.seconds for p in predictions]
    primary = mean_interval(marked.values(metric), clusters, seed=seed)
    return {
        "status": "ok",
        "n": len(predictions),
        "json_valid": _mean(marked.values("json_valid")),
        "schema_valid": _mean(marked.values("schema_valid")),
        "exact": _mean(marked.values("exact")),
        "score": _mean(marked.values("score")),
        "primary": asdict(primary),
        "fields": {name: _mean([score.fields[name] for score in marked.scores]) for name in marked.scores[0].fields},
        "stages": {
            stage: sum(p.stage == stage for p in predictions) for stage in ("strict", "extracted", "repaired", "failed")
        },
        "truncated": sum(p.generation.finish == "length" for p in predictions),
        "latency_p50": float(np.percentile(seconds, 50)),
        "latency_p95": float(np.percentile(seconds, 95)),
        "prompt_tokens": _mean([p.generation.prompt_tokens for p in predictions]),
        "new_tokens": _mean([p.generation.new_tokens for p in predictions]),
        "seconds": float(sum(seconds)),
    }


def _describe_slice(
    items: Sequence[Example], marked: Mapping[str, Marked], metric: str, *, seed: int
) -> dict[str, dict[str, Any]]:
    clusters = [item.cluster for item in items]
    return {
        arm: {
            "n": len(items),
            "primary": asdict(mean_interval(answered.values(metric), clusters, seed=seed)),
            **{name: _mean(answered.values(name)) for name in ("schema_valid", "exact", "score")},
        }
        for arm, answered in marked.items()
    }


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
