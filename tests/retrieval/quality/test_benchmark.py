"""The benchmark's synthetic corpora are what they say."""

import numpy as np

from benchmarks.retrieval import cut, describe, measure_abstention, tile, time_each
from core.values import Document
from retrieval.index.lexical import search_bm25
from retrieval.index.update import index_documents
from retrieval.quality.metrics import LabelledQuestion
from retrieval.search.hybrid import HybridRetriever

TEXTS = ["walrus bonus paid", "heron break", "walrus walrus kelp", "tide and sand", "heron walrus"]


def test_a_tiled_index_repeats_words_and_keeps_vectors_near(embedder, tmp_path):
    documents = [Document(f"d{n}", f"T{n}", text) for n, text in enumerate(TEXTS)]
    index = cut(index_documents(tmp_path / "i", documents, embedder, task="t"), 4)
    assert len(index) == 4
    large = tile(index, 14)
    assert (len(large), large.vectors.ntotal, large.bm25.size) == (16, 16, 16)
    once = dict(search_bm25(index.bm25, "walrus break", 99))
    assert dict(search_bm25(large.bm25, "walrus break", 99)) == {
        i + 4 * copy: score for i, score in once.items() for copy in range(4)
    }
    assert all(
        np.all(np.diff(large.bm25.rows[a:b]) > 0) for a, b in zip(large.bm25.starts, large.bm25.starts[1:], strict=False)
    )
    hits = HybridRetriever(large, embedder).search(["walrus bonus"], top_k=6)[0]
    assert [hit.passage.document for hit in hits[:4]] == ["d0"] * 4
    assert len({hit.passage.title for hit in hits}) == 6
    assert tile(index, 4) is index


def test_tasks_take_turns_and_the_first_queries_do_not_count():
    calls = []
    times = time_each(
        {"a": lambda query: calls.append("a" + query), "b": lambda query: calls.append("b" + query)}, list("12345678")
    )
    assert calls[:4] == ["a1", "b1", "a2", "b2"]
    assert {name: len(values) for name, values in times.items()} == {"a": 8, "b": 8}
    assert describe([1.0, 2.0, 3.0])["p50"] == 2.0


def test_abstention_is_judged_on_other_articles_than_it_was_set_on(embedder, tmp_path):
    topics = [f"topic{letter}" for letter in "abcdefghijkl"]
    documents = [
        Document(f"{topic}#{n}", topic, f"The {topic} eats {topic}food{n} at noon.") for topic in topics for n in range(5)
    ]
    labelled = [
        LabelledQuestion(f"What {topic}food{n} does {topic} eat?", {f"{topic}#{n}": 1.0}, topic)
        for topic in topics
        for n in range(5)
    ]
    index = index_documents(tmp_path / "i", documents, embedder, task="t")
    found = measure_abstention(index, embedder, labelled)
    assert set(found) == {"default", "questions"}
    assert {row["questions"] for row in found.values()} == {30}
    assert found["questions"]["threshold"]["source"] == "questions"
    assert found["questions"]["threshold"]["questions"] == 30
    assert min(found["questions"]["kept"], found["questions"]["refused"]) > 0.9
