"""What the lab has on one machine: settings, tasks, the model, the embedder, indexes, adapters. It finds and holds them.

What is done with them stands in files of their own: `answering`, `comparison`, `jobs`, `training/`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.comparison.arms import Arm
from core.errors import LabError
from core.settings import Settings
from core.tasks.folders import find_task, owns, stamp_task
from core.tasks.loading import load_task
from core.tasks.task import Task
from core.values import Generator
from lab.library import Library
from lab.loading import LoadWatch
from lab.model_slot import ModelSlot

if TYPE_CHECKING:
    from finetune.adapters.fit import Fitting, Need


@dataclass
class Lab:
    """The lab on one machine. Heavy parts are loaded when first needed and kept.

    Args:
        settings: Where state lives and which model answers.
        generator: Set by tests to a fake; otherwise the model is loaded from disk.
        embedder: Set by tests; otherwise MiniLM.
        slot: Holds the loaded model; shared by all views of one lab.
        embedding: How far the loading of the embedder is; shared too.
    """

    settings: Settings
    generator: Generator | None = None
    embedder: Any = None
    slot: ModelSlot = field(default_factory=ModelSlot, repr=False)
    embedding: LoadWatch = field(default_factory=LoadWatch, repr=False)
    library: Library = field(init=False)
    _tasks: dict[Path, tuple[Any, Task]] = field(init=False, default_factory=dict, repr=False)
    _origin: Lab | None = field(init=False, default=None, repr=False)
    _host: Lab | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        """Open the library; its embedder is loaded when it is first needed."""
        host = Library(self.settings.for_host(), lambda: self.load_embedder()) if self.settings.shared is not None else None
        self.library = Library(self.settings, lambda: self.load_embedder(), host=host)

    def task(self, name: str) -> Task:
        """Return a task by name or path; it is read anew when one of its files has changed."""
        folder = find_task(name, self.settings)
        stamp = stamp_task(folder)
        tasks = self._tasks if self._host is None or owns(self.settings, folder) else self._host._tasks
        known = tasks.get(folder)
        if known is None or known[0] != stamp:
            known = tasks[folder] = (stamp, load_task(folder))
        return known[1]

    def for_visitor(self, key: str) -> Lab:
        """Return a view of this lab for one visitor: the same model and embedder, and nothing of any other visitor.

        What lies in this lab's own home is offered to every visitor, and stays as it is.

        Args:
            key: Who they are; only its hash is kept.
        """
        view = copy.copy(self)
        view.settings, view._origin, view._host, view._tasks = self.settings.for_visitor(key), self, self, {}
        view.library = Library(view.settings, lambda: view.load_embedder(), host=self.library)
        return view

    def load_generator(self) -> Generator:
        """Return the generator, loading the model at the first call."""
        return self.generator if self.generator is not None else self.slot.load(self.settings)

    def at_model(self, model: str = "", storage: str = "") -> Lab:
        """Return a view of this lab whose answers and trainings are another model's; empty keeps what is set.

        It shares everything else, and what is done with it does not notice that this lab chooses another model meanwhile.

        Raises:
            LabError: There is no such storage.
        """
        view = copy.copy(self)
        view.settings, view._origin = self.settings.at_model(model, storage), self
        return view

    def choose_model(self, model: str = "", storage: str = "") -> None:
        """Let this lab answer with another model from now on; the old one is freed, the new one loaded by the next question.

        Raises:
            LabError: The model is not here, or there is no such storage, or it is no visitor's to choose; nothing is changed.
        """
        from core.generation.models import find_model

        if self.settings.shared is not None:
            raise LabError("The model of this page answers all its visitors.", "A copy of your own can use another one.")
        chosen = self.settings.at_model(model, storage)
        find_model(chosen)
        if chosen != self.settings:
            self.settings = chosen
            self.slot.free()

    def load_embedder(self) -> Any:
        """Return the embedder, loading it at the first call."""
        if self.embedder is None and self._origin is not None:
            return self._origin.load_embedder()  # One embedder serves all views.
        return self.embedding.load_once(lambda: self.embedder, self._open_embedder)

    def _open_embedder(self) -> Any:
        from retrieval.embedding.embedder import SentenceEmbedder

        self.embedder = SentenceEmbedder(graphs=self.settings.folder("graphs"))
        return self.embedder

    def find_adapters(self, task: Task, arm: Arm, *, adapters: Sequence[str] = (), allow_misfit: bool = False) -> Fitting:
        """Return the adapters that an arm answers with: those of `adapters` that fit, where none is named the one that answers.

        Raises:
            LabError: None fits, one is not there, or one is damaged; how to make one that fits is said.
        """
        from finetune.adapters.fit import Fitting, choose_adapter, take_adapters

        need = self.describe_need(task, arm)
        if adapters:
            return take_adapters(self.settings, adapters, need, allow_misfit=allow_misfit)
        return Fitting((choose_adapter(self.settings, need),))

    def describe_need(self, task: Task, arm: Arm) -> Need:
        """Return what an arm needs of an adapter, over the model that this lab answers with."""
        from finetune.adapters.fit import Need

        about = self.load_generator().description
        storage = str(about.get("storage") or self.settings.storage)
        storage = {"full": "bf16"}.get(storage, storage)
        return Need(task, str(about["weights"]), arm.top_k > 0, arm.title, arm.shuffled, storage)
