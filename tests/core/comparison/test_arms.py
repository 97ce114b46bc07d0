from dataclasses import replace

from core.comparison.arms import ARMS, MAIN_ARMS, find_title, is_control, list_arms, sort_by_simplicity


def test_people_choose_from_the_two_by_two_first_and_from_the_controls_last():
    names = [arm.name for arm in list_arms()]
    assert names[:6] == ["base", "rag", "qlora", "hybrid", "zero_shot", "rag_examples"]
    assert names[6:] == ["oracle", "wrong_passage", "oracle_hybrid", "wrong_hybrid", "shuffled"]
    assert set(names) == set(ARMS)
    assert [is_control(name) for name in names] == [False] * 6 + [True] * 5
    assert all(arm.title.startswith("Control: ") == arm.is_control for arm in list_arms())
    assert not is_control("gone")


def test_a_control_differs_in_its_passages_or_its_training_alone():
    """Prompts, examples and adapters are those of the approach that it is held against."""
    for control, own in (("oracle", "rag"), ("wrong_passage", "rag"), ("oracle_hybrid", "hybrid"), ("wrong_hybrid", "hybrid")):
        assert replace(ARMS[control], name=own, title=ARMS[own].title, passages="search") == ARMS[own]
    assert replace(ARMS["shuffled"], name="qlora", title="QLoRA", shuffled=False) == ARMS["qlora"]


def test_arms_stand_from_the_simplest_to_the_most_costly():
    assert sort_by_simplicity(MAIN_ARMS[::-1]) == list(MAIN_ARMS)
    assert sort_by_simplicity(["hybrid", "rag_examples", "zero_shot"]) == ["zero_shot", "rag_examples", "hybrid"]


def test_an_arm_of_an_older_run_keeps_its_name_and_comes_last():
    assert sort_by_simplicity(["gone", "hybrid", "base"]) == ["base", "hybrid", "gone"]
    assert find_title("gone") == "gone"
    assert find_title("hybrid") == "RAG + QLoRA"
