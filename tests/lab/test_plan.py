"""The plan of a comparison: which adapters answer, what the run keeps of them, what a reader is told."""

from dataclasses import asdict, replace

import pytest
from adapter_files import fake_adapter

from core.errors import LabError
from core.generation.fake import FakeGenerator
from core.tasks.leakage import fingerprint
from core.tasks.loading import load_task
from finetune.adapters.store import select_adapter
from finetune.config import TrainConfig
from finetune.train.schedule import count_steps
from lab.lab import Lab
from lab.plan import plan_comparison
from lab.requests import CompareRequest


@pytest.fixture
def lab(settings, embedder):
    return Lab(settings, generator=FakeGenerator({}), embedder=embedder)


@pytest.fixture
def add(settings, task):
    """Store an adapter that fits the tiny task on the fake generator's weights."""

    def store(name, *, seed=0, prompts="plain", **changes):
        config = asdict(TrainConfig(seed=seed, prompts=prompts))
        seen = tuple(fingerprint(example.input) for example in task.train)
        return fake_adapter(settings, name, **{"weights": "none", "config": config, "trained_on": seen, **changes})

    return store


def plan(lab, task_folder, *arms, **more):
    return plan_comparison(lab, CompareRequest(str(task_folder), arms=arms, **more))


def test_several_adapters_answer_each_arm_that_they_fit_and_all_are_recorded(lab, task_folder, add):
    for seed in (0, 1, 2):
        add(f"a{seed}", seed=seed)
    add("m", prompts="mixed", seed=7)
    made = plan(lab, task_folder, "base", "qlora", "hybrid", adapters=("a2", "a0", "m", "a1"))
    assert [(arm.name, (arm.adapter or "").rsplit("/")[-1]) for arm in made.arms] == [
        ("base", ""), ("qlora", "a2"), ("qlora", "a0"), ("qlora", "m"), ("qlora", "a1"), ("hybrid", "m"),
    ]  # fmt: skip
    assert (made.missing, made.misfits, made.notes) == ({}, (), ())
    several, one = made.recorded["qlora"], made.recorded["hybrid"]
    assert [(about["id"], about["seed"]) for about in several["adapters"]] == [("a2", 2), ("a0", 0), ("m", 7), ("a1", 1)]
    assert all(len(about["hash"]) == 64 for about in several["adapters"])
    assert (one["adapter"], one["adapter_hash"], one["adapter_seed"]) == ("m", several["adapters"][2]["hash"], 7)
    assert "adapters" not in one
    assert made.recorded["base"]["adapter"] is None


def test_where_none_is_named_the_newest_that_fits_answers_alone(lab, task_folder, add):
    add("a0", created="2026-01-02T00:00:00+00:00")
    add("a1", seed=1, created="2026-01-03T00:00:00+00:00")
    add("other", created="2026-01-04T00:00:00+00:00", instruction="Answer in rhymes.")
    made = plan(lab, task_folder, "qlora", "hybrid")
    assert [arm.adapter.rsplit("/")[-1] for arm in made.arms] == ["a1"]
    assert "RAG + QLoRA" in made.missing["hybrid"]
    assert "--prompts passages" in made.missing["hybrid"]


def test_a_selected_adapter_that_no_longer_fits_is_not_replaced_in_silence(lab, settings, task_folder, add):
    add("old", instruction="Answer in rhymes.")
    add("new")
    select_adapter(settings, "old")
    (note,) = plan(lab, task_folder, "qlora").notes
    assert note == "QLoRA answered with the adapter new: old, selected for this task, does not fit."
    select_adapter(settings, "new")
    add("m", prompts="mixed")
    assert plan(lab, task_folder, "base", "qlora", "hybrid").notes == ()


def test_a_misfit_is_a_sentence_of_the_plan(lab, task_folder, add):
    add("a0", outcome={"cancelled": True})
    assert "was stopped before" in plan(lab, task_folder, "base", "qlora", adapters=("a0",)).missing["qlora"]
    made = plan(lab, task_folder, "base", "qlora", adapters=("a0",), allow_misfit=True)
    assert made.misfits == ("QLoRA answered with the adapter a0, which was stopped before its training was complete.",)


def test_an_adapter_that_was_named_for_nothing_is_told(lab, task_folder, add):
    add("a0")
    add("p", prompts="passages")
    made = plan(lab, task_folder, "qlora", adapters=("a0", "p"))
    assert made.notes == ("The adapter p was named and fits none of the arms: it did not answer.",)


def test_a_training_that_its_minutes_ended_is_told(lab, task_folder, add):
    config = TrainConfig(minutes=4, batch_size=8)
    whole = count_steps(100, config)
    for name, steps in (("half", whole // 2), ("whole", whole)):
        add(name, config=asdict(config), outcome={"cancelled": False, "steps": steps, "examples": 100})
    (note,) = plan(lab, task_folder, "qlora", adapters=("half", "whole")).notes
    assert note.startswith("The training of half was ended by its time budget after 1.5 of 3 passes: another machine")


def test_rows_that_an_adapter_did_not_learn_are_told(lab, task_folder, task, add):
    add("a0", trained_on=tuple(fingerprint(example.input) for example in task.train[1:]))
    (note,) = plan(lab, task_folder, "qlora", "rag_examples").notes
    assert note.startswith("The adapter a0 learned from 2 of the 3 training rows")


def test_what_was_tuned_is_kept_and_must_be_json(lab, task_folder, add):
    toml = task_folder / "task.toml"
    before = toml.read_text()
    toml.write_text(before + '\n[tuned]\ntop_k = 3\nrows = ["x-1"]\n')
    assert plan(lab, task_folder, "base").tuned == {"top_k": 3, "rows": ["x-1"]}
    for text in ("tuned = 3\n" + before, before + "\n[tuned]\nwhen = 2026-01-01\n", before + "\n[tuned]\nx = nan\n"):
        toml.write_text(text)
        with pytest.raises(LabError, match="tuned is"):
            load_task(task_folder)


def test_another_instruction_of_the_task_makes_its_adapters_stale(lab, task_folder, add):
    add("a0")
    assert not plan(lab, task_folder, "base", "qlora").missing
    toml = task_folder / "task.toml"
    toml.write_text(toml.read_text().replace('instruction = "Answer."', 'instruction = "Answer well."'))
    assert "the adapter a0 was trained under another instruction" in plan(lab, task_folder, "base", "qlora").missing["qlora"]


def test_only_who_is_named_may_answer_without_fitting(lab, task_folder, add):
    add("a0", outcome={"cancelled": True})
    request = CompareRequest(str(task_folder), arms=("base", "qlora"))
    assert "qlora" in plan_comparison(lab, replace(request, allow_misfit=True)).missing
