import pytest

from core.errors import LabError
from core.values import Document
from retrieval.index import VECTORS, build_index, is_current, load_index
from retrieval.search import HybridRetriever, fuse_convex, scale_scores

TEXT = "# Sea\n\n" + "\n\n".join(
    f"## Part {n}\nThe buoy number {n} drifts. It äöü floats, 海 waves and kelp." for n in range(12)
)
DOCUMENTS = [
    Document("sea", "Sea", TEXT),
    Document("pay", "Pay", "# Pay\n\nThe walrus bonus is 40 euros."),
    Document("rest", "Rest", "# Rest\n\nA break lasts 25 minutes."),
]


def test_search_finds_by_words_and_keeps_ranks_per_retriever(embedder, tmp_path):
    retriever = HybridRetriever(build_index(DOCUMENTS, embedder, tmp_path / "i"), embedder)
    hits = retriever.search(["walrus bonus euros", "break minutes"], top_k=2)
    assert [row[0].passage.document for row in hits] == ["pay", "rest"]
    assert hits[0][0].ranks == {"dense": 1, "bm25": 1}


@pytest.mark.parametrize("mode", ["hybrid", "dense", "bm25"])
def test_more_hits_than_passages_are_never_invented(embedder, tmp_path, mode):
    index = build_index(DOCUMENTS, embedder, tmp_path / "i")
    hits = HybridRetriever(index, embedder, mode=mode).search(["walrus", "zzzz qqqq"], top_k=500)
    assert all(len(row) <= len(index.passages) for row in hits)
    assert all(len({hit.passage for hit in row}) == len(row) for row in hits)
    if mode == "bm25":
        assert hits[1] == []


def test_empty_queries_and_unknown_modes_are_refused(embedder, tmp_path):
    index = build_index(DOCUMENTS, embedder, tmp_path / "i")
    with pytest.raises(LabError, match="empty"):
        HybridRetriever(index, embedder).search(["ok", "  "], top_k=1)
    with pytest.raises(LabError, match="no search mode 'magic'"):
        HybridRetriever(index, embedder, mode="magic")


def test_an_index_is_reused_only_for_the_same_documents_and_embedder(embedder, tmp_path):
    folder = tmp_path / "i"
    build_index(DOCUMENTS, embedder, folder)
    assert is_current(folder, DOCUMENTS, embedder.fingerprint)
    assert not is_current(folder, DOCUMENTS[:2], embedder.fingerprint)
    other = type(embedder)(32)
    assert not is_current(folder, DOCUMENTS, other.fingerprint)
    with pytest.raises(LabError, match="was made with"):
        load_index(folder, other.fingerprint, task="t")


def test_a_flipped_byte_is_noticed(embedder, tmp_path):
    folder = tmp_path / "i"
    build_index(DOCUMENTS, embedder, folder)
    data = bytearray((folder / VECTORS).read_bytes())
    data[-3] ^= 1
    (folder / VECTORS).write_bytes(data)
    with pytest.raises(LabError, match=f"{VECTORS} is damaged.*--rebuild"):
        load_index(folder, embedder.fingerprint, task="t")


def test_a_loaded_index_searches_as_the_built_one(embedder, tmp_path):
    built = HybridRetriever(build_index(DOCUMENTS, embedder, tmp_path / "i"), embedder)
    loaded = HybridRetriever(load_index(tmp_path / "i", embedder.fingerprint, task="t"), embedder)
    query = ["which buoy drifts with kelp"]
    assert built.search(query, top_k=5) == loaded.search(query, top_k=5)


def test_a_removed_document_is_gone_from_a_rebuilt_index(embedder, tmp_path):
    build_index(DOCUMENTS, embedder, tmp_path / "i")
    rebuilt = HybridRetriever(build_index(DOCUMENTS[:1], embedder, tmp_path / "i"), embedder)
    assert all("walrus" not in hit.passage.text for hit in rebuilt.search(["walrus bonus"], top_k=50)[0])


def test_fusion_by_hand():
    assert scale_scores({1: 2.0, 2: 2.0}) == {1: 1.0, 2: 1.0}
    assert fuse_convex([{1: 0.9, 2: 0.1}, {2: 8.0, 3: 4.0}]) == {1: 0.5, 2: 0.5, 3: 0.0}
