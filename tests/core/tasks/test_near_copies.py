"""Near copies: what is found, and what people ask alike without copying. The figures are those of `find_pairs`."""

import gzip
import json
import time
from pathlib import Path
from random import Random

import pytest

from core.settings import BUNDLED_TASKS
from core.tasks.leakage import find_pairs
from core.tasks.loading import load_task
from core.tasks.near_copies import find_unworded
from core.values import Example

DATA = Path(__file__).parents[4] / "shared" / "data"
QUESTIONS = [
    "How many days of leave do new parents get?",
    "Who signs the contract of a contractor abroad?",
    "When may an engineer work from another country?",
    "Which form reports a lost badge to security?",
    "What does the company pay for a rented bicycle?",
    "Where are visitors of the laboratory registered?",
    "How early must a training course be booked?",
    "Who may approve an expense above the limit?",
    "What happens to unused holidays in the spring?",
    "Which doctor examines drivers before they start?",
    "How long are recordings of interviews kept?",
    "When does the probation of an apprentice end?",
    "Where is the form for moving costs found?",
]


def pair(one, other, *, answers=("a", "a"), others=()):
    """Say how one training text is found to copy one test text, amid other training rows."""
    train = [Example("one", one, {"answer": answers[0]})]
    train += [Example(f"x{number}", text, {"answer": answer}) for number, (text, answer) in enumerate(others)]
    found = [found for found in find_pairs(train, [Example("other", other, {"answer": answers[1]})]) if found.train == "one"]
    return found[0].kind if found else None


@pytest.mark.parametrize("place", range(-1, 6))
def test_each_question_of_a_small_task_is_found_with_any_one_word_changed(place):
    test = [Example(f"t{number}", text, {"answer": f"answer {number}"}) for number, text in enumerate(QUESTIONS)]
    train = []
    for example in test:
        words = example.input.split()
        words[place] = "zebra"
        train.append(Example(f"c{example.id}", " ".join(words), example.output))
    assert {(found.train, found.test) for found in find_pairs(train, test)} == {(f"ct{n}", f"t{n}") for n in range(13)}


SHORT = [
    ("How many vacation days?", "How many holiday days?"),
    ("I lost my card yesterday", "I lost my card today"),
    ("Who approves travel?", "Who authorises travel?"),
    ("Where do visitors park?", "Where can visitors park?"),
    ("Is parental leave paid?", "Is the parental leave paid?"),
    ("Badge broken again", "Badge is broken again"),
    ("When is payday?", "When was payday?"),
]


def test_short_questions_with_one_word_changed_are_found():
    train = [Example(f"r{n}", one, {"answer": f"answer {n}"}) for n, (one, _) in enumerate(SHORT)]
    test = [Example(f"t{n}", other, {"answer": f"answer {n}"}) for n, (_, other) in enumerate(SHORT)]
    found = {(pair.train, pair.test, pair.kind) for pair in find_pairs(train, test)}
    assert found == {(f"r{n}", f"t{n}", "words") for n in range(len(SHORT))}
    other = [Example(example.id, example.input, {"answer": "else"}) for example in test]
    assert find_pairs(train, other) == []


def test_a_short_form_is_no_copy_and_two_words_are_too_few():
    assert pair("What is LoRA?", "What is RAG?") == "words"
    assert pair("What is LoRA?", "What is RAG?", others=[("What is BM25?", "b")]) is None
    assert pair("Play some jazz", "Play some blues", others=[("Play some rock", "a"), ("Play some funk", "b")]) is None
    assert pair("Why so?", "Why not?") is None
    assert find_unworded([Example("t1", "Why so?", {}), Example("t2", "Why is that?", {})]) == ["t1"]


@pytest.mark.parametrize("blank", ["\u2800", "\u3164", "\uffa0"])
def test_blanks_that_are_no_spaces_hide_no_copy(blank):
    assert pair(blank.join(QUESTIONS[0].split()), QUESTIONS[0]) == "equal"


def test_labels_that_many_rows_share_hide_no_copy():
    test = [Example(f"t{number}", text, {"label": "ab"[number % 2]}) for number, text in enumerate(QUESTIONS)]
    train = [Example(f"c{example.id}", f"Please: {example.input}", example.output) for example in test]
    assert len({found.test for found in find_pairs(train, test)}) == 13


def test_exchanged_sentences_and_a_text_inside_another_are_found():
    one, two = "The parcel came back twice.", "Nobody at your office picks up."
    assert pair(f"{two} {one}", f"{one} {two}") == "words"
    around = " ".join(f"word{number}" for number in range(60))
    assert pair(f"{around} {two} {around}", two) == "words"
    sixteen = "please tell me by which day the signed papers of the shipyard contract must arrive in Porto"
    assert len(sixteen.split()) == 17
    changed = sixteen.replace("papers", "documents")
    assert pair(changed, sixteen) == "words"
    assert pair(changed, sixteen, answers=("a", "b")) == "words"


def test_another_answer_makes_another_question():
    assert pair("Is the first train to Porto on time?", "Is the last train to Porto on time?", answers=("yes", "no")) is None
    number = "please move an amount of 500 from the savings account to the account for the monthly rent"
    assert pair(number, number.replace("500", "750"), answers=("a", "b")) is None


def test_a_form_with_a_slot_is_no_copy():
    ask = "How long does a work permit for {} take?"
    assert pair(ask.format("Japan"), ask.format("Brazil")) == "words"
    assert pair(ask.format("Japan"), ask.format("Brazil"), others=[(ask.format("Portugal"), "b")]) is None
    rate = "Rate {} four out of six"
    others = [(rate.format(name), "a") for name in ("Ulysses", "Emma", "Dune", "Momo")] + [("Play some jazz", "a")]
    assert pair(rate.format("Heidi"), rate.format("Faust"), others=others) is None


def test_many_copies_of_one_question_do_not_make_it_a_form():
    ask = "How long does a work permit for Brazil {}?"
    others = [(ask.format(word), "a") for word in ("last", "need", "run", "go", "require", "want")]
    assert pair(ask.format("take"), ask.format("hold"), others=others) == "words"


def test_answers_to_one_question_are_compared_without_it():
    ask = "Question: Why does the bulb in the second circuit stay dark? Answer: {}"
    said = ["it burned out", "no battery at all", "wires are loose", "switch is open", "too thin a wire", "gap in the path"]
    others = [(ask.format(text), "ab"[number % 2]) for number, text in enumerate(said)]
    assert pair(ask.format("someone removed it"), ask.format("the fuse has melted"), others=others) is None
    same = ask.format("the fuse has melted down completely")
    assert pair(same, ask.format("the fuse has melted completely"), others=others) is not None


@pytest.mark.parametrize("name", ["hiring-handbook", "cv-screening", "cv-match", "answer-grading", "ml-interview"])
def test_the_bundled_tasks_are_clean_and_what_is_planted_there_is_found(name):
    task = load_task(BUNDLED_TASKS / name)
    assert find_pairs(task.train, task.test) == []
    random, planted = Random(3), {}
    words = [word for example in task.train for word in example.input.split()]
    for example in random.sample([example for example in task.test if len(example.input.split()) >= 6], 20):
        text = example.input.split()
        text[random.randrange(len(text))] = random.choice(words)
        planted[example.id] = Example(f"copy of {example.id}", " ".join(text), example.output)
    found = {pair.test for pair in find_pairs([*task.train, *planted.values()], task.test)}
    assert found >= planted.keys()


@pytest.mark.parametrize(("name", "least", "most"), [("banking77", 0.2, 0.3), ("snips", 0.04, 0.08)])
def test_public_data_gives_the_figures_that_are_told(name, least, most):
    if not DATA.is_dir():
        pytest.skip("no public data here")
    train, test = (_read(name, split) for split in ("train", "validate" if name == "snips" else "test"))
    share = len({pair.test for pair in find_pairs(train, test)}) / len(test)
    assert least < share < most


def _read(name, split):
    with gzip.open(DATA / name / f"{split}.jsonl.gz", "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    slots = [[(slot["entity"], slot["value"]) for slot in row.get("slots", [])] for row in rows]
    answers = [{"label": row.get("label", row.get("intent")), "slots": own} for row, own in zip(rows, slots, strict=True)]
    return [Example(f"{split}-{n}", row["text"], answer) for n, (row, answer) in enumerate(zip(rows, answers, strict=True))]


def test_thousands_of_rows_of_one_form_take_seconds():
    words = [f"topic{number}" for number in range(30)]

    def rows(start, count):
        numbers = range(start, start + count)
        return [Example(f"r{n}", f"request number {n} about {words[n % 30]} of a customer", {"l": n % 3}) for n in numbers]

    start = time.monotonic()
    assert find_pairs(rows(0, 5000), rows(5000, 1000)) == []
    assert time.monotonic() - start < 20
