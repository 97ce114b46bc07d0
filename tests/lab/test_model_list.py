"""Facts about models: computed or measured, never guessed; what needs one is named before it goes."""

import json
import shutil
from dataclasses import replace

import pytest

from core.comparison.runs import Run
from core.errors import LabError
from core.generation.loading import hash_weights
from core.generation.model_import import import_model
from core.settings import DEFAULT_MODEL
from core.stored import Listing
from lab.lab import Lab
from lab.models import (
    NOT_STATED,
    describe_model,
    find_needed,
    list_models,
    measure_speed,
    read_speeds,
    remove_model,
)
from tests.adapter_files import CARD


@pytest.fixture
def here(settings, tiny_model):
    import_model(settings, tiny_model, name="tiny")
    return settings


def test_facts_are_those_of_the_files(here, tiny_model):
    (facts,) = list_models(here)
    assert (facts.name, facts.architecture, facts.context) == ("tiny", "LlamaForCausalLM", 2048)
    assert facts.licence == NOT_STATED
    assert facts.disk > 4 * facts.parameters  # float32, and the other files.
    assert facts.answers > 0
    assert facts.trains > facts.answers - 2**30
    assert facts.speeds == {}
    assert facts.origin.source == str(tiny_model)


def test_a_card_states_the_licence(here):
    (here.folder("models") / "tiny" / "README.md").write_text("---\nlicense: mit\n---\n# Tiny\n")
    assert describe_model(here, "tiny").licence == "mit"


def test_a_damaged_model_and_a_broken_link_are_named_and_the_rest_listed(here, tiny_model, tmp_path):
    gone = shutil.copytree(tiny_model, tmp_path / "gone")
    import_model(here, gone, link=True)
    shutil.rmtree(gone)
    (here.folder("models") / "bad").mkdir()
    (here.folder("models") / "bad" / "config.json").write_text("{")
    found = {facts.name: facts.problem for facts in list_models(here)}
    assert found["tiny"] == ""
    assert "is gone" in found["gone"]
    assert found["bad"]
    with pytest.raises(LabError, match="not on this machine"):
        describe_model(here, "nobody")


def test_a_speed_is_measured_once_and_kept_with_the_machine(here):
    speed = measure_speed(Lab(here), "tiny", storage="bf16")
    assert speed.tokens_per_second > 0
    assert speed.machine["cores"]
    assert read_speeds(here, "tiny") == {"bf16": speed}
    assert describe_model(here, "tiny").speeds["bf16"].weights == hash_weights(here.folder("models") / "tiny")
    (here.folder("models") / "tiny.measured.json").write_text("{")
    assert read_speeds(here, "tiny") == {}
    with pytest.raises(LabError, match="no model 'other'"):
        measure_speed(Lab(here), "other")


def test_what_needs_a_model_is_named_and_it_is_removed_with_its_speed(here, monkeypatch):
    weights = hash_weights(here.folder("models") / "tiny")
    cards = [replace(CARD, id="mine", weights=weights), replace(CARD, id="other", weights="else", model="tiny")]
    monkeypatch.setattr("finetune.adapters.store.list_adapters", lambda settings: cards)
    run = Run("r1", "t", "ok", "", {"generator": {"weights": weights}}, {}, {})
    runs = [run, replace(run, id="r2", config={})]
    monkeypatch.setattr("core.comparison.runs.list_runs", lambda settings: Listing(runs, []))
    needed = find_needed(here, "tiny")
    assert (needed.adapters, needed.runs) == (("mine",), ("r1",))
    (here.folder("models") / "tiny.measured.json").write_text(json.dumps({}))
    assert remove_model(here, "tiny") > 0
    assert [path.name for path in here.folder("models").iterdir() if path.name != ".lock"] == []


def test_the_default_is_removed_by_force_alone_and_a_link_leaves_the_files(settings, tiny_model):
    import_model(settings, tiny_model, name=DEFAULT_MODEL, link=True)
    with pytest.raises(LabError, match="is the default model"):
        remove_model(settings, DEFAULT_MODEL)
    assert remove_model(settings, DEFAULT_MODEL, force=True) == 0
    assert (tiny_model / "config.json").is_file()
    for name in (DEFAULT_MODEL, "..", "a/b"):
        with pytest.raises(LabError):
            remove_model(settings, name, force=True)
