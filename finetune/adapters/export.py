"""An adapter leaves this machine: as a zip, a merged model, or GGUF files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import LabError
from core.generation.adapter import CARD
from core.settings import Settings
from core.storage import read_json, write_json, write_manifest, write_text
from core.tasks.archive import write_zip
from finetune.adapters.gguf_files import write_lora_gguf, write_model_gguf
from finetune.adapters.lora_files import CONFIG, WEIGHTS, read_settings, write_settings
from finetune.adapters.merging import merge_to_folder, save_base
from finetune.adapters.model_card import name_base, write_readme
from finetune.adapters.store import find_base, find_folder, load_card

ENDINGS = {"zip": ".zip", "gguf-lora": "-lora.gguf", "gguf-base": "-base.gguf", "gguf": ".gguf", "merged": "-merged"}


def export_adapter(settings: Settings, adapter: str, target: Path, *, form: str, precision: str = "f16") -> Path:
    """Write an adapter in one of the forms of `ENDINGS`; nothing that exists is overwritten.

    `zip` holds the adapter alone, with its card and a README; `merged` is a model folder; `gguf` the merged model,
    `gguf-lora` the adapter and `gguf-base` its base with the values it was trained on, each as one file.

    Raises:
        LabError: There is no such adapter or form, it is damaged, its base is not here, or the target exists.
    """
    if form not in ENDINGS:
        raise LabError(f"There is no form {form!r}.", f"Choose one of {', '.join(ENDINGS)}.")
    card = load_card(settings, adapter)
    if target.exists():
        raise LabError(f"{target} exists already.", "Choose another place with --output; nothing was overwritten.")
    if not target.absolute().parent.is_dir():
        raise LabError(f"There is no folder {target.absolute().parent}.", "Make it, or choose another place with --output.")
    if form == "merged":
        return merge_to_folder(settings, adapter, target)
    if form == "gguf-lora":
        return write_lora_gguf(find_folder(settings, adapter), find_base(settings, card.weights), target)
    if form in {"gguf", "gguf-base"}:
        with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".") as scratch:  # As large as the model.
            folder = Path(scratch) / adapter
            if form == "gguf":
                merge_to_folder(settings, adapter, folder)
                return write_model_gguf(folder, target, name=adapter, precision=precision)
            folder.mkdir()
            save_base(settings, adapter, folder)
            return write_model_gguf(folder, target, name=card.model, precision=precision)
    with package(settings, adapter) as folder:
        return write_zip(folder, target, option="--output")


@contextmanager
def package(settings: Settings, adapter: str) -> Iterator[Path]:
    """Yield a temporary folder with what travels: weights, peft's config, card, README, manifest.

    The stored config names the base by its folder on this machine; what travels names it as others know it.

    Raises:
        LabError: There is no such adapter, or it is damaged.
    """
    card, stored = load_card(settings, adapter), find_folder(settings, adapter)
    modules = sorted(read_json(stored / CONFIG)["target_modules"])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / adapter
        folder.mkdir()
        shutil.copyfile(stored / WEIGHTS, folder / WEIGHTS)
        shutil.copyfile(stored / CARD, folder / CARD)
        write_json(folder / CONFIG, write_settings(read_settings(stored), modules, base=name_base(card)))
        write_text(folder / "README.md", write_readme(card))
        write_manifest(folder)
        yield folder
