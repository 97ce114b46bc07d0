"""How well retrieval finds the evidence: on a task, and on a benchmark in BEIR's form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.task import Task
from ui.lab import Lab, Notify


def evaluate_retrieval(lab: Lab, task: Task, *, modes: Sequence[str]) -> dict[str, Any]:
    """Measure how well each search mode finds the evidence of a task's test questions.

    Raises:
        LabError: There is no index, or no question has evidence.
    """
    from retrieval.metrics import Labelled, measure_quality

    labelled = [Labelled(item.input, {e.document: 1.0 for e in item.evidence}, item.cluster) for item in task.test]
    return {mode: measure_quality(lab.load_retriever(task, mode=mode), labelled).as_json() for mode in modes}


def evaluate_beir(lab: Lab, folder: Path, *, modes: Sequence[str], notify: Notify) -> dict[str, Any]:
    """Measure each search mode on a benchmark in BEIR's form; passages are as long as the embedder sees.

    Raises:
        LabError: The folder is not in the form.
    """
    from retrieval.beir import read_beir
    from retrieval.index import build_index, is_current, load_index
    from retrieval.metrics import measure_quality
    from retrieval.search import HybridRetriever

    documents, labelled = read_beir(folder)
    embedder = lab.load_embedder()
    place = lab.settings.folder("indexes") / f"beir-{folder.resolve().name}"
    window = embedder.fingerprint.max_tokens
    if is_current(place, documents, embedder.fingerprint, passage_tokens=window):
        index = load_index(place, embedder.fingerprint, task=place.name)
    else:
        index = build_index(
            documents, embedder, place, passage_tokens=window, on_progress=lambda step, total: notify("index", step, total)
        )
    return {mode: measure_quality(HybridRetriever(index, embedder, mode=mode), labelled).as_json() for mode in modes}
