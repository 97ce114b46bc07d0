"""ML interview is an exam worth sitting: every label can be read off the articles, and neither slice is worded more plainly."""

import json
from collections import Counter, defaultdict
from statistics import fmean

import pytest

from core.evaluation.acceptance import score_example
from core.evaluation.exam_report import find_content, measure_effective, measure_overlap
from core.evaluation.sampling import find_clusters
from core.evaluation.texts import normalize_text, token_f1
from core.settings import BUNDLED_TASKS
from core.tasks.loading import load_task

FOLDER = BUNDLED_TASKS / "ml-interview"
LONGEST = 40  # Words of a span that is tried as an answer.
ARTICLES = {path.stem: path.read_text(encoding="utf-8") for path in (FOLDER / "documents").glob("*.md")}
SHELVES = json.loads((FOLDER / "source" / "shelves.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def task():
    return load_task(FOLDER)


def source(example):
    (evidence,) = example.evidence
    return evidence.document


def says(text, part):
    """Whether a text holds the words of another, in their order."""
    return f" {normalize_text(part)} " in f" {normalize_text(text)} " or part.casefold() in text.casefold()


def accepted(example, field):
    return (example.accept or {}).get(field, [] if field == "answer" else {})


def spans(text):
    words = text.split()
    return (
        " ".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(start + LONGEST, len(words)) + 1)
    )


def test_articles_have_sources_and_a_shelf():
    assert len(ARTICLES) >= 62
    shelved = [name for names in SHELVES.values() for name in names]
    assert sorted(shelved) == sorted(ARTICLES)
    assert all(4 <= len(names) <= 9 for names in SHELVES.values())
    for name, text in ARTICLES.items():
        assert text.startswith("# "), name
        assert 120 <= len(text.split()) <= 450, name
        assert text.splitlines()[-1].startswith(("Sources: ", "Source: ")), name


def test_questions_are_spread_evenly(task):
    assert len(task.train) >= 240
    assert len(task.test) >= 190
    asked = Counter(source(example) for example in (*task.train, *task.test))
    assert set(asked) == set(ARTICLES)
    assert max(asked.values()) <= 2 * min(asked.values())
    assert measure_effective(Counter(find_clusters(task.test)).values()) >= 45
    topics = Counter(example.output["topic"] for example in task.test)
    assert set(topics) == set(SHELVES)
    assert max(topics.values()) <= 0.15 * len(task.test)


def test_slices_say_whether_training_saw_the_article(task):
    seen = {source(example) for example in task.train}
    slices = Counter(example.slice for example in task.test)
    assert min(slices["seen_article"], slices["unseen_article"]) >= 90
    for example in task.test:
        assert (example.slice == "seen_article") == (source(example) in seen), example.id


def test_the_topic_is_the_shelf_of_the_article(task):
    for example in (*task.train, *task.test):
        assert source(example) in SHELVES[example.output["topic"]], example.id


def test_key_points_stand_in_the_answer_and_in_the_evidence(task):
    for example in (*task.train, *task.test):
        answer, points = example.output["answer"], example.output["key_points"]
        assert len({normalize_text(point) for point in points}) == len(points), example.id
        for point in points:
            assert says(answer, point), (example.id, point)
            assert says(example.evidence[0].quote, point), (example.id, point)


def test_answers_are_short_and_evidence_stands_once_in_its_article(task):
    for example in (*task.train, *task.test):
        assert 2 <= len(example.output["answer"].split()) <= 15, example.id
        assert ARTICLES[source(example)].count(example.evidence[0].quote) == 1, example.id


def test_a_perfect_quote_can_earn_nearly_all(task):
    """The best span of the evidence against the answer and what is accepted beside it."""

    def ceiling(example):
        right = [example.output["answer"], *accepted(example, "answer")]
        return max(token_f1(span, text) for span in spans(example.evidence[0].quote) for text in right)

    assert fmean(map(ceiling, task.test)) >= 0.9


def test_accepted_wordings_are_right_in_full_and_no_key_point_is_accepted_for_another(task):
    for example in (*task.train, *task.test):
        for answer in accepted(example, "answer"):
            assert score_example({**example.output, "answer": answer}, example, task.schema).exact, (example.id, answer)
        wordings = [(point, text) for point, texts in accepted(example, "key_points").items() for text in texts]
        for point, text in wordings:
            others = [normalize_text(other) for other in example.output["key_points"] if other != point]
            assert normalize_text(text) not in others, (example.id, text)


def test_copying_the_whole_quote_is_no_list_of_key_points(task):
    """The reason for the primary metric: a sentence found is not yet the facts that were asked for."""
    assert task.primary_metric == "key_points"
    copied = [{**item.output, "key_points": [item.evidence[0].quote]} for item in task.test]
    assert (
        fmean(
            score_example(value, item, task.schema).fields["key_points"] for value, item in zip(copied, task.test, strict=True)
        )
        < 0.4
    )


def test_the_answer_of_another_question_on_the_article_earns_nothing(task):
    by_article = defaultdict(list)
    for example in task.test:
        by_article[source(example)].append(example)
    marks = [
        score_example(other.output, example, task.schema).fields["key_points"]
        for group in by_article.values()
        for example in group
        for other in group
        if other is not example
    ]
    assert fmean(marks) < 0.05


def test_neither_slice_is_worded_more_plainly(task):
    overlap = measure_overlap(task.test)
    assert abs(overlap["seen_article"] - overlap["unseen_article"]) < 0.06
    assert max(overlap.values()) < 0.5


def test_questions_stand_on_their_own(task):
    """A question names what it is about: no pointing at a text or another question, and words enough to search with."""
    pointing = ("this article", "that study", "the study above", "mentioned above", "see above", "the passage above")
    for example in (*task.train, *task.test):
        assert not any(words in example.input.casefold() for words in pointing), example.id
        assert example.input[-1] in "?.", example.id
        assert len(find_content(example.input)) >= 2, example.id


def test_no_answer_of_the_unseen_articles_was_trained_on(task):
    trained = {normalize_text(example.output["answer"]) for example in task.train}
    assert not [item.id for item in task.test if normalize_text(item.output["answer"]) in trained]


def test_the_audit_reads_100_test_items_again(task):
    rows = [json.loads(line) for line in (FOLDER / "audit.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({row["id"] for row in rows}) == len(rows) == 100
    assert {row["id"] for row in rows} <= {example.id for example in task.test}
    for row in rows:
        assert row["agrees"] or (row["field"] and row["reason"] and isinstance(row["corrected"], bool)), row["id"]
