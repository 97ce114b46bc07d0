"""Every setting that comes from the environment, read in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from logging import ERROR, getLogger
from pathlib import Path

from core.errors import LabError

BUNDLED_TASKS = Path(__file__).resolve().parent.parent / "tasks"
DEFAULT_MODEL = "SmolLM2-135M-Instruct"
DEFAULT_STORAGE = "nf4"
# How weights are kept while they answer, with what people call it.
STORAGES: Mapping[str, str] = {"nf4": "4 bits (NF4)", "int8": "8 bits", "bf16": "16 bits"}


@dataclass(frozen=True, slots=True)
class Settings:
    """Where state lives and which model answers.

    Args:
        home: `$RAGFT_HOME`, by default the platform's user data folder. Nothing under it is served by URL.
        model: `$RAGFT_MODEL`: the default model, a folder on disk, or a name on the Hub.
        threads: `$RAGFT_THREADS`: threads of the arithmetic; 0 leaves the library's choice.
        storage: `$RAGFT_STORAGE`: how weights are kept while they answer, a key of `STORAGES`.

    Raises:
        LabError: There is no such storage.
    """

    home: Path
    model: str = DEFAULT_MODEL
    threads: int = 0
    storage: str = DEFAULT_STORAGE

    def __post_init__(self) -> None:
        """Refuse a storage that there is not."""
        if self.storage not in STORAGES:
            raise LabError(f"There is no storage {self.storage!r}.", f"Choose one of {', '.join(STORAGES)}.")

    def at_model(self, model: str = "", storage: str = "") -> Settings:
        """Return these settings with another model and storage; empty keeps what is set.

        Raises:
            LabError: There is no such storage.
        """
        return replace(self, model=model or self.model, storage=storage or self.storage)

    def folder(self, name: str) -> Path:
        """Return the folder `name` of the home; it need not exist yet."""
        return self.home / name


def prepare_libraries() -> None:
    """Set what libraries read from the environment when they are first imported; what the user set stays.

    OpenMP's threads wait for each other by spinning; its own choice is long. Beside a busy process, a browser
    showing our own page for instance, that made a training step of 2.0 s take 10.2 s on two cores. A short spin
    suits training, whose products are long (3.8 s there, alone as long as before; `core/jobs.py` sets it), a
    medium one suits answers, whose products are short (`benchmarks/LOG.md`).
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "30000")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    getLogger("bitsandbytes").setLevel(ERROR)  # It asks for a kernel package that dequantized weights do not need.


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        LabError: `$RAGFT_THREADS` is no number, or `$RAGFT_STORAGE` no storage.
    """
    threads = os.environ.get("RAGFT_THREADS", "0")
    if not threads.isdecimal():
        raise LabError(f"RAGFT_THREADS is {threads!r}.", "Set it to a number of threads; 0 leaves the choice to the library.")
    home = os.environ.get("RAGFT_HOME")
    if home is None:
        from platformdirs import user_data_dir

        home = user_data_dir("ragft", appauthor=False)
    return Settings(
        home=Path(home).expanduser().resolve(),
        model=os.environ.get("RAGFT_MODEL", DEFAULT_MODEL),
        threads=int(threads),
        storage=os.environ.get("RAGFT_STORAGE", DEFAULT_STORAGE),
    )
