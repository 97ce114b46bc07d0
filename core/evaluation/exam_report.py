"""What a task's exam can show before anybody sits it: independent units, wording, what needs no model, who checked the labels."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from core.errors import LabError
from core.evaluation.acceptance import score_example
from core.evaluation.baselines import choose_majority, list_baselines
from core.evaluation.intervals import wilson_interval
from core.evaluation.length_rule import answer_by_length
from core.evaluation.registration import register
from core.evaluation.sampling import find_clusters
from core.tasks.task import Task
from core.values import Example

AUDIT = "audit.jsonl"
STEM = 6  # Letters of a word that are compared.


def report_exam(task: Task) -> dict[str, Any]:
    """Report on the test split of a task; nothing is loaded but the task's own files.

    Returns:
        `items`, `independent_units`, `effective_units` (n² / Σ m² over groups of m items, Kish 1965), `detectable`, the
        smallest lead on the primary metric that 2 and 4 approaches show in 4 of 5 comparisons, `without_model`, the marks of
        the majority value and of length alone, `overlap`, by slice the share of a question's content words that its evidence
        or its document's name holds, and `audit`, how far a second reading agreed with the labels, None where there is none.

    Raises:
        LabError: The audit's file is damaged.
    """
    sizes = Counter(find_clusters(task.test)).values()
    return {
        "items": len(task.test),
        "independent_units": len(sizes),
        "effective_units": measure_effective(sizes),
        "detectable": {count: register(task, task.test, [str(arm) for arm in range(count)]).smallest_lead for count in (2, 4)},
        "without_model": _mark_without_model(task),
        "overlap": measure_overlap(task.test),
        "audit": read_audit(task.folder / AUDIT, {item.id for item in task.test}),
    }


def measure_effective(sizes: Iterable[int]) -> float:
    """Return how many independent items groups of these sizes are worth: n² / Σ m², 0 without any."""
    counted = list(sizes)
    return sum(counted) ** 2 / sum(size**2 for size in counted) if counted else 0.0


def measure_overlap(items: Sequence[Example]) -> dict[str, float]:
    """Return by slice the mean share of a question's content words that stand in its evidence or its document's name."""
    shares: dict[str, list[float]] = {}
    for item in items:
        if item.evidence and (asked := find_content(item.input)):
            known = find_content(" ".join(f"{part.document} {part.quote}" for part in item.evidence))
            shares.setdefault(item.slice or "all", []).append(len(asked & known) / len(asked))
    return {name: fmean(values) for name, values in sorted(shares.items())}


def find_content(text: str) -> set[str]:
    """Return the first letters of a text's content words: English stop words are none."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return {word[:STEM] for word in re.findall(r"[^\W_]+", text.casefold()) if word not in ENGLISH_STOP_WORDS}


def read_audit(path: Path, ids: set[str]) -> dict[str, Any] | None:
    """Return what a second reading of test labels found; None where there was none.

    A line of the file is `id`, `agrees`, and where they differ `field`, `reason` and `corrected`.

    Raises:
        LabError: Names file, line and what is wrong.
    """
    if not path.is_file():
        return None
    agreed = []
    for number, line in enumerate(filter(str.strip, path.read_text(encoding="utf-8").split("\n")), start=1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise LabError(f"{path}:{number}: not JSON: {error}.") from error
        if not isinstance(row, dict) or not isinstance(row.get("agrees"), bool) or row.get("id") not in ids:
            raise LabError(f"{path}:{number}: {line[:80]!r}.", 'It must be {"id": a test item, "agrees": true or false, ...}.')
        agreed.append(row["agrees"])
    if not agreed:
        return None
    return {"items": len(agreed), "agree": fmean(agreed), "interval": asdict(wilson_interval(sum(agreed), len(agreed)))}


def _mark_without_model(task: Task) -> dict[str, float]:
    """Mark the answers that need neither a model nor an index, on the primary metric."""
    if not task.train:
        return {}
    usual = choose_majority(task)
    answers = {"majority": [usual] * len(task.test)}
    if "length" in list_baselines(task):
        answers["length"] = answer_by_length(task, task.test, usual)
    return {
        name: fmean(
            score_example(value, item, task.schema).metric(task.primary_metric)
            for value, item in zip(values, task.test, strict=True)
        )
        for name, values in answers.items()
    }
