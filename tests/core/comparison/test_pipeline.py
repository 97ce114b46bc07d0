import json

import pytest

from core.comparison.arms import ARMS, find_arms
from core.comparison.pipeline import Tools, answer
from core.comparison.prompts import build_prompt, choose_shots
from core.errors import LabError
from core.generation.fake import FakeGenerator
from core.values import DecodeOptions, Example, Hit, Passage

HIT = Hit(Passage("pay", "Pay rules", 0, 5, "The walrus bonus is 40 euros."), 1.0)


class OneHit:
    def search(self, queries, *, top_k):
        return [[HIT] * min(top_k, 1) for _ in queries]


def ask(task, arm, *, generator=None, retriever=None):
    found = dict(answer(task, task.test, arm, Tools(generator or FakeGenerator(), retriever)))
    return [found[index] for index in range(len(task.test))]


def test_every_arm_runs_the_same_pipeline(task):
    plain = ask(task, ARMS["base"])
    retrieved = ask(task, ARMS["rag"], retriever=OneHit())
    assert [p.example for p in plain] == [p.example for p in retrieved] == ["x-9", "x-10"]
    assert plain[0].hits == ()
    assert json.loads(retrieved[0].generation.text)["source_document"] == "pay"


def test_an_answer_is_parsed_and_validated(task):
    good = '{"answer": "40 euros", "area": "pay", "sure": true}'
    generator = FakeGenerator(
        {(None, "Question: Tell me the walrus bonus."): good, (None, "Question: Start of heron shifts?"): "well"}
    )
    first, second = ask(task, ARMS["base"], generator=generator)
    assert first.schema_valid
    assert (second.stage, second.json_valid, second.schema_valid) == ("failed", False, False)


def test_valid_json_that_breaks_the_schema_is_told_why(task):
    generator = FakeGenerator({(None, "Question: Tell me the walrus bonus."): '{"answer": 1, "area": "pay"}'})
    prediction = ask(task, ARMS["base"], generator=generator)[0]
    assert prediction.json_valid
    assert not prediction.schema_valid
    assert {issue.keyword for issue in prediction.issues} == {"type", "required"}


@pytest.mark.parametrize(("arm", "remedy"), [("qlora", "ragft train tiny"), ("rag", "ragft index tiny")])
def test_a_missing_part_says_how_to_make_it(task, arm, remedy):
    with pytest.raises(LabError, match=remedy):
        ask(task, ARMS[arm])


def test_passages_that_do_not_fit_are_dropped_and_counted(task):
    generator = FakeGenerator(context_tokens=DecodeOptions().max_new_tokens + 80)
    prediction = ask(task, ARMS["rag"], generator=generator, retriever=OneHit())[0]
    roomy = ask(task, ARMS["rag"], retriever=OneHit())[0]
    assert (len(roomy.hits), roomy.dropped_passages) == (1, 0)
    assert (len(prediction.hits), prediction.dropped_passages) == (0, 1)
    assert (roomy.dropped_documents, prediction.dropped_documents) == ((), (roomy.hits[0].passage.document,))


def test_a_question_longer_than_the_context_is_refused(task):
    generator = FakeGenerator(context_tokens=10)
    with pytest.raises(LabError, match="leaves room for"):
        ask(task, ARMS["base"], generator=generator)


def test_shots_never_come_from_test_and_are_stable(task):
    shots = choose_shots(task, 3)
    assert shots == choose_shots(task, 3)
    assert {shot.id for shot in shots} <= {example.id for example in task.train}


def test_the_adapter_is_asked_as_it_was_trained(task):
    """Training builds its prompt with the same function and without shots; the arm must not add any."""
    assert ARMS["qlora"].shots == ARMS["hybrid"].shots == 0
    assert build_prompt(task, "q")[-1].content == "Question: q"


def test_retrieved_text_stands_only_in_the_last_turn(task):
    messages = build_prompt(task, "q", shots=[Example("s", "sq", {"answer": "a", "area": "pay", "sure": True})], hits=[HIT])
    assert [HIT.passage.text in message.content for message in messages] == [False, False, False, True]


def test_unknown_arms_list_the_known_ones():
    with pytest.raises(LabError, match="base, rag, qlora, hybrid"):
        find_arms("base,magic")
    assert [arm.name for arm in find_arms("rag,base,rag")] == ["rag", "base"]
