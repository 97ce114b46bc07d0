"""The one model that a process holds: loaded when it is first asked, freed when another one is."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from threading import RLock

from core.errors import LabError
from core.generation.zero_gpu import awaits_gpu
from core.settings import Settings
from core.values import Generator
from lab.loading import LoadWatch


class ModelSlot:
    """Holds one loaded model. Any number of threads may ask; whoever still answers with an earlier one keeps it until then."""

    def __init__(self) -> None:
        self.watch = LoadWatch()
        self._lock = RLock()
        self._held: tuple[Path, str] | None = None
        self._generator: Generator | None = None

    @property
    def device(self) -> str | None:
        """Where the held model computes; None while none is held. Waits for nobody."""
        held = self._generator
        return None if held is None else str(held.description["device"])

    def load(self, settings: Settings, *, prepare: Callable[[Generator], None] = lambda generator: None) -> Generator:
        """Return the model that the settings name; another one is freed before it is loaded.

        Args:
            settings: Which model, how its weights are kept.
            prepare: Is given a model that has just been loaded, before anybody else gets it.

        Raises:
            LabError: It is not here, or cannot be loaded.
        """
        from core.generation.borrowed import BorrowingGenerator
        from core.generation.decoder import load_generator
        from core.generation.device import set_threads
        from core.generation.models import find_model

        try:
            wanted = (find_model(settings), settings.storage)
        except LabError as error:
            if self._generator is None:
                self.watch.end("failed", str(error))
            raise
        with self._lock:
            if self._generator is None or self._held != wanted:
                self.free()  # First: two models side by side may not fit.
                with self.watch.follow():
                    set_threads(settings.threads)
                    generator: Generator
                    if awaits_gpu():  # Nothing is prepared: it would take of somebody's minutes.
                        generator = BorrowingGenerator(wanted[0], storage=settings.storage)
                    else:
                        generator = load_generator(wanted[0], storage=settings.storage)
                        prepare(generator)
                    self._generator, self._held = generator, wanted
            self.watch.end("ready")
            return self._generator

    def free(self) -> None:
        """Let go of the model that is held; its memory is free once nobody answers with it."""
        with self._lock:
            if self._generator is None:
                return
            self._generator, self._held = None, None
            self.watch.end("absent")
            gc.collect()  # Modules and their parents refer to each other.
            _empty_cache()


def _empty_cache() -> None:
    """Give a GPU's memory back, which torch keeps for later."""
    import torch

    if torch.cuda.is_available() and not awaits_gpu():
        torch.cuda.empty_cache()
