"""A run that goes to the Hub and comes back is the same run; a stand-in on disk takes the Hub's place."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
from huggingface_hub import HfApi
from run_files import answer_right, store_run

from core.comparison.runs import load_predictions, load_run
from core.errors import LabError
from core.settings import Settings
from lab.run_hub import push_run


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Repositories as folders; `public` names those that everybody sees."""
    place, public = tmp_path / "hub", set()

    def create(_, name, *, repo_type, private, exist_ok):
        if not (place / name).is_dir() and not private:
            public.add(name)
        (place / name).mkdir(parents=True, exist_ok=exist_ok)
        return SimpleNamespace(repo_id=name)

    def upload(_, *, repo_id, folder_path, path_in_repo, **__):
        shutil.copytree(folder_path, place / repo_id / (path_in_repo or ""), dirs_exist_ok=True)

    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_none")
    monkeypatch.setattr(HfApi, "create_repo", create)
    monkeypatch.setattr(HfApi, "repo_info", lambda _, name, **__: SimpleNamespace(private=name not in public))
    monkeypatch.setattr(HfApi, "upload_folder", upload)
    return SimpleNamespace(place=place, public=public)


def test_a_run_comes_back_as_it_was(settings, task, hub, tmp_path):
    for name in ("first", "second"):
        store_run(settings, task, name, {"base": answer_right})
        push_run(settings, name, "me/runs")
    other = Settings(home=tmp_path / "elsewhere")
    shutil.copytree(hub.place / "me" / "runs", other.folder("runs"))
    for name in ("first", "second"):
        assert load_run(other, name) == load_run(settings, name)
        assert load_predictions(other, name) == load_predictions(settings, name)
        assert name in (other.folder("runs") / name / "README.md").read_text()
    assert not (settings.folder("runs") / "first" / "README.md").exists()  # The run itself never changes.


@pytest.mark.parametrize("public", [False, True])
def test_nothing_goes_where_everybody_looks_unasked(settings, task, hub, public):
    store_run(settings, task, "mine", {"base": answer_right})
    (hub.place / "me" / "open").mkdir(parents=True)
    hub.public.add("me/open")
    if public:
        push_run(settings, "mine", "me/open", public=True)
    else:
        with pytest.raises(LabError, match="me/open is public already.*--public"):
            push_run(settings, "mine", "me/open")
    assert (hub.place / "me" / "open" / "mine").is_dir() is public


def test_what_cannot_be_pushed_is_a_sentence(settings, task, hub, monkeypatch):
    store_run(settings, task, "mine", {"base": answer_right})
    with pytest.raises(LabError, match="There is no run 'gone'"):
        push_run(settings, "gone", "me/runs")
    stopped = replace(load_run(settings, "mine"), status="cancelled")
    with monkeypatch.context() as patch:
        patch.setattr("lab.run_hub.load_run", lambda *_: stopped)
        with pytest.raises(LabError, match="was stopped"):
            push_run(settings, "mine", "me/runs")
    with (settings.folder("runs") / "mine" / "predictions.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(LabError, match="damaged"):
        push_run(settings, "mine", "me/runs")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    store_run(settings, task, "whole", {"base": answer_right})
    with pytest.raises(LabError, match="no token for the Hub.*HF_TOKEN.*hf auth login"):
        push_run(settings, "whole", "me/runs")
    assert not hub.place.exists()
