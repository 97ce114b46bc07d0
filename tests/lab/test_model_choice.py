"""Which model answers: one is held at a time, views keep theirs, requests and jobs carry it."""

import gc
import json
import weakref
from pathlib import Path

import pytest

from core.errors import LabError
from core.generation.fake import FakeGenerator
from core.settings import Settings, read_settings
from lab.jobs import describe_basis, fix_model, read_request, start
from lab.lab import Lab
from lab.requests import CompareRequest, IndexRequest, TrainRequest


class Loaded(FakeGenerator):
    """A fake that says which folder and storage it was loaded from."""


@pytest.fixture
def loads(settings, monkeypatch):
    for name in ("one", "two"):
        folder = settings.folder("models") / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
    seen = []

    def load(folder, *, storage):
        seen.append((folder.name, storage))
        return Loaded({(None, "q"): f"{folder.name} {storage}"})

    monkeypatch.setattr("core.generation.decoder.load_generator", load)
    return seen


def test_a_model_is_loaded_once_and_another_frees_it(settings, loads):
    lab = Lab(settings.at_model("one"))
    held = weakref.ref(lab.load_generator())
    assert lab.load_generator() is held()
    assert loads == [("one", "nf4")]
    lab.choose_model("two")
    gc.collect()
    assert held() is None
    lab.load_generator()
    lab.choose_model(storage="bf16")
    lab.load_generator()
    assert loads == [("one", "nf4"), ("two", "nf4"), ("two", "bf16")]


def test_what_is_not_here_changes_nothing(settings, loads):
    lab = Lab(settings.at_model("one"))
    held = lab.load_generator()
    for model, storage in (("three", ""), ("", "nf5"), ("../one", "")):
        with pytest.raises(LabError):
            lab.choose_model(model, storage)
    assert lab.load_generator() is held
    assert lab.settings.model == "one"


def test_a_view_keeps_its_model_and_shares_the_rest(settings, loads, embedder):
    lab = Lab(settings.at_model("one"), embedder=embedder)
    view = lab.at_model()
    lab.choose_model("two")
    assert view.load_generator().answers != lab.load_generator().answers
    assert view.settings.model == "one"
    assert view.library is lab.library
    assert view.load_embedder() is embedder


def test_a_view_of_a_fake_keeps_the_fake(settings):
    fake = FakeGenerator()
    assert Lab(settings, generator=fake).at_model("two").load_generator() is fake


def test_a_job_names_its_model_unless_it_is_the_default(settings, monkeypatch):
    plain = TrainRequest("t")
    assert fix_model(plain, settings) is plain
    fixed = fix_model(plain, settings.at_model("two"))
    assert fixed.model == "two"
    assert fix_model(fixed, settings) == fixed
    assert fix_model(IndexRequest("t"), settings.at_model("two")) == IndexRequest("t")
    # The same training is found again however its model was named.
    assert describe_basis(plain, ["weights"]) == describe_basis(fixed, ["weights"])
    assert describe_basis(plain, ["weights"]) != describe_basis(plain, ["others"])
    kept = {}
    monkeypatch.setattr("lab.jobs.start_job", lambda settings, config, runner: kept.update(config=config) or Path("job"))
    start(settings.at_model("two"), CompareRequest("t", ("base",), storage="bf16"), runner=("x",))
    request = read_request(kept["config"])
    assert (request.model, request.storage) == ("two", "bf16")


def test_a_folder_is_named_in_full_for_a_job(settings, tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert fix_model(TrainRequest("t", model="./own"), settings).model == str(tmp_path / "own")


def test_requests_of_before_have_no_model():
    from core.stored import restore

    values = CompareRequest("t", ("base",)).as_json()
    del values["model"], values["storage"]
    assert restore(CompareRequest, json.dumps(values), origin="x").model == ""


def test_settings_read_the_storage_and_refuse_others(monkeypatch):
    monkeypatch.setenv("RAGFT_STORAGE", "bf16")
    assert read_settings().storage == "bf16"
    monkeypatch.setenv("RAGFT_STORAGE", "fp64")
    with pytest.raises(LabError, match="no storage 'fp64'.*nf4, int8, bf16"):
        read_settings()
    with pytest.raises(LabError, match="no storage"):
        Settings(Path("/x")).at_model(storage="4bit")
