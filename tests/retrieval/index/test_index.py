"""The stored index: incremental, whole after any interruption, damage noticed, many readers and one writer."""

import shutil

import numpy as np
import pytest

import retrieval.index.builder
from core.errors import Cancelled, LabError
from core.values import Document
from retrieval.embedding.cache import CACHE, EmbeddingCache
from retrieval.index.builder import Calibration
from retrieval.index.index import open_index
from retrieval.index.passage_store import STORE
from retrieval.index.update import from_documents, from_files, index_documents, update_index
from retrieval.index.vectors import VECTORS, build_vectors, choose_kind, search_vectors, take_vectors
from retrieval.index.versions import CURRENT, LOCK
from tests.index_files import TEXTS, describe, search, update


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index"


@pytest.fixture
def files(tmp_path):
    place = tmp_path / "documents"
    place.mkdir()
    for name, text in TEXTS.items():
        (place / f"{name}.md").write_text(text)
    return place


def test_the_same_files_twice_change_nothing_and_are_not_parsed(folder, files, embedder, monkeypatch):
    first = update(folder, files, embedder)
    assert (first.added, first.documents, first.built, first.notes) == (3, 3, True, ())
    assert first.embedded == first.passages > 5
    monkeypatch.setattr("retrieval.index.update.parse_files", lambda files: pytest.fail("parsed again"))
    stamp = (folder / CURRENT).read_text()
    again = update(folder, files, embedder)
    assert (again.added, again.updated, again.skipped, again.deleted, again.built) == (0, 0, 3, 0, False)
    assert (again.generation, again.passages) == (first.generation, first.passages)
    assert (folder / CURRENT).read_text() == stamp


def test_only_what_changed_is_embedded_and_ids_are_never_used_again(folder, files, embedder):
    before = update(folder, files, embedder)
    old = open_index(folder, embedder.fingerprint, task="t")
    (files / "pay.md").write_text("# Pay\n\nThe heron bonus is 50 euros.")
    (files / "new.md").write_text("# New\n\nSomething else.")
    report = update(folder, files, embedder)
    assert (report.added, report.updated, report.skipped, report.deleted, report.embedded) == (1, 1, 2, 0, 2)
    new = open_index(folder, embedder.fingerprint, task="t")
    assert set(new.select(["pay", "new"])) == {before.passages, before.passages + 1}
    assert np.array_equal(new.select(["sea"]), old.select(["sea"]))
    for mode in ("dense", "bm25"):
        assert search(new, embedder, "heron bonus", mode)[0] == "# Pay\n\nThe heron bonus is 50 euros."
        assert not any("walrus" in text for text in search(new, embedder, "walrus bonus", mode))
    update_index(folder, from_files([]), embedder)
    update(folder, files, embedder)
    assert open_index(folder, embedder.fingerprint, task="t").ids.min() > new.ids.max()


def test_a_deleted_document_is_gone_from_every_store(folder, files, embedder):
    (files / "secret.md").write_text("# Secret\n\nThe canary is xylophonequartz.")
    update(folder, files, embedder)
    assert search(open_index(folder, embedder.fingerprint, task="t"), embedder, "xylophonequartz", "bm25")
    (files / "secret.md").unlink()
    report = update(folder, files, embedder)
    assert (report.deleted, report.skipped) == (1, 3)
    index = open_index(folder, embedder.fingerprint, task="t")
    for mode in ("dense", "bm25"):
        assert not any("xylophone" in text for text in search(index, embedder, "canary xylophonequartz", mode))
    for path in (folder / report.generation).rglob("*"):
        assert not path.is_file() or b"xylophonequartz" not in path.read_bytes()
    key = EmbeddingCache(folder / CACHE, embedder.fingerprint).make_key("Secret\n# Secret\n\nThe canary is xylophonequartz.")
    assert not EmbeddingCache(folder / CACHE, embedder.fingerprint).read([key])[1].any()
    # The version before still holds it; if that has to answer, the document must not come back.
    (folder / report.generation / STORE).unlink()
    index = open_index(folder, embedder.fingerprint, task="t")
    assert (index.documents, len(index.notes)) == (3, 1)
    for mode in ("dense", "bm25"):
        assert search(index, embedder, "walrus bonus", mode)[0].startswith("# Pay")
        assert not any("xylophone" in text for text in search(index, embedder, "canary xylophonequartz", mode))
    assert index.select(["secret"]).size == 0
    assert index.load_document("secret") is None
    assert sorted(index.list_documents()) == sorted(TEXTS)


def test_the_last_document_can_go(folder, files, embedder):
    update(folder, files, embedder)
    for path in files.iterdir():
        path.unlink()
    assert update(folder, files, embedder).deleted == 3
    with pytest.raises(LabError, match="There is no index of t. Build it: `ragft index t`"):
        open_index(folder, embedder.fingerprint, task="t")
    with pytest.raises(LabError, match="no document to index"):
        update(folder, files, embedder)


def test_the_same_bytes_under_two_names_are_two_documents_embedded_once(folder, files, embedder):
    shutil.copy(files / "pay.md", files / "copy.md")
    report = update(folder, files, embedder)
    assert (report.documents, report.passages - report.embedded) == (4, 1)
    assert len(open_index(folder, embedder.fingerprint, task="t").select(["pay", "copy"])) == 2


def test_unreadable_files_are_named_and_stop_no_other(folder, files, embedder):
    (files / "bad.txt").write_bytes(b"\x00\x01\x02")
    report = update(folder, files, embedder)
    assert report.documents == 3
    assert [problem.path for problem in report.problems] == ["bad.txt"]
    for name in TEXTS:
        (files / f"{name}.md").unlink()
    (files / "worse.md").write_text(" \n")
    report = update(folder, files, embedder)
    assert (report.deleted, report.documents, len(report.problems)) == (3, 0, 2)
    with pytest.raises(LabError, match="There is no index"):
        open_index(folder, embedder.fingerprint, task="t")
    with pytest.raises(LabError, match=r"None of the documents.*bad.txt: .*worse.md: "):
        update(folder, files, embedder)


@pytest.mark.parametrize("rebuild", [False, True])
@pytest.mark.parametrize("names", [["pay"], list(TEXTS)])
def test_what_cannot_be_read_now_keeps_its_earlier_version(folder, files, embedder, names, rebuild):
    update(folder, files, embedder)
    for name in names:
        (files / f"{name}.md").write_bytes(b"\x00\x01\x02")
    report = update(folder, files, embedder, rebuild=rebuild)
    assert (report.deleted, report.documents, len(report.problems)) == (0, 3, len(names))
    assert all("Its earlier version stays in the index" in problem.reason for problem in report.problems)
    assert describe(folder, embedder) == TEXTS
    for name in names:
        (files / f"{name}.md").write_text(f"# {name}\n\nReadable again.")
    report = update(folder, files, embedder)
    assert (report.updated, report.problems) == (len(names), ())
    assert describe(folder, embedder)["pay"] == "# pay\n\nReadable again."


def test_a_state_of_nothing_but_deleted_documents_does_not_answer(folder, files, embedder):
    (files / "rest.md").unlink()
    (files / "sea.md").unlink()
    update(folder, files, embedder)
    (files / "pay.md").rename(files / "other.md")
    report = update(folder, files, embedder)
    (folder / report.generation / STORE).unlink()
    with pytest.raises(LabError, match="damaged beyond repair"):
        open_index(folder, embedder.fingerprint, task="t")
    update(folder, files, embedder)
    assert describe(folder, embedder) == {"other": TEXTS["pay"]}


def test_what_comes_back_after_its_deletion_and_damage_is_indexed(folder, files, embedder):
    update(folder, files, embedder)
    (files / "pay.md").unlink()
    report = update(folder, files, embedder)
    (folder / report.generation / STORE).unlink()
    (files / "pay.md").write_text(TEXTS["pay"])
    assert update(folder, files, embedder).added == 1
    assert describe(folder, embedder) == TEXTS


@pytest.mark.parametrize("change", ["length", "chunker", "embedder", "rebuild"])
def test_what_decides_the_passages_makes_them_anew(folder, files, embedder, monkeypatch, change):
    first = update(folder, files, embedder)
    more = {"rebuild": True} if change == "rebuild" else {}
    if change == "chunker":
        monkeypatch.setattr(retrieval.index.builder, "CHUNKER", 99)
    if change == "embedder":
        embedder = type(embedder)(32)
    if change == "length":
        report = update(folder, files, embedder, passage_tokens=20)
        assert report.passages > first.passages
    else:
        report = update(folder, files, embedder, **more)
    assert (report.updated, report.skipped, report.built) == (3, 0, True)
    assert (report.embedded == report.passages) == (change in ("embedder", "rebuild"))
    assert describe(folder, embedder) == TEXTS


def test_an_index_of_another_embedder_opens_for_words_only(folder, files, embedder):
    update(folder, files, embedder)
    other = type(embedder)(32)
    index = open_index(folder, other.fingerprint, task="t")
    assert index.stale
    assert "Only words are searched" in index.notes[0]
    assert "ragft index t" in index.notes[0]
    assert search(index, other, "walrus", "bm25")
    update(folder, files, other)
    assert not open_index(folder, other.fingerprint, task="t").stale


PARTS = [VECTORS, "bm25/weights.npy", "bm25/rows.npy", "bm25/starts.npy", "bm25/vocabulary.json", "manifest.json"]


@pytest.mark.parametrize("harm", ["flip", "remove"])
@pytest.mark.parametrize("name", [*PARTS, STORE, "index.json", CURRENT])
def test_damage_is_noticed_and_mended(folder, files, embedder, name, harm):
    update(folder, files, embedder)
    (files / "pay.md").write_text("# Pay\n\nThe heron bonus is 50 euros.")
    version = update(folder, files, embedder).generation
    path = folder / CURRENT if name == CURRENT else folder / version / name
    if harm == "remove":
        path.unlink()
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    index = open_index(folder, embedder.fingerprint, task="t")
    newest = name in (*PARTS, CURRENT)
    assert index.notes
    assert not index.stale
    for mode in ("dense", "bm25"):
        assert ("heron" in search(index, embedder, "heron walrus bonus", mode)[0]) == newest
    report = update(folder, files, embedder)
    assert report.built
    assert name in report.notes[0]
    assert describe(folder, embedder)["pay"].endswith("heron bonus is 50 euros.")


def test_lost_vectors_leave_the_words(folder, files, embedder):
    version = update(folder, files, embedder).generation
    (folder / version / VECTORS).unlink()
    (folder / CACHE).unlink()
    index = open_index(folder, embedder.fingerprint, task="t")
    assert index.stale
    assert "vectors of the index of t are lost" in index.notes[-1]
    assert search(index, embedder, "walrus", "bm25")
    report = update(folder, files, embedder)
    assert (report.skipped, report.embedded) == (3, report.passages)


def test_damage_beyond_repair_is_said(folder, files, embedder):
    version = update(folder, files, embedder).generation
    (folder / version / STORE).write_bytes(b"?")
    with pytest.raises(LabError, match="damaged beyond repair.*ragft index t --rebuild"):
        open_index(folder, embedder.fingerprint, task="t")
    assert update(folder, files, embedder).added == 3
    assert describe(folder, embedder) == TEXTS


def test_a_damaged_cache_is_thrown_away(folder, files, embedder):
    update(folder, files, embedder)
    data = bytearray((folder / CACHE).read_bytes())
    for place in range(100, len(data), 97):
        data[place] ^= 255
    (folder / CACHE).write_bytes(data)
    (files / "new.md").write_text("# New\n\nSomething else.")
    report = update(folder, files, embedder)
    assert report.embedded == 1  # The other vectors come from the version before.
    assert describe(folder, embedder) == {**TEXTS, "new": "# New\n\nSomething else."}


def test_a_flipped_byte_in_a_kept_vector_is_not_used(tmp_path, embedder):
    cache = EmbeddingCache(tmp_path / CACHE, embedder.fingerprint)
    vectors = embedder.encode(["a b", "c d"])
    cache.write([cache.make_key("a b"), cache.make_key("c d")], vectors)
    cache.close()
    place = (tmp_path / CACHE).read_bytes().index(vectors[0].tobytes())
    data = bytearray((tmp_path / CACHE).read_bytes())
    data[place + 5] ^= 1
    (tmp_path / CACHE).write_bytes(data)
    cache = EmbeddingCache(tmp_path / CACHE, embedder.fingerprint)
    found, known = cache.read([cache.make_key(text) for text in ("a b", "c d", "e")])
    assert known.tolist() == [False, True, False]
    assert np.array_equal(found[1], vectors[1])
    other = EmbeddingCache(tmp_path / CACHE, type(embedder)(32).fingerprint)
    assert not other.read([other.make_key("c d")])[1].any()


def test_an_index_of_the_former_kind_is_replaced(folder, files, embedder):
    folder.mkdir()
    for name in ("vectors.faiss", "passages.jsonl", "index.json", "manifest.json"):
        (folder / name).write_text("{}")
    with pytest.raises(LabError, match="There is no index"):
        open_index(folder, embedder.fingerprint, task="t")
    update(folder, files, embedder)
    assert {path.name for path in folder.iterdir()} == {CURRENT, CACHE, LOCK, "000001"}


def test_one_version_before_is_kept(folder, files, embedder):
    for number in range(4):
        (files / "pay.md").write_text(f"# Pay\n\nThe bonus is {number} euros.")
        update(folder, files, embedder)
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["000003", "000004"]


def test_progress_is_told_and_cancelling_keeps_the_old_state_and_the_vectors(folder, files, embedder, monkeypatch):
    monkeypatch.setattr(retrieval.index.builder, "BATCH", 4)
    steps = []
    update(folder, files, embedder, on_progress=lambda step, total: steps.append((step, total)))
    assert steps[-1][0] == steps[-1][1] == 8
    assert steps == sorted(steps)
    (files / "more.md").write_text(
        "# More\n\n" + "\n\n".join(f"## P{n}\nThe gull number {n} cries over the cliffs." for n in range(40))
    )

    totals = []

    def stop(step, total):
        totals.append(total)
        if step >= 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        update(folder, files, embedder, on_progress=stop)
    assert describe(folder, embedder) == TEXTS
    assert not list(folder.glob(".new.*"))
    assert update(folder, files, embedder).embedded == totals[-1] - 4 > 4


def test_calibration_is_stored_with_the_version(folder, files, embedder):
    update(folder, files, embedder)
    seen = []

    def calibrate(index):
        seen.append(len(index))
        assert index.load_passages(index.ids[:1])
        return {"threshold": 0.5}

    assert update(folder, files, embedder, calibrate=Calibration(calibrate)).built
    index = open_index(folder, embedder.fingerprint, task="t")
    assert (index.calibration, seen) == ({"threshold": 0.5}, [len(index)])
    assert not update(folder, files, embedder, calibrate=Calibration(calibrate)).built
    assert not update(folder, files, embedder).built
    assert update(folder, files, embedder, calibrate=Calibration(calibrate, "other questions")).built
    assert not update(folder, files, embedder, calibrate=Calibration(calibrate, "other questions")).built


def test_documents_that_are_no_files(folder, embedder):
    documents = [Document("a", "", "walrus bonus"), Document("b", "", "heron shift")]
    assert len(index_documents(folder, documents, embedder, task="t")) == 2
    report = update_index(folder, from_documents([documents[0], Document("b", "", "heron break")]), embedder)
    assert (report.skipped, report.updated) == (1, 1)
    with pytest.raises(LabError, match="no text"):
        update_index(folder, from_documents([Document("a", "", "  ")]), embedder)
    broken = [Document("a", "\ud83d title", "walrus \udce9 bonus")]
    assert index_documents(folder, broken, embedder, task="t").load_document("a").text == "walrus \ufffd bonus"


def test_broken_vectors_are_refused(folder, files, embedder):
    embedder.encode = lambda texts: np.full((len(texts), 64), np.nan, dtype=np.float32)
    with pytest.raises(LabError, match="squared length nan"):
        update(folder, files, embedder)
    assert update(folder, files, type(embedder)()).built  # Nothing of the broken ones was kept.
    assert describe(folder, type(embedder)()) == TEXTS


def test_broken_vectors_that_were_kept_are_made_anew(tmp_path, embedder):
    cache = EmbeddingCache(tmp_path / CACHE, embedder.fingerprint)
    keys = [cache.make_key(text) for text in ("a", "b", "c")]
    cache.write(keys, np.stack([np.zeros(64), np.full(64, np.nan), embedder.encode(["c"])[0]]))
    assert cache.read(keys)[1].tolist() == [False, False, True]


def test_beyond_the_limit_search_is_approximate_and_filters_stay_exact():
    import faiss

    assert choose_kind(100_000) == "Flat"
    assert choose_kind(250_000) == "IVF2000,Flat"
    vectors = np.random.default_rng(0).standard_normal((2000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = np.arange(2000) * 3 + 7
    exact, lists = build_vectors(vectors, ids), build_vectors(vectors, ids, kind="IVF20,Flat")
    faiss.downcast_index(lists.index).nprobe = 1
    allowed = ids[1000:1040]
    for index in (exact, lists):
        assert search_vectors(index, vectors[:5], 1)[1][:, 0].tolist() == ids[:5].tolist()
        assert np.array_equal(take_vectors(index, ids[[1999, 3]]), vectors[[1999, 3]])
    found = [search_vectors(index, vectors[:5], 10, allowed)[1] for index in (exact, lists)]
    assert np.array_equal(*found)
    assert set(found[0].ravel()) <= set(allowed)
