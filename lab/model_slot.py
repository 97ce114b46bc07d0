"""The one model that a process holds: loaded when it is first asked, freed when another one is."""

from __future__ import annotations

import gc
from pathlib import Path
from threading import RLock

from core.settings import Settings
from core.values import Generator


class ModelSlot:
    """Holds one loaded model. Any number of threads may ask; whoever still answers with an earlier one keeps it until then."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._held: tuple[Path, str] | None = None
        self._generator: Generator | None = None

    def load(self, settings: Settings) -> Generator:
        """Return the model that the settings name; another one is freed before it is loaded.

        Raises:
            LabError: It is not here, or cannot be loaded.
        """
        from core.generation.decoder import load_generator
        from core.generation.device import set_threads
        from core.generation.models import find_model

        wanted = (find_model(settings), settings.storage)
        with self._lock:
            if self._generator is None or self._held != wanted:
                self.free()  # First: two models side by side may not fit.
                set_threads(settings.threads)
                self._generator = load_generator(wanted[0], storage=settings.storage)
                self._held = wanted
            return self._generator

    def free(self) -> None:
        """Let go of the model that is held; its memory is free once nobody answers with it."""
        with self._lock:
            if self._generator is None:
                return
            self._generator, self._held = None, None
            gc.collect()  # Modules and their parents refer to each other.
            _empty_cache()


def _empty_cache() -> None:
    """Give a GPU's memory back, which torch keeps for later."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
