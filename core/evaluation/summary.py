"""From predictions to the numbers of a comparison: per arm, per slice, per pair of arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from core.answers.validation import validate
from core.comparison.arms import BASELINES, is_control, sort_by_simplicity
from core.evaluation.acceptance import choose_expected
from core.evaluation.causes import count_causes, measure_refusals
from core.evaluation.controls import Controls, measure_controls
from core.evaluation.effects import Effect, measure_effects
from core.evaluation.intervals import mean_interval
from core.evaluation.ordinal import describe_ordinals
from core.evaluation.sampling import find_clusters
from core.evaluation.scoring import Score, score_answer
from core.evaluation.sources import measure_sources
from core.evaluation.statistics import Contrast, Sample, contrast, correct_holm, measure_draws
from core.evaluation.usage import LatencyRatio, UsageDifference, compare_latencies, compare_usage, measure_usage, stack_usage
from core.evaluation.verdict import DEFAULT_MARGIN, Exam, Verdict, decide, find_advice
from core.tasks.task import Task
from core.values import Example, Prediction

ALL = "all"  # The name of the slice that holds every item.
SLIPS = ("invented", "missing", "wrong")  # Values of the answers, counted.
VALIDITIES = ("json_valid", "schema_valid")


@dataclass(frozen=True)
class Marked:
    """One arm's answers and their marks: adapter by adapter where several answered, each in the items' order.

    Args:
        items: How many items there are.
        scores: Shape (adapters * items,).
        valid: Whether each answer is valid JSON, and valid under the schema, by the names of `VALIDITIES`.
        ordinals: How the answers agree on each scale of the schema.
        predictions: As `scores`; empty for a baseline, for which no model wrote.
    """

    items: int
    scores: Sequence[Score]
    valid: Mapping[str, Sequence[bool]]
    ordinals: Mapping[str, Mapping[str, Any]]
    predictions: Sequence[Prediction] = ()

    @property
    def draws(self) -> tuple[str, ...]:
        """Names of the adapters, or of the draws of the prompt's examples, that answered, in their order."""
        return tuple(dict.fromkeys(filter(None, map(name_draw, self.predictions))))

    def sample(self, arm: str, metric: str) -> Sample:
        """Return the marks of a metric: a mark's name, or `json_valid`, `schema_valid` as 0 or 1."""
        values = [float(value) for value in self.valid[metric]] if metric in self.valid else self._marks(metric)
        rows = [values[start : start + self.items] for start in range(0, len(values), self.items)]
        return Sample(arm, rows, self.draws)

    def mean(self, metric: str) -> float:
        """Return a metric's mean over items and adapters."""
        return self.sample("", metric).mean

    def pick(self, places: Sequence[int]) -> Marked:
        """Return the answers to some of the items."""
        chosen = [start + place for start in range(0, len(self.scores), self.items) for place in places]
        return Marked(
            len(places),
            [self.scores[place] for place in chosen],
            {name: [values[place] for place in chosen] for name, values in self.valid.items()},
            {},
            [self.predictions[place] for place in chosen] if self.predictions else (),
        )

    def _marks(self, metric: str) -> list[float]:
        return [score.metric(metric) for score in self.scores]


@dataclass(frozen=True)
class Summary:
    """All numbers of a comparison; `as_json` is what the command line prints and the page shows."""

    arms: Mapping[str, Mapping[str, Any]]
    slices: Mapping[str, Mapping[str, Mapping[str, Any]]]
    contrasts: Sequence[Contrast]
    verdict: Verdict
    primary_metric: str
    margin: float
    effects: Sequence[Effect] = ()
    advice: str = ""  # What would settle an inconclusive verdict.
    usage: Sequence[UsageDifference] = ()
    latency: Sequence[LatencyRatio] = ()
    controls: Controls = Controls()

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "primary_metric": self.primary_metric,
            "margin": self.margin,
            "arms": self.arms,
            "slices": self.slices,
            "contrasts": [asdict(item) for item in self.contrasts],
            "effects": [asdict(item) for item in self.effects],
            "controls": self.controls.as_json(),
            "advice": self.advice,
            "usage": [asdict(item) for item in self.usage],
            "latency": [asdict(item) for item in self.latency],
            "verdict": asdict(self.verdict),
        }


@dataclass(frozen=True)
class Answered:
    """What is summarized.

    Args:
        predictions: By arm: adapter by adapter where several answered, each in the items' order.
        baselines: By baseline: an answer for each item, None where it has none.
    """

    predictions: Mapping[str, Sequence[Prediction]]
    baselines: Mapping[str, Sequence[Mapping[str, Any] | None]] = field(default_factory=dict)


def mark(task: Task, items: Sequence[Example], predictions: Sequence[Prediction]) -> Marked:
    """Score one arm's predictions, which stand in the items' order, adapter by adapter."""
    pairs = [_pair(task, p.value, items[place % len(items)]) for place, p in enumerate(predictions)]
    valid = {name: [getattr(p, name) for p in predictions] for name in VALIDITIES}
    return Marked(len(items), _score(task, pairs), valid, describe_ordinals(task.schema, pairs), predictions)


def mark_values(task: Task, items: Sequence[Example], values: Sequence[Mapping[str, Any] | None]) -> Marked:
    """Score the answers of a baseline."""
    pairs = [_pair(task, value, item) for value, item in zip(values, items, strict=True)]
    given = [value is not None for value in values]
    held = [value is not None and not validate(value, task.schema) for value in values]
    valid = dict(zip(VALIDITIES, (given, held), strict=True))
    return Marked(len(items), _score(task, pairs), valid, describe_ordinals(task.schema, pairs))


def _pair(task: Task, value: Any, item: Example) -> tuple[Any, Mapping[str, Any]]:
    return value, choose_expected(value, item, task.schema)


def _score(task: Task, pairs: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[Score]:
    return [score_answer(value, expected, task.schema) for value, expected in pairs]


def name_draw(prediction: Prediction) -> str | None:
    """Return what tells the draws of one arm apart; None where there is one only."""
    if prediction.adapter is not None:
        return prediction.adapter
    return None if prediction.shot_draw is None else f"examples {prediction.shot_draw}"


def find_margin(task: Task) -> float:
    """Return the margin of equivalence of a task's primary metric: declared in task.toml, else the default."""
    return task.margins.get(task.primary_metric, DEFAULT_MARGIN)


def summarize(task: Task, items: Sequence[Example], answered: Answered) -> Summary:
    """Summarize a comparison of arms that answered the same items.

    The primary family, corrected together, is every pair of arms on the primary metric over all items. The pairs with
    the baselines, which the verdict needs too, and those on schema validity and on each slice are not corrected.
    """
    # Controls stand last, are compared with what they were made of alone, and are no rivals.
    everyone = {name: mark(task, items, answered.predictions[name]) for name in sorted(answered.predictions, key=is_control)}
    arms = {name: one for name, one in everyone.items() if not is_control(name)}
    baselines = {name: mark_values(task, items, values) for name, values in answered.baselines.items()}
    rivals, marked = {**baselines, **arms}, {**baselines, **everyone}
    metric, clusters = task.primary_metric, find_clusters(items)
    exam = Exam(metric, find_margin(task), clusters, len(task.test))
    slices = {name: _pick_slice(items, marked, name) for name in sorted({item.slice for item in items if item.slice})}
    pairs = _compare_pairs(clusters, rivals, metric, ALL)
    primary = correct_holm([item for item in pairs if not {item.a, item.b} & BASELINES.keys()])
    secondary = [item for item in pairs if {item.a, item.b} & BASELINES.keys()]
    secondary += _compare_pairs(clusters, arms, "schema_valid", ALL)
    for name, (some, chosen) in slices.items():
        secondary += _compare_pairs(find_clusters(some), {arm: chosen[arm] for arm in arms}, metric, name)
    samples = {name: one.sample(name, metric) for name, one in rivals.items()}
    used = {name: stack_usage(one.predictions, one.items) for name, one in arms.items()}
    return Summary(
        arms={
            name: {**_describe(clusters, one, metric), **_explain(items, one, metric), "control": is_control(name)}
            for name, one in marked.items()
        },
        slices={name: _describe_slice(find_clusters(some), chosen, metric) for name, (some, chosen) in slices.items()},
        contrasts=primary + secondary,
        verdict=decide(exam, samples, primary + secondary),
        primary_metric=metric,
        margin=exam.margin,
        effects=measure_effects({name: samples[name] for name in arms}, clusters),
        advice=find_advice(exam, samples, primary + secondary),
        usage=compare_usage(used, clusters),
        latency=compare_latencies(used, clusters),
        controls=measure_controls(
            items, answered.predictions, {name: one.sample(name, metric) for name, one in everyone.items()}, clusters
        ),
    )


def _pick_slice(items: Sequence[Example], marked: Mapping[str, Marked], name: str) -> tuple[list[Example], dict[str, Marked]]:
    places = [place for place, item in enumerate(items) if item.slice == name]
    return [items[place] for place in places], {arm: answered.pick(places) for arm, answered in marked.items()}


def _compare_pairs(clusters: Sequence[str], marked: Mapping[str, Marked], metric: str, slice_name: str) -> list[Contrast]:
    """Compare every pair, the simpler one subtracted; two baselines are not compared with each other."""
    samples = {name: one.sample(name, metric) for name, one in marked.items()}
    return [
        contrast(samples[a], samples[b], metric=metric, slice_name=slice_name, clusters=clusters)
        for b, a in combinations(sort_by_simplicity(marked), 2)
        if not {a, b} <= BASELINES.keys() or metric != "schema_valid"
    ]


def stamp_leaks(summary: dict[str, Any], leaks: Mapping[str, Any], items: int) -> None:
    """Record in a summary which items were seen before the exam, and what was looked at.

    Where items were seen as they are, or stand with their answers in a document, no verdict is given. Near copies are
    stamped only: short texts of one label are often alike, and a person sees both and judges.
    """
    sentences = []
    if leaks["items"]:
        where = " or ".join([*leaks["adapters"], "the prompts' examples"])
        sentences.append(f"LEAKED: {len(leaks['items'])} of {items} test items were seen by {where}.")
    if leaks.get("documents"):
        sentences.append(f"LEAKED: {' '.join(leaks['documents'])}")
    if sentences:
        sentences.append("These marks do not tell how well new questions are answered.")
        summary["verdict"] = asdict(Verdict("invalid", None, " ".join(sentences)))
    if near := leaks.get("near", ()):
        sentences.append(
            f"{len(near)} of {items} test items nearly repeat what an approach was shown (first: {near[0][1]!r}, like "
            f"{near[0][0]!r}): its marks may be too high."
        )
    if leaks["unknown"]:
        sentences.append(f"Leakage unknown: {leaks['unknown'][0]} does not record what it was trained on.")
    summary["leakage"] = " ".join(sentences)
    summary["leaks_checked"] = {name: list(leaks.get(name, ())) for name in ("checked", "unchecked")}


def stamp_misfits(summary: dict[str, Any], misfits: Sequence[str]) -> None:
    """Record in a summary which adapters do not fit the arms that they answered for; with any, no verdict is given."""
    summary["misfit"] = f"MISFIT: {' '.join(misfits)}" if misfits else ""
    if misfits:
        summary["verdict"] = asdict(Verdict("invalid", None, summary["misfit"]))


def find_fault(summary: Mapping[str, Any]) -> str:
    """Return why a run's marks do not count, as its stamp says it: items that leaked, adapters that do not fit; else nothing.

    A verdict is also invalid where one arm alone answered: that arm's marks count all the same.
    """
    verdict = summary.get("verdict") or {}
    sentence = str(verdict.get("sentence", ""))
    return sentence if verdict.get("state") == "invalid" and sentence.startswith(("LEAKED:", "MISFIT:")) else ""


def _describe(clusters: Sequence[str], marked: Marked, metric: str) -> dict[str, Any]:
    """Return the numbers of an arm, or of a baseline, which has neither tokens nor seconds."""
    about = _describe_marks(clusters, marked, metric)
    about["fields"] = _average_fields(marked.scores)
    about["slips"] = {name: sum(getattr(score, name) for score in marked.scores) for name in SLIPS}
    about["ordinals"] = dict(marked.ordinals)
    if not marked.predictions:
        return {"status": "baseline", **about}
    predictions = marked.predictions
    seconds = [p.generation.seconds for p in predictions]
    if len(marked.draws) > 1:
        rows = marked.sample("", metric).rows
        about["draws"] = dict(zip(marked.draws, map(float, rows.mean(axis=1)), strict=True))
    return {
        "status": "ok",
        **about,
        "stages": {
            stage: sum(p.stage == stage for p in predictions) for stage in ("strict", "extracted", "repaired", "failed")
        },
        "truncated": sum(p.generation.finish == "length" for p in predictions),
        "latency_p50": float(np.percentile(seconds, 50)),
        "latency_p95": float(np.percentile(seconds, 95)),
        "prompt_tokens": float(np.mean([p.generation.prompt_tokens for p in predictions])),
        "new_tokens": float(np.mean([p.generation.new_tokens for p in predictions])),
        "seconds": float(sum(seconds)),
        "cost": _measure_cost(clusters, marked),
    }


def _measure_cost(clusters: Sequence[str], marked: Marked) -> dict[str, Any]:
    """Return what the answers took, and the shares of those that are worth it: right in all fields and valid, or valid."""
    held = marked.valid["schema_valid"]
    right = [float(score.exact >= 1 and valid) for score, valid in zip(marked.scores, held, strict=True)]
    rows = np.reshape(right, (-1, marked.items))
    samples = {"right": Sample("", rows.tolist(), marked.draws), "valid": marked.sample("", "schema_valid")}
    shares = {name: asdict(mean_interval(one.marks, clusters, trainings=measure_draws(one))) for name, one in samples.items()}
    return {**measure_usage(stack_usage(marked.predictions, marked.items), clusters).as_json(), **shares}


def _explain(items: Sequence[Example], marked: Marked, metric: str) -> dict[str, Any]:
    """Return why an arm's answers lost marks, how well it refuses, and what can be traced; a baseline has none of it."""
    if not marked.predictions:
        return {}
    causes = count_causes(items, marked.predictions, [score.metric(metric) for score in marked.scores], metric=metric)
    return {
        "causes": {cause: asdict(loss) for cause, loss in causes.items()},
        "refusals": measure_refusals(items, marked.predictions, metric=metric),
        "sources": measure_sources(items, marked.predictions),
    }


def _average_fields(scores: Sequence[Score]) -> dict[str, float]:
    """Return the mean mark of each field over the answers of which it is expected or given."""
    names = dict.fromkeys(name for score in scores for name in score.fields)
    return {name: float(np.mean([score.fields[name] for score in scores if name in score.fields])) for name in names}


def _describe_slice(clusters: Sequence[str], marked: Mapping[str, Marked], metric: str) -> dict[str, dict[str, Any]]:
    return {name: _describe_marks(clusters, one, metric) for name, one in marked.items()}


def _describe_marks(clusters: Sequence[str], marked: Marked, metric: str) -> dict[str, Any]:
    samples = {"primary": marked.sample("", metric), "validity": marked.sample("", "schema_valid")}
    return {
        "n": marked.items,
        **{name: asdict(mean_interval(one.marks, clusters, trainings=measure_draws(one))) for name, one in samples.items()},
        **{name: marked.mean(name) for name in ("json_valid", "schema_valid", "exact", "score")},
    }
