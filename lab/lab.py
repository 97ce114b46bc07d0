"""What the lab has on one machine: settings, tasks, the model, the embedder, indexes, adapters. It finds and holds them.

What is done with them stands in files of their own: `answering`, `comparison`, `jobs`, `training/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.comparison.arms import Arm
from core.settings import Settings
from core.tasks.folders import find_task, stamp_task
from core.tasks.loading import load_task
from core.tasks.task import Task
from core.values import Generator
from lab.library import Library

if TYPE_CHECKING:
    from finetune.adapters.fit import Fitting


@dataclass
class Lab:
    """The lab on one machine. Heavy parts are loaded when first needed and kept.

    Args:
        settings: Where state lives and which model answers.
        generator: Set by tests to a fake; otherwise the model is loaded from disk.
        embedder: Set by tests; otherwise MiniLM.
    """

    settings: Settings
    generator: Generator | None = None
    embedder: Any = None
    library: Library = field(init=False)
    _tasks: dict[Path, tuple[Any, Task]] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Open the library; its embedder is loaded when it is first needed."""
        self.library = Library(self.settings, lambda: self.load_embedder())

    def task(self, name: str) -> Task:
        """Return a task by name or path; it is read anew when one of its files has changed."""
        folder = find_task(name, self.settings)
        stamp = stamp_task(folder)
        known = self._tasks.get(folder)
        if known is None or known[0] != stamp:
            known = self._tasks[folder] = (stamp, load_task(folder))
        return known[1]

    def load_generator(self) -> Generator:
        """Return the generator, loading the model at the first call."""
        if self.generator is None:
            from core.generation.decoder import load_generator
            from core.generation.device import set_threads
            from core.generation.models import find_model

            folder = find_model(self.settings)
            set_threads(self.settings.threads)
            self.generator = load_generator(folder)
        return self.generator

    def load_embedder(self) -> Any:
        """Return the embedder, loading it at the first call."""
        if self.embedder is None:
            from retrieval.embedding.embedder import SentenceEmbedder

            self.embedder = SentenceEmbedder(graphs=self.settings.folder("graphs"))
        return self.embedder

    def find_adapters(self, task: Task, arm: Arm, *, adapters: Sequence[str] = (), allow_misfit: bool = False) -> Fitting:
        """Return the adapters that an arm answers with: those of `adapters` that fit, where none is named the one that answers.

        Raises:
            LabError: None fits, one is not there, or one is damaged; how to make one that fits is said.
        """
        from finetune.adapters.fit import Fitting, Need, choose_adapter, take_adapters

        need = Need(task, str(self.load_generator().description["weights"]), arm.top_k > 0, arm.title)
        if adapters:
            return take_adapters(self.settings, adapters, need, allow_misfit=allow_misfit)
        return Fitting((choose_adapter(self.settings, need),))
