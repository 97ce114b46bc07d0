"""How well retrieval finds the evidence: on a task, and on a benchmark in BEIR's form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.evaluation.sampling import find_clusters
from core.tasks.task import Task
from core.values import Hit, OnStage, Retriever
from lab.lab import Lab

BLOCK = 32


@dataclass(frozen=True)
class _Watched:
    """A retriever that says how far it is with many queries."""

    retriever: Retriever
    mode: str
    notify: OnStage

    def search(self, queries: Sequence[str], *, top_k: int) -> list[list[Hit]]:
        """Search block by block."""
        found: list[list[Hit]] = []
        for start in range(0, len(queries), BLOCK):
            self.notify(self.mode, start, len(queries))
            found += self.retriever.search(queries[start : start + BLOCK], top_k=top_k)
        self.notify(self.mode, len(queries), len(queries))
        return found


def evaluate_retrieval(lab: Lab, task: Task, *, modes: Sequence[str], notify: OnStage) -> dict[str, Any]:
    """Measure how well each search mode finds the evidence of a task's test questions.

    Raises:
        LabError: There is no index, or no question has evidence.
    """
    from retrieval.quality.metrics import LabelledQuestion, measure_quality

    labelled = [
        LabelledQuestion(item.input, {e.document: 1.0 for e in item.evidence}, cluster)
        for item, cluster in zip(task.test, find_clusters(task.test), strict=True)
    ]
    return {
        mode: measure_quality(_Watched(lab.library.load_retriever(task, mode=mode), mode, notify), labelled).as_json()
        for mode in modes
    }


def evaluate_beir(lab: Lab, folder: Path, *, modes: Sequence[str], notify: OnStage) -> dict[str, Any]:
    """Measure each search mode on a benchmark in BEIR's form; passages are as long as the embedder sees.

    Raises:
        LabError: The folder is not in the form.
    """
    from retrieval.quality.beir import read_beir
    from retrieval.quality.metrics import measure_quality

    documents, labelled = read_beir(folder)
    name = f"{folder.resolve().name}.beir"  # No task's name has a dot, so no task's index is this one.
    return {
        mode: measure_quality(lab.library.search_documents(name, documents, mode=mode, notify=notify), labelled).as_json()
        for mode in modes
    }
