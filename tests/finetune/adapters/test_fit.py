"""Which adapter answers: one that fits, or none with the reason and the command; a misfit only where somebody insists."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
from adapter_files import CARD, fake_adapter
from hypothesis import given
from hypothesis import strategies as some

from core.errors import LabError
from core.storage import read_json, write_json, write_manifest
from core.tasks.prompting import PASSAGE_TOKENS, Prompting
from finetune.adapters.card import describe_prompts
from finetune.adapters.fit import Need, choose_adapter, describe_storage, find_misfits, take_adapters
from finetune.adapters.store import list_adapters, read_selected, select_adapter, unselect_adapter

WRONG = {
    "weights": ({"weights": "v" * 64}, f"was trained on another model, {CARD.model}"),
    "instruction": ({"instruction": "Answer in French."}, "was trained under another instruction"),
    "schema": ({"schema": {**CARD.schema, "required": ["answer"]}}, "was trained for another schema"),
    "order": (
        {"schema": {**CARD.schema, "properties": dict(reversed(CARD.schema["properties"].items()))}},
        "was trained for another schema",
    ),
    "unknown": ({"instruction": "", "schema": {}}, "does not say under which instruction and schema it was trained"),
    "prompts": ({"config": {"storage": "nf4", "prompts": "passages"}}, "was trained with passages in its prompts"),
    "shuffled": (
        {"config": {"storage": "nf4", "prompts": "plain", "shuffle_labels": True}},
        "was trained on shuffled answers, as a control",
    ),
    "cancelled": ({"outcome": {"cancelled": True}}, "was stopped before its training was complete"),
}


@pytest.fixture
def need(task):
    return Need(task, CARD.weights, passages=False, title="QLoRA")


@pytest.fixture
def hybrid(need):
    return replace(need, passages=True, title="RAG + QLoRA")


def choose(settings, need):
    return choose_adapter(settings, need).name


def take(settings, need, *adapters, **more):
    return [folder.name for folder in take_adapters(settings, adapters, need, **more).folders]


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_does_not_answer_and_is_told(settings, need, name):
    changes, words = WRONG[name]
    fake_adapter(settings, "odd", created="2027-01-01T00:00:00+00:00", **changes)
    with pytest.raises(LabError, match=f"No adapter fits QLoRA: the adapter odd {words}.*`ragft train "):
        choose(settings, need)
    fake_adapter(settings, "good", created="2026-01-01T00:00:00+00:00")  # Older, and it fits.
    assert choose(settings, need) == "good"
    select_adapter(settings, "odd")
    assert choose(settings, need) == "good"


@given(names=some.sets(some.sampled_from(sorted(set(WRONG) - {"unknown", "order", "shuffled"}))))
def test_an_adapter_fits_exactly_where_nothing_is_wrong(names):
    task = SimpleNamespace(instruction=CARD.instruction, schema=CARD.schema, input_label="Question", prompting=Prompting())
    card = CARD
    for name in names:
        card = replace(card, **WRONG[name][0])
    found = find_misfits(card, Need(task, CARD.weights, passages=False))
    assert sorted(found) == sorted(WRONG[name][1] for name in names)


def test_the_nearest_is_the_one_with_the_fewest_faults(settings, need, hybrid):
    with pytest.raises(LabError, match=r"There is no adapter for tiny\. Train one: `ragft train .*tiny`"):
        choose(settings, need)
    fake_adapter(settings, "far", instruction="No.", outcome={"cancelled": True}, created="2027-01-01T00:00:00+00:00")
    fake_adapter(settings, "near", created="2026-01-01T00:00:00+00:00")
    with pytest.raises(LabError, match=r"adapter near was trained without passages in its prompts\..*tiny --prompts passages`"):
        choose(settings, hybrid)


def test_a_mixed_adapter_serves_both_kinds_of_prompt(settings, need, hybrid):
    fake_adapter(settings, "1p", config={"with_context": True}, created="2026-01-01T00:00:00+00:00")  # As written before.
    fake_adapter(settings, "2m", config={"prompts": "mixed"}, created="2026-01-02T00:00:00+00:00")
    fake_adapter(settings, "3", created="2026-01-03T00:00:00+00:00")
    assert [card.kind for card in list_adapters(settings)] == ["plain", "mixed", "passages"]
    assert (choose(settings, need), choose(settings, hybrid)) == ("3", "2m")
    select_adapter(settings, "2m")
    assert (choose(settings, need), choose(settings, hybrid)) == ("2m", "2m")
    select_adapter(settings, "1p")
    assert (choose(settings, need), choose(settings, hybrid)) == ("2m", "1p")
    select_adapter(settings, "2m")  # It serves both, so it takes the place of both.
    assert read_selected(settings) == {"tiny": {"mixed": "2m"}}
    assert (choose(settings, need), choose(settings, hybrid)) == ("2m", "2m")


def test_a_selected_adapter_comes_before_the_newest_and_can_be_undone(settings, need):
    for name in ("1", "2", "3"):
        fake_adapter(settings, name)
    assert choose(settings, need) == "3"
    select_adapter(settings, "1")
    assert choose(settings, need) == "1"
    assert take(settings, need, "2") == ["2"]
    select_adapter(settings, "2")
    assert choose(settings, need) == "2"
    assert read_selected(settings) == {"tiny": {"plain": "2"}}
    assert unselect_adapter(settings, "2") is True
    assert unselect_adapter(settings, "2") is False
    assert choose(settings, need) == "3"
    assert read_selected(settings) == {}


def test_a_selection_of_another_base_or_task_does_not_count(settings, need):
    fake_adapter(settings, "1", weights="v" * 64)
    fake_adapter(settings, "2")
    fake_adapter(settings, "3", task="other")
    select_adapter(settings, "1")
    select_adapter(settings, "3")
    assert choose(settings, need) == "2"
    assert choose(settings, replace(need, weights="v" * 64)) == "1"


def test_a_selected_adapter_that_is_gone_or_damaged_is_named_not_replaced(settings, need):
    fake_adapter(settings, "1")
    fake_adapter(settings, "2")
    select_adapter(settings, "1")
    (settings.folder("adapters") / "1" / "adapter_model.safetensors").write_bytes(b"x")
    with pytest.raises(LabError, match=r"adapters/1/.*damaged.*ragft adapters delete 1"):
        choose(settings, need)
    shutil.rmtree(settings.folder("adapters") / "1")
    with pytest.raises(LabError, match="select 1 --undo"):
        choose(settings, need)
    unselect_adapter(settings, "1")
    assert choose(settings, need) == "2"


@pytest.mark.parametrize("text", ["{", "[]", '{"tiny": "1"}', '{"tiny": {"plain": []}}'])
def test_a_damaged_selection_is_named(settings, need, text):
    fake_adapter(settings, "1")
    (settings.folder("adapters") / "selected.json").write_text(text)
    with pytest.raises(LabError, match=r"selected\.json"):
        choose(settings, need)


def test_a_card_from_before_a_field_existed_is_unknown_and_fits_only_who_insists(settings, need):
    folder = fake_adapter(settings, "old")
    values = read_json(folder / "card.json")
    del values["instruction"], values["schema"]
    write_json(folder / "card.json", values)
    write_manifest(folder)
    with pytest.raises(LabError, match="adapter old does not say under which instruction"):
        choose(settings, need)
    with pytest.raises(LabError, match=r"does not say.*insist with --allow-misfit"):
        take(settings, need, "old")
    choice = take_adapters(settings, ["old"], need, allow_misfit=True)
    assert [folder.name for folder in choice.folders] == ["old"]
    assert choice.misfits == (
        "QLoRA answered with the adapter old, which does not say under which instruction and schema it was trained.",
    )


def test_prompts_that_show_more_or_other_passages_need_an_adapter_that_saw_them(settings, need, hybrid):
    shown = describe_prompts(need.task, passages=True)
    fake_adapter(settings, "new", config={"prompts": "mixed"}, prompting=shown)
    fake_adapter(settings, "old", config={"prompts": "mixed"}, created="2025-01-01T00:00:00+00:00")  # It does not say.
    assert take(settings, hybrid, "new", "old") == ["new", "old"]
    for changes, words in (
        ({"passages": 4}, "show 2 passages, not 4 passages"),
        ({"passage_order": "best_first"}, "show the best passage last, not the best passage first"),
        ({"abstain_below": 0.5}, "show passages whatever the evidence, not passages from evidence 0.5 on"),
    ):
        other = replace(hybrid, task=replace(need.task, prompting=replace(need.task.prompting, **changes)))
        for adapter in ("new", "old"):
            with pytest.raises(LabError, match=f"the adapter {adapter} was trained with prompts that {words}"):
                take(settings, other, adapter)
        assert take(settings, replace(other, passages=False), "new", "old") == ["new", "old"]  # It shows none.
    with pytest.raises(
        LabError, match="the adapter new was trained with prompts that show the input as 'Question', not the input as 'Case'"
    ):
        take(settings, replace(need, task=replace(need.task, input_label="Case")), "new")


def test_the_usual_length_of_passages_is_one_length_however_it_is_said(settings, need, hybrid):
    shown = describe_prompts(need.task, passages=True)
    assert shown["passage_tokens"] == PASSAGE_TOKENS
    fake_adapter(settings, "untold", config={"with_context": True})
    for name, tokens in (("none", None), ("usual", PASSAGE_TOKENS)):
        fake_adapter(settings, name, config={"prompts": "passages"}, prompting={**shown, "passage_tokens": tokens})
    adapters = ("untold", "none", "usual")
    for tokens in (None, PASSAGE_TOKENS):
        same = replace(hybrid, task=replace(need.task, passage_tokens=tokens))
        assert take(settings, same, *adapters) == list(adapters)
    longer = replace(hybrid, task=replace(need.task, passage_tokens=160))
    for adapter in adapters:
        with pytest.raises(
            LabError, match=rf"the adapter {adapter} .*show passages of 96 tokens, not passages of 160 tokens\."
        ):
            take(settings, longer, adapter)


def test_a_card_that_does_not_say_how_the_input_was_called_is_told(settings, need):
    fake_adapter(settings, "old", prompting={})
    with pytest.raises(LabError, match="adapter old does not say whether it was trained with the input as 'Question'"):
        take(settings, need, "old")
    (misfit,) = take_adapters(settings, ["old"], need, allow_misfit=True).misfits
    assert misfit.startswith("QLoRA answered with the adapter old, which does not say whether")


def test_of_several_named_adapters_those_that_fit_answer(settings, need, hybrid):
    for name, kind in (("a", "plain"), ("b", "plain"), ("c", "passages")):
        fake_adapter(settings, name, config={"prompts": kind})
    assert take(settings, need, "a", "b", "c", "a") == ["a", "b"]
    assert take(settings, hybrid, "a", "b", "c", allow_misfit=True) == ["c"]  # One fits: no misfit is needed.
    assert take(settings, hybrid, "a", "b", allow_misfit=True) == ["a", "b"]
    with pytest.raises(LabError, match="No adapter fits RAG"):
        take(settings, hybrid, "a", "b")
    with pytest.raises(LabError, match="There is no adapter 'x'"):
        take(settings, need, "a", "x")


def test_no_option_lets_an_adapter_of_another_model_answer(settings, need):
    fake_adapter(settings, "alien", weights="v" * 64)
    with pytest.raises(LabError, match="trained on another model") as error:
        take(settings, need, "alien", allow_misfit=True)
    assert "--allow-misfit" not in str(error.value)


def test_an_adapter_that_learned_the_form_in_other_words_does_not_fit(settings, need):
    """The schema is the same; what the prompt says of it comes from the version that trained."""
    shown = describe_prompts(need.task, passages=False)
    fake_adapter(settings, "new", prompting=shown)
    assert take(settings, need, "new") == ["new"]
    fake_adapter(settings, "old", prompting={**shown, "answer_form": "0123456789"})
    with pytest.raises(LabError, match="the adapter old was trained with prompts that show the form of the answer in the words of version 01234567"):  # fmt: skip
        take(settings, need, "old")


def test_an_adapter_of_shuffled_answers_answers_its_control_and_nothing_else(settings, need, hybrid):
    control = replace(need, shuffled=True, title="Control: shuffled labels")
    fake_adapter(settings, "whole", created="2027-01-01T00:00:00+00:00")
    with pytest.raises(LabError, match=r"whole was trained on answers as they stand\. Train one: .*tiny --shuffle-labels`"):
        choose(settings, control)
    fake_adapter(settings, "mixed", config={"storage": "nf4", "prompts": "mixed"})
    fake_adapter(settings, "spoilt", config={"storage": "nf4", "prompts": "plain", "shuffle_labels": True})
    assert choose(settings, control) == "spoilt"
    assert (choose(settings, need), choose(settings, hybrid)) == ("whole", "mixed")
    select_adapter(settings, "spoilt")
    assert (choose(settings, control), choose(settings, need), choose(settings, hybrid)) == ("spoilt", "whole", "mixed")
    assert take(settings, control, "whole", "mixed", "spoilt") == ["spoilt"]
    assert take(settings, need, "whole", "mixed", "spoilt") == ["whole", "mixed"]
    odd = replace(control, task=replace(need.task, input_label="Row"))
    with pytest.raises(
        LabError, match="adapter spoilt was trained with prompts that show the input as 'Question', not the input as 'Row'"
    ):
        take(settings, odd, "spoilt")


def test_the_command_names_the_model_that_answers(settings, task):
    other = Need(task, "v" * 64, passages=True)
    command = other.name_command(settings.at_model("Qwen2.5-0.5B"))
    assert command.endswith("--prompts passages --model Qwen2.5-0.5B")
    assert "--model" not in other.name_command(settings)


@pytest.mark.parametrize(
    ("learned", "answering", "said"),
    [
        ({}, "nf4", ""),
        ({"storage": "nf4"}, "bf16", "over weights kept in 16 bits; the adapter a was trained beside weights in 4 bits (NF4)"),
        ({"storage": "full"}, "bf16", ""),
        ({"storage": "full"}, "nf4", "over weights kept in 4 bits (NF4); the adapter a was trained beside weights in 16 bits"),
        ({"storage": "int8"}, "int8", ""),
    ],
)
def test_another_storage_is_said_and_is_no_misfit(task, learned, answering, said):
    card = replace(CARD, id="a", config=learned)
    need = Need(task, card.weights, passages=False, title="QLoRA", storage=answering)
    assert said in describe_storage(card, need)
    assert bool(describe_storage(card, need)) == bool(said)
    assert not any("weights kept" in wrong for wrong in find_misfits(card, need))


def test_of_adapters_that_fit_the_one_trained_beside_the_same_storage_answers(settings, need):
    fake_adapter(settings, "wide", config={"storage": "full"}, created="2026-01-01T00:00:00+00:00")
    fake_adapter(settings, "narrow", config={"storage": "nf4"}, created="2027-01-01T00:00:00+00:00")
    assert choose(settings, need) == "narrow"
    assert choose(settings, replace(need, storage="bf16")) == "wide"
    select_adapter(settings, "wide")  # What a person selects comes first.
    assert choose(settings, need) == "wide"
