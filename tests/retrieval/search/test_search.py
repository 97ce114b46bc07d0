import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import LabError
from core.values import Document, Passage
from retrieval.index.update import index_documents
from retrieval.index.vectors import build_vectors, take_vectors
from retrieval.search.fusion import diversify, fuse_convex, fuse_rrf, order_by_score, scale_scores
from retrieval.search.hybrid import HybridRetriever, is_repeat

TEXT = "# Sea\n\n" + "\n\n".join(
    f"## Part {n}\nThe buoy number {n} drifts. It äöü floats, 海 waves and kelp." for n in range(12)
)
DOCUMENTS = [
    Document("sea", "Sea", TEXT),
    Document("pay", "Pay", "# Pay\n\nThe walrus bonus is 40 euros."),
    Document("rest", "Rest", "# Rest\n\nA break lasts 25 minutes."),
]


@pytest.fixture
def index(embedder, tmp_path):
    return index_documents(tmp_path / "i", DOCUMENTS, embedder, task="t", passage_tokens=40)


def documents_of(hits):
    return [hit.passage.document for hit in hits]


def test_search_finds_by_words_and_keeps_ranks_and_scores_per_retriever(index, embedder):
    hits = HybridRetriever(index, embedder).search(["walrus bonus euros", "break minutes"], top_k=2)
    assert [row[0].passage.document for row in hits] == ["pay", "rest"]
    assert hits[0][0].ranks == {"dense": 1, "bm25": 1}
    assert hits[0][0].scores["dense"] == pytest.approx(
        float(embedder.encode(["walrus bonus euros"])[0] @ take_vectors(index.vectors, index.select(["pay"]))[0]), abs=1e-5
    )


@pytest.mark.parametrize("mode", ["hybrid", "dense", "bm25"])
@pytest.mark.parametrize("fusion", ["convex", "rrf"])
def test_more_hits_than_passages_are_never_invented(index, embedder, mode, fusion):
    hits = HybridRetriever(index, embedder, mode=mode, fusion=fusion).search(["walrus", "zzzz qqqq"], top_k=500)
    assert all(len(row) <= len(index) for row in hits)
    assert all(len({hit.passage for hit in row}) == len(row) for row in hits)
    assert (len(hits[0]) == len(index)) == (mode != "bm25")
    if mode == "bm25":
        assert hits[1] == []


@pytest.mark.parametrize("mode", ["hybrid", "dense", "bm25"])
def test_the_filter_comes_before_the_best_are_chosen(embedder, tmp_path, mode):
    many = [Document(f"d{n}", f"D{n}", f"walrus walrus walrus {n}") for n in range(80)]
    index = index_documents(tmp_path / "i", [*many, DOCUMENTS[1]], embedder, task="t")
    retriever = HybridRetriever(index, embedder, mode=mode)
    assert "pay" not in documents_of(retriever.search(["walrus"], top_k=3)[0])
    assert documents_of(retriever.search(["walrus"], top_k=3, documents=["pay", "unknown"])[0]) == ["pay"]
    assert retriever.search(["walrus"], top_k=3, documents=[]) == [[]]


def test_dense_scores_are_exact_with_and_without_a_filter(index, embedder):
    query = embedder.encode(["kelp waves buoy 7"])[0]
    truth = take_vectors(index.vectors, index.ids) @ query
    everything = HybridRetriever(index, embedder, mode="dense").search(["kelp waves buoy 7"], top_k=100)[0]
    assert [hit.score for hit in everything] == pytest.approx(sorted(truth.tolist(), reverse=True), abs=1e-5)


@pytest.mark.parametrize("kind", ["Flat", "IVF4,Flat", "HNSW8"])
def test_a_filter_holds_in_every_kind_of_vector_index(index, embedder, kind):
    vectors = take_vectors(index.vectors, index.ids)
    other = replace(index, vectors=build_vectors(vectors, index.ids, kind=kind))
    hits = HybridRetriever(other, embedder, mode="dense").search(["walrus bonus"], top_k=5, documents=["rest"])[0]
    assert documents_of(hits) == ["rest"]


def test_an_index_of_another_embedder_is_searched_by_words_and_says_so(index, embedder):
    stale = replace(index, stale=True, notes=("The index of t was made with another model.",))
    retriever = HybridRetriever(stale, type(embedder)(32))
    hits = retriever.search(["walrus bonus"], top_k=2)[0]
    assert hits[0].passage.document == "pay"
    assert set(hits[0].ranks) == {"bm25"}
    assert retriever.notes == stale.notes
    with pytest.raises(LabError, match="another model"):
        HybridRetriever(stale, embedder, mode="dense")


@pytest.mark.parametrize("value", [np.nan, 0.0, np.inf])
def test_an_unusable_query_vector_leaves_the_words(index, embedder, value):
    class Broken(type(embedder)):
        def encode_query(self, texts):
            vectors = self.encode(texts)
            vectors[0] = value
            return vectors

    hits = HybridRetriever(index, Broken()).search(["walrus bonus", "break"], top_k=2)
    assert set(hits[0][0].ranks) == {"bm25"}
    assert set(hits[1][0].ranks) == {"dense", "bm25"}
    assert HybridRetriever(index, Broken(), mode="dense").search(["walrus"], top_k=2) == [[]]


def test_vectors_of_another_size_are_refused_in_words(index, embedder):
    with pytest.raises(LabError, match=r"shape \(1, 32\), the index needs \(1, 64\)"):
        HybridRetriever(index, type(embedder)(32)).search(["walrus"], top_k=1)


def test_empty_queries_and_unknown_choices_are_refused(index, embedder):
    with pytest.raises(LabError, match="empty"):
        HybridRetriever(index, embedder).search(["ok", "  "], top_k=1)
    with pytest.raises(LabError, match="no search mode 'magic'"):
        HybridRetriever(index, embedder, mode="magic")
    with pytest.raises(LabError, match="'sum'"):
        HybridRetriever(index, embedder, fusion="sum")
    with pytest.raises(LabError, match=r"1\.5"):
        HybridRetriever(index, embedder, diversity=1.5)
    assert HybridRetriever(index, embedder).search([], top_k=3) == []
    assert HybridRetriever(index, embedder).search(["walrus"], top_k=0) == [[]]


def test_threads_find_the_same(index, embedder):
    retriever = HybridRetriever(index, embedder)
    queries = ["walrus bonus", "break minutes", "buoy 7 kelp"] * 20
    alone = [retriever.search([query], top_k=4) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda query: retriever.search([query], top_k=4), queries)) == alone


def test_threads_are_left_as_they_were(index, embedder):
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    try:
        HybridRetriever(index, embedder).search(["walrus"], top_k=1)
        assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(before)


NEW_THREAD = """
import threading
import torch
from retrieval.embedding.threads import one_thread

torch.set_num_threads(2)
seen = []

def compute():
    with one_thread():
        torch.ones(64, 64) @ torch.ones(64, 64)
        seen.append(torch.get_num_threads())
    seen.append(torch.get_num_threads())

thread = threading.Thread(target=compute)
thread.start()
thread.join()
print(seen, torch.get_num_threads())
"""


def test_one_thread_holds_for_torch_in_new_threads():
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", NEW_THREAD], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[1, 2] 2"


WORDS = " ".join(f"word{chr(97 + n)}" for n in range(24))


def test_copies_are_shown_once_but_other_numbers_and_titles_are_not_copies(embedder, tmp_path):
    documents = [
        Document("a", "Rules", f"{WORDS} The bonus is 40 euros."),
        Document("copy", "Rules", f"{WORDS}  The Bonus is 40 euros!"),
        Document("number", "Rules", f"{WORDS} The bonus is 50 euros."),
        Document("branch", "Rules of Munich", f"{WORDS} The bonus is 40 euros."),
    ]
    index = index_documents(tmp_path / "i", documents, embedder, task="t")
    for top_k in (3, 10):
        found = documents_of(HybridRetriever(index, embedder).search(["bonus 40 euros"], top_k=top_k)[0])
        assert sorted(found, key=str) in (["a", "branch", "number"], ["branch", "copy", "number"])


@pytest.mark.parametrize("mode", ["hybrid", "dense", "bm25"])
def test_repeats_leave_their_places_to_others(embedder, tmp_path, mode):
    copies = [
        Document(f"n{n:03}", "Notice", "The alpha notice is sent to every member of the staff by post.") for n in range(60)
    ]
    others = [Document(f"z{n}", f"Other {n}", f"Paragraph about alpha topic variant{n} with other wording") for n in range(10)]
    index = index_documents(tmp_path / "i", [*copies, *others], embedder, task="t")
    queries = ["alpha notice", "zzzz alpha", "alpha topic variant3"]
    for row in HybridRetriever(index, embedder, mode=mode).search(queries, top_k=5):
        assert len(row) == 5
        assert sum(hit.passage.title == "Notice" for hit in row) <= 1
    assert len(HybridRetriever(index, embedder, mode=mode).search(["alpha"], top_k=50)[0]) == 11


def test_no_more_is_searched_for_where_nothing_was_left_out(index, embedder, monkeypatch):
    asked = []
    find = HybridRetriever._find
    monkeypatch.setattr(HybridRetriever, "_find", lambda self, *given: asked.append(given[2]) or find(self, *given))
    HybridRetriever(index, embedder, mode="bm25").search(["walrus", "buoy"], top_k=10)
    HybridRetriever(index, embedder).search(["walrus", "buoy"], top_k=3)
    assert len(asked) == 2


RULE = f"{WORDS} {WORDS.replace('word', 'term')} {WORDS.replace('word', 'item')} The yearly bonus is paid after five months to Anna but not to Bob"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("is paid", "is not paid"), False), (("is paid", "isn't paid"), False), (("is paid", "is never paid"), False),
        (("five", "six"), False), (("five", "5"), False),
        (("to Anna but not to Bob", "not to Anna but to Bob"), False),
        (("yearly", "annual"), True), (("The yearly", "the  Yearly"), True),
    ],
)  # fmt: skip
def test_what_contradicts_is_no_repeat(change, expected):
    passages = [Passage("d", "T", 0, 0, text, "Bonus") for text in (RULE, RULE.replace(*change))]
    assert is_repeat(*passages) is is_repeat(*reversed(passages)) is expected


def test_copies_on_other_pages_are_repeats_but_not_under_other_headings():
    def repeat(one, other):
        return is_repeat(Passage("d", "T", 0, 0, WORDS, one), Passage("d", "T", 0, 0, WORDS, other))

    assert repeat("page 3 · Bonus", "pages 4–5 · Bonus")
    assert repeat("row 3", "rows 4–6")
    assert repeat("page 3", "")
    assert not repeat("Munich > Rules of the plant", "Berlin > Rules of the mill")


def test_a_repeat_by_hand():
    def repeat(one, other):
        return is_repeat(Passage("d", "", 0, 0, one), Passage("e", "", 0, 0, other))

    assert repeat(f"{WORDS} end", f"End. {WORDS}")
    assert repeat("", "")
    assert not repeat(WORDS, f"{WORDS} not ever")
    assert not repeat(f"{WORDS} 2", f"{WORDS} 3")
    assert not repeat(f"{WORDS} at 12", f"{WORDS} at x")
    assert not repeat(WORDS, f"{WORDS} {WORDS}")


def test_diversity_takes_the_unlike_passage_second(index, embedder, tmp_path):
    documents = [
        Document("a", "A", "walrus bonus euros"), Document("b", "B", "walrus bonus euros paid"), Document("c", "C", "walrus heron"),
    ]  # fmt: skip
    index = index_documents(tmp_path / "j", documents, embedder, task="t")
    plain = documents_of(HybridRetriever(index, embedder).search(["walrus bonus euros"], top_k=2)[0])
    diverse = documents_of(HybridRetriever(index, embedder, diversity=0.7).search(["walrus bonus euros"], top_k=2)[0])
    assert (plain, diverse) == (["a", "b"], ["a", "c"])
    assert documents_of(HybridRetriever(index, embedder, diversity=0.0).search(["walrus bonus euros"], top_k=2)[0]) == plain


class Refusing:
    def score(self, query, texts):
        raise AssertionError("There is nothing to judge.")


def test_a_reranker_has_the_last_word(index, embedder):
    class ByLength:
        def score(self, query, texts):
            return [-float(len(text)) for text in texts]

    hits = HybridRetriever(index, embedder, reranker=ByLength()).search(["walrus buoy break"], top_k=2)[0]
    assert documents_of(hits) == ["rest", "pay"]
    assert [hit.ranks["rerank"] for hit in hits] == [1, 2]
    assert hits[0].score == hits[0].scores["rerank"]
    assert HybridRetriever(index, embedder, mode="bm25", reranker=Refusing()).search(["zzzz"], top_k=2) == [[]]


def test_fusion_by_hand():
    assert scale_scores({1: 2.0, 2: 2.0}) == {1: 1.0, 2: 1.0}
    assert scale_scores({}) == {}
    assert fuse_convex([{1: 0.9, 2: 0.1}, {2: 8.0, 3: 4.0}]) == {1: 0.5, 2: 0.5, 3: 0.0}
    assert fuse_rrf([{1: 0.9, 2: 0.1}, {2: 8.0}]) == pytest.approx({1: 1 / 61, 2: 1 / 62 + 1 / 61})
    assert order_by_score({4: 1.0, 2: 1.0, 3: 2.0}) == [3, 2, 4]


def test_marginal_relevance_by_hand():
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    scores = {5: 3.0, 6: 2.9, 7: 1.0}
    assert diversify([5, 6, 7], scores, vectors, diversity=0.0) == [5, 6, 7]
    assert diversify([5, 6, 7], scores, vectors, diversity=0.6) == [5, 7, 6]
