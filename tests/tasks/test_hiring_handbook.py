"""The hiring handbook as an exam: two independent axes, one span rule, and questions that no search alone answers."""

import json
import re
from collections import Counter, defaultdict
from itertools import pairwise
from statistics import fmean, median

import pytest
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from core.evaluation.acceptance import score_example
from core.settings import BUNDLED_TASKS
from core.tasks.loading import load_task

FOLDER = BUNDLED_TASKS / "hiring-handbook"
WORDINGS = ("plain", "paraphrased", "indirect")
TYPES = {"span", "number", "person", "date", "yes_no", "list", "condition", "two_documents", "version"}
BOUND_BEFORE = (
    r"(?:at most|at least|no more than|more than|less than|up to|within|under|above|below|about|after|before|never exceeds)"
)
BOUND_BEHIND = r"(?:at most|at least|or more|or higher|or lower|or fewer|on average|upward)"
LEFT_OUT = {"in", "at", "on", "to", "for", "by", "with", "of", "because", "if"}  # At the start of a span.
SKELETON = ENGLISH_STOP_WORDS | {"does", "did", "long", "people", "person", "norrvik"}


@pytest.fixture(scope="module")
def task():
    return load_task(FOLDER)


@pytest.fixture(scope="module")
def texts():
    return {path.stem: path.read_text(encoding="utf-8") for path in (FOLDER / "documents").glob("*.md")}


@pytest.fixture(scope="module")
def types():
    lines = (FOLDER / "source" / "types.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: row["type"] for row in map(json.loads, lines)}


def is_answered(example):
    return example.output["answer"] is not None


def cut_words(text):
    """Stems of a sort: the first five letters of the words that say something."""
    return {word[:5] for word in re.findall(r"\w+", text.casefold()) if word not in SKELETON and len(word) > 2}


def measure_overlap(example):
    """Share of a question's content words that stand in its quotes or its documents' names."""
    asked = cut_words(example.input)
    shown = cut_words(" ".join(f"{item.quote} {item.document.replace('-', ' ')}" for item in example.evidence))
    return len(asked & shown) / len(asked) if asked else 0.0


def split_sentences(text):
    parts = re.split(r"(?<=[.!?])\s+(?=\W*[A-ZÅÄÖ])|\n+", text)
    return [part.strip(" #*-|") for part in parts if part.strip(" #*-|")]


def read_answer(question, sentence):
    """The number with its unit, the yes or no, or the name that a sentence offers to a kind of question."""
    number = re.search(rf"(?:{BOUND_BEFORE} )?(?:[A-Z]{{3}} )?\d[\d.,]*(?: \w+){{0,2}}", sentence)
    if number and re.search(r"\bhow\b|\bwhen\b|\buntil\b|\bfrom what\b|\bby what\b|\bwhat (sum|share|limit)\b", question, re.I):
        return number[0]
    name = re.search(r"\b[A-ZÅÄÖ]\w+ (?:Mac)?[A-ZÅÄÖ]\w+", sentence)
    if name and re.search(r"\bwho|\bname\b", question, re.I):
        return name[0]
    if re.match(r"(may|can|must|is|are|does|do|will|would|could|has|should)\b", question, re.I):
        no = re.search(r"\b(not|no|never|nobody|neither)\b", sentence, re.I)
        return f"{'no' if no else 'yes'}, {sentence}"
    return sentence


def find_closest(texts_of_questions, known):
    weigh = TfidfVectorizer(sublinear_tf=True, preprocessor=stem)
    table = weigh.fit_transform(known)
    return (weigh.transform(texts_of_questions) @ table.T).toarray().argmax(axis=1)


def stem(text):
    return " ".join(word[:6] for word in re.findall(r"\w+", text.casefold()) if word not in ENGLISH_STOP_WORDS)


def mark(example, answer, task):
    value = {"answer": answer, "source": example.output["source"]}
    return score_example(value, example, task.schema).metric("answer")


def test_sizes_slices_and_types(task, texts, types):
    assert len(task.train) >= 420
    assert len(task.test) >= 400
    assert len(texts) >= 100
    slices = Counter(example.slice for example in task.test)
    assert set(slices) == {"unanswerable"} | {f"{wording}_{fact}" for wording in WORDINGS for fact in ("seen", "unseen")}
    cells = [count for name, count in slices.items() if name != "unanswerable"]
    assert max(cells) <= 1.25 * min(cells)
    for split in (task.train, task.test):
        kinds = Counter(types[example.id] for example in split if is_answered(example))
        assert set(kinds) == TYPES
        assert min(kinds.values()) >= 10
        assert 0.13 <= fmean(not is_answered(example) for example in split) <= 0.2
    assert set(types) == {example.id for example in (*task.train, *task.test)}


def test_a_third_of_the_documents_is_never_shown_in_training(task, texts):
    trained = {item.document for example in task.train for item in example.evidence}
    trained |= {example.output["source"] for example in task.train}
    assert len(texts) - len(trained) >= len(texts) / 3
    for example in task.test:
        documents = {item.document for item in example.evidence}
        if example.slice.endswith("_unseen"):
            assert not documents & trained, example.id
        elif example.slice.endswith("_seen"):
            assert documents <= trained, example.id


def test_a_seen_fact_has_an_answer_in_training(task):
    known = {(item.quote, example.output["answer"]) for example in task.train for item in example.evidence}
    for example in task.test:
        if example.slice.endswith("_seen"):
            assert any((item.quote, example.output["answer"]) in known for item in example.evidence), example.id


def test_the_two_axes_are_independent(task):
    cells = defaultdict(list)
    for example in task.test:
        if is_answered(example):
            cells[example.slice].append(measure_overlap(example))
    means = {name: fmean(values) for name, values in cells.items()}
    for wording in WORDINGS:
        assert abs(means[f"{wording}_seen"] - means[f"{wording}_unseen"]) < 0.06, means
    for one, other in pairwise(WORDINGS):
        assert min(means[f"{one}_seen"], means[f"{one}_unseen"]) > max(means[f"{other}_seen"], means[f"{other}_unseen"])
    assert means["plain_seen"] > 0.5 > 0.25 > means["paraphrased_seen"]


def test_readers_without_a_model_fail_on_reworded_questions(task, texts):
    reworded = [example for example in task.test if example.slice.startswith(("paraphrased", "indirect"))]
    questions = [example.input for example in reworded]
    sentences = [(name, part) for name, text in sorted(texts.items()) for part in split_sentences(text)]
    places = find_closest(questions, [f"{name.replace('-', ' ')} {part}" for name, part in sentences])
    read = [
        mark(item, read_answer(item.input, sentences[place][1]), task) for item, place in zip(reworded, places, strict=True)
    ]
    assert fmean(read) <= 0.25
    places = find_closest(questions, [example.input for example in task.train])
    copied = [mark(item, task.train[place].output["answer"], task) for item, place in zip(reworded, places, strict=True)]
    assert fmean(copied) <= 0.25


def test_the_items_are_many_independent_ones(task):
    units = Counter(
        example.group or (example.evidence[0].document if example.evidence else example.input) for example in task.test
    )
    assert len(task.test) ** 2 / sum(count**2 for count in units.values()) >= 110


def test_answers_follow_the_span_rule(task):
    for example in (*task.train, *task.test):
        if not is_answered(example):
            continue
        answer, quotes = example.output["answer"], " ".join(item.quote for item in example.evidence)
        assert example.output["source"] in {item.document for item in example.evidence}, example.id
        body = re.sub(r"^(yes|no), ", "", answer)
        parts = [body] if body.casefold() in quotes.casefold() else body.split(", ")
        assert all(part.casefold() in quotes.casefold() for part in parts), example.id
        assert answer[-1] not in ".;:", example.id
        bound = re.match(rf"{BOUND_BEFORE}\b", answer, re.I)
        assert body != answer or bound or answer.split()[0].casefold() not in LEFT_OUT, (example.id, answer)


def test_no_answer_loses_the_bound_of_its_number(task):
    for example in (*task.train, *task.test):
        answer = example.output["answer"]
        if answer is None or not re.match(r"(?:[A-Z]{3} )?\d", answer):
            continue
        for item in example.evidence:
            assert not re.search(rf"{BOUND_BEFORE} (?:the )?{re.escape(answer)}", item.quote, re.I), (example.id, answer)
            assert not re.search(rf"{re.escape(answer)} {BOUND_BEHIND}", item.quote, re.I), (example.id, answer)


def test_a_yes_or_no_has_its_reason(task, types):
    for example in (*task.train, *task.test):
        if types[example.id] == "yes_no":
            assert re.match(r"(yes|no), \S+ \S+", example.output["answer"]), example.id


def test_what_the_handbook_does_not_say_is_asked_of_a_page_on_the_matter(task, texts):
    for split, most in ((task.train, 2), (task.test, 1)):
        silent = [example for example in split if not is_answered(example)]
        assert all(example.output["source"] in texts and not example.evidence for example in silent)
        assert max(Counter(example.output["source"] for example in silent).values()) <= most


def test_documents_differ_in_length_and_form(texts):
    sizes = [len(text.split()) for text in texts.values()]
    assert min(sizes) < 50
    assert max(sizes) > 700
    assert 100 <= median(sizes) <= 200
    assert sum(text.count("\n## ") == 4 for text in texts.values()) < 5
    assert sum("|---" in text for text in texts.values()) >= 15
    assert sum("in force from" in text for text in texts.values()) >= 20
    assert sum("archive" in text.casefold() for text in texts.values()) >= 4
