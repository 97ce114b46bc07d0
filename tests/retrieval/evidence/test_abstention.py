from dataclasses import asdict, replace

import pytest

from core.errors import LabError
from core.values import Document, Hit, Passage
from retrieval.evidence.abstention import (
    DEFAULTS,
    LEAST_SAMPLE,
    SAMPLE,
    calibrate,
    choose_threshold,
    judge,
    measure_coverage,
    measure_evidence,
    read_threshold,
)
from retrieval.index.update import index_documents
from retrieval.search.hybrid import HybridRetriever

TOPICS = ["walrus", "heron", "kelp", "tide", "reef", "sand", "gull", "crab", "wave", "buoy"]


def hit(text, **scores):
    return Hit(Passage("d", "Title", 0, len(text), text), 1.0, scores=scores)


def make_documents():
    """Six facts on each of ten topics: what is asked stands in one document only."""
    return [
        Document(topic, topic.title(), "\n\n".join(f"The {topic} number {n} {topic}ly eats {topic}food{n} at noon daily." for n in range(6)))
        for topic in TOPICS
    ]  # fmt: skip


def make_questions():
    return [(f"What {topic}food{n} does {topic} {n} eat?", [topic]) for topic in TOPICS for n in range(4)]


@pytest.fixture
def index(tmp_path, embedder):
    return index_documents(tmp_path / "i", make_documents(), embedder, task="t", passage_tokens=30)


def test_coverage_counts_stemmed_words_that_matter():
    assert measure_coverage("Where are the walruses fed and how?", "A walrus is here") == pytest.approx(1 / 2)
    assert measure_coverage("of the", "of the") == 0.0


def test_evidence_is_of_the_first_hits_and_never_of_fused_scores():
    assert measure_evidence("walrus", []) == (0.0, 0.0)
    assert measure_evidence("walrus bonus", [hit("bonus", dense=0.2), hit("walrus", dense=0.6)]) == (pytest.approx(0.56), 0.5)
    assert measure_evidence("walrus bonus", [hit("walrus", bm25=9.0)]) == (0.5, 0.5)
    assert measure_evidence("walrus", [hit("x", dense=0.1)] * 5 + [hit("walrus", dense=0.9)]) == (pytest.approx(0.06), 0.0)


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ([0.6, 0.8], [0.1, 0.4], 0.5),
        ([0.2, *[0.8] * 9], [0.1, 0.3, 0.3, 0.3], 0.55),
        ([0.2, *[0.8] * 8], [0.1, 0.3, 0.3, 0.3], 0.15),
        ([0.2, 0.8, 0.9], [0.1, 0.1, 0.1, 0.3], 0.15),
        ([0.2, 0.3], [0.0, 1.0], 0.1),
    ],
)
def test_the_threshold_parts_best_by_hand(own, other, expected):
    assert choose_threshold(own, other) == pytest.approx(expected)


def test_a_verdict_says_why():
    found = judge("walrus bonus", [hit("The walrus bonus", dense=0.8)], {})
    assert not found.abstained
    assert "0.88" in found.reason
    weak = judge("walrus bonus", [hit("herons wait", dense=0.1)], {})
    assert weak.abstained
    assert (weak.best_score, weak.threshold) == (pytest.approx(0.06), DEFAULTS["dense"].value)
    assert "Nothing relevant" in weak.reason
    assert "0% of the question's words" in weak.reason
    nothing = judge("walrus", [], {"words": {**asdict(DEFAULTS["words"]), "value": 0.0}})
    assert nothing.abstained
    assert nothing.reason == "No passage has anything in common with the question."
    assert judge("walrus", [hit("walrus", bm25=3.0)], {}).threshold == DEFAULTS["words"].value


@pytest.mark.parametrize("questions", [make_questions(), []])
def test_an_index_keeps_what_it_holds_and_refuses_the_rest(index, embedder, questions):
    calibration = calibrate(index, embedder, questions=questions)
    assert set(calibration) == ({"dense", "words"} if questions else set())  # Without questions the defaults hold.
    assert read_threshold(calibration, "dense").source == ("questions" if questions else "default")
    retriever = HybridRetriever(index, embedder)

    def abstained(query):
        return judge(query, retriever.search([query], top_k=3)[0], calibration).abstained

    assert not abstained("What does the walrus number 3 eat at noon, walrusfood3?")
    assert abstained("Who painted the ceiling in Rome?")


def test_calibration_is_bounded_repeatable_and_gives_way_where_there_is_too_little(index, tmp_path, embedder):
    asked = []

    class Counting(type(embedder)):
        def encode_query(self, texts):
            asked.extend(texts)
            return self.encode(texts)

    many = make_questions() * 20
    assert calibrate(index, Counting(), questions=many) == calibrate(index, embedder, questions=many)
    assert LEAST_SAMPLE < len(asked) <= SAMPLE
    alone = index_documents(tmp_path / "j", make_documents()[:1], embedder, task="t")
    assert calibrate(alone, embedder) == {}


def test_an_index_for_words_only_is_calibrated_on_words(index, embedder):
    assert set(calibrate(replace(index, stale=True), embedder, questions=make_questions())) == {"words"}


def test_a_kept_threshold_may_hold_more_but_nothing_of_another_kind():
    kept = {**DEFAULTS["dense"].as_json(), "value": 0.5, "later": True}
    assert read_threshold({"dense": kept}, "dense").value == 0.5
    assert read_threshold({"dense": kept}, "dense").as_json() == kept
    assert read_threshold({"dense": kept}, "words") == DEFAULTS["words"]
    with pytest.raises(LabError, match=r"The dense threshold in index\.json is damaged: value"):
        read_threshold({"dense": {**kept, "value": "high"}}, "dense")
    older = {**kept, "source": "sentences"}
    assert read_threshold({"dense": older}, "dense") == DEFAULTS["dense"]
