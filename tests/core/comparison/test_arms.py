from core.comparison.arms import ARMS, MAIN_ARMS, find_title, list_arms, sort_by_simplicity


def test_people_choose_from_the_two_by_two_first():
    names = [arm.name for arm in list_arms()]
    assert names == ["base", "rag", "qlora", "hybrid", "zero_shot", "rag_examples"]
    assert set(names) == set(ARMS)


def test_arms_stand_from_the_simplest_to_the_most_costly():
    assert sort_by_simplicity(MAIN_ARMS[::-1]) == list(MAIN_ARMS)
    assert sort_by_simplicity(["hybrid", "rag_examples", "zero_shot"]) == ["zero_shot", "rag_examples", "hybrid"]


def test_an_arm_of_an_older_run_keeps_its_name_and_comes_last():
    assert sort_by_simplicity(["gone", "hybrid", "base"]) == ["base", "hybrid", "gone"]
    assert find_title("gone") == "gone"
    assert find_title("hybrid") == "RAG + QLoRA"
