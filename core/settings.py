"""Every setting that comes from the environment, read in one place."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from logging import ERROR, getLogger
from pathlib import Path

from core.errors import LabError

BUNDLED_TASKS = Path(__file__).resolve().parent.parent / "tasks"
DEFAULT_MODEL = "SmolLM2-135M-Instruct"
DEFAULT_STORAGE = "nf4"
VISITORS = "visitors"  # Folder of the home that holds one for each visitor of a hosted page.
SHARED = ("models", "graphs")  # Folders of the home that every visitor uses, and none of them writes.
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
        hosted: Whether strangers share this machine (a Space, or `$RAGFT_HOSTED=1`): each then sees only what is theirs.
        shared: `$RAGFT_SHARED`: the home of whoever runs the page, where `home` is a visitor's; None where it is not.

    Raises:
        LabError: There is no such storage.
    """

    home: Path
    model: str = DEFAULT_MODEL
    threads: int = 0
    storage: str = DEFAULT_STORAGE
    hosted: bool = False
    shared: Path | None = None

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
        """Return the folder `name` of the home; it need not exist yet. A visitor's models are those of the machine."""
        return (self.shared if self.shared is not None and name in SHARED else self.home) / name

    def places(self, name: str) -> tuple[Path, ...]:
        """Return where things of a kind are looked for: one's own folder, then what is offered to every visitor."""
        own = self.folder(name)
        return (own,) if self.shared is None else (own, self.shared / name)

    @property
    def root(self) -> Path:
        """The home of whoever runs this machine: where visitors' homes lie, and the lock of the device."""
        return self.home if self.shared is None else self.shared

    def for_visitor(self, key: str) -> Settings:
        """Return the settings of a visitor: a home of their own, named by a hash, for the key itself is a secret.

        Args:
            key: Who they are: a signed-in name or a random secret, with a word that says which.
        """
        return self.at_home(self.root / VISITORS / name_visitor(key))

    def at_home(self, home: Path) -> Settings:
        """Return the settings of the visitor whose home this is."""
        return replace(self, home=home, hosted=True, shared=self.root)

    def for_host(self) -> Settings:
        """Return the settings of whoever runs this machine."""
        return replace(self, home=self.root, shared=None)


def name_visitor(key: str) -> str:
    """Return the name of a visitor's home: a hash, for the key itself is a secret."""
    return hashlib.sha256(key.encode()).hexdigest()


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


def allows_kernel() -> bool:
    """Whether answers may use the compiled step: `$RAGFT_KERNEL` is not `off`."""
    return os.environ.get("RAGFT_KERNEL", "on") != "off"


def offers_tools() -> bool:
    """Whether the page offers its endpoints as tools of the Model Context Protocol: `$RAGFT_MCP` is 1."""
    return os.environ.get("RAGFT_MCP") == "1"


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
        hosted=is_on_space() or os.environ.get("RAGFT_HOSTED") == "1",
        shared=Path(shared) if (shared := os.environ.get("RAGFT_SHARED")) else None,
    )


def is_on_space() -> bool:
    """Whether this is a Space of Hugging Face: the page then stands in a frame of another site, and people may sign in."""
    return "SPACE_ID" in os.environ


def list_hosts() -> frozenset[str]:
    """Return under which names the page is reached (`$RAGFT_HOSTS` or `$SPACE_HOST`, by commas); none where that is not said."""
    told = os.environ.get("RAGFT_HOSTS") or os.environ.get("SPACE_HOST") or ""
    return frozenset(name.strip().lower() for name in told.split(",") if name.strip())


def offers_login() -> bool:
    """Whether people may sign in: a Space that asks for it (`hf_oauth: true`) is told its id."""
    return is_on_space() and bool(os.environ.get("OAUTH_CLIENT_ID"))
