import math

import numpy as np
import pytest

from core.errors import LabError
from retrieval.index.lexical import build_bm25, choose_best, load_bm25, save_bm25, search_bm25, tokenize

TEXTS = ["The walrus swims with walruses", "A heron waits", "", "Walrus and heron, heron, heron", "the of and"]


def test_words_are_stemmed_and_stop_words_dropped():
    assert tokenize(["The walruses of Jalapeño x swim", ""]) == [["walrus", "jalapeño", "swim"], []]


def test_words_are_those_of_bm25s():
    import bm25s
    import Stemmer

    texts = [*TEXTS, "Überstunden ÄÖÜ don't won't e-mail 3.5 kg naïve 海洋 wave_form ﬁne İstanbul running-runs\nRUN"]
    stemmer = Stemmer.Stemmer("english")
    assert tokenize(texts) == bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False)


def test_scores_are_lucenes_by_hand():
    bm25 = build_bm25(TEXTS)
    lengths = [len(row) for row in tokenize(TEXTS)]
    idf = math.log(1 + (5 - 2 + 0.5) / (2 + 0.5))  # "heron" stands in two of five.
    weight = 3 / (3 + 1.5 * (1 - 0.75 + 0.75 * lengths[3] / np.mean(lengths)))
    found = dict(search_bm25(bm25, "heron", 10))
    assert set(found) == {1, 3}
    assert found[3] == pytest.approx(idf * weight, rel=1e-5)


def test_search_equals_bm25s_itself():
    import bm25s

    texts = [" ".join(np.random.default_rng(seed).choice(["kelp", "buoy", "tide", "sand", "reef"], 7)) for seed in range(40)]
    peer = bm25s.BM25(method="lucene")
    peer.index(tokenize(texts), show_progress=False)
    scores = peer.get_scores(tokenize(["kelp reef kelp"])[0])
    expected = [(int(i), float(scores[i])) for i in np.argsort(-scores, kind="stable") if scores[i] > 0][:9]
    assert search_bm25(build_bm25(texts), "kelp reef kelp", 9) == expected


def test_nothing_is_found_without_a_common_word():
    bm25 = build_bm25(TEXTS)
    assert search_bm25(bm25, "zebra", 3) == []
    assert search_bm25(bm25, "the of", 3) == []
    assert search_bm25(bm25, "heron", 0) == []


@pytest.mark.parametrize("texts", [[], ["", "the"]])
def test_an_index_without_words_finds_nothing_and_can_be_stored(tmp_path, texts):
    save_bm25(build_bm25(texts), tmp_path / "b")
    bm25 = load_bm25(tmp_path / "b")
    assert len(bm25) == len(texts)
    assert search_bm25(bm25, "heron", 5) == []
    assert search_bm25(bm25, "heron", 5, np.ones(len(texts), dtype=bool)) == []


def test_the_filter_comes_before_the_best_are_chosen():
    texts = ["heron heron heron"] * 50 + ["a heron among many other words here"]
    allowed = np.zeros(51, dtype=bool)
    allowed[50] = True
    assert [i for i, _ in search_bm25(build_bm25(texts), "heron", 1)] == [0]
    assert [i for i, _ in search_bm25(build_bm25(texts), "heron", 1, allowed)] == [50]


def test_ties_keep_the_order_of_positions_also_at_the_edge():
    assert choose_best(np.array([1, 2, 0, 1, 2, 1], dtype=np.float32), 3).tolist() == [1, 4, 0]
    assert choose_best(np.array([-1.0, 0.0]), 3).tolist() == []


def test_a_stored_index_searches_alike_and_holds_no_pickle(tmp_path):
    built = build_bm25(TEXTS)
    save_bm25(built, tmp_path / "b")
    loaded = load_bm25(tmp_path / "b")
    assert search_bm25(loaded, "walrus herons", 5) == search_bm25(built, "walrus herons", 5)
    assert isinstance(loaded.weights, np.memmap)
    assert {path.suffix for path in (tmp_path / "b").iterdir()} == {".npy", ".json"}


def test_parts_that_do_not_fit_are_refused(tmp_path):
    save_bm25(build_bm25(TEXTS), tmp_path)
    np.save(tmp_path / "weights.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(LabError, match="cannot be read"):
        load_bm25(tmp_path)
    np.save(tmp_path / "weights.npy", np.zeros(3, dtype=np.float32))
    with pytest.raises(LabError, match="do not belong together"):
        load_bm25(tmp_path)
