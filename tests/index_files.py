"""What the tests of the stored index share: three documents, an update, a search, a full check."""

import numpy as np

from retrieval.chunking import searchable_text
from retrieval.documents import list_files
from retrieval.index.index import open_index
from retrieval.index.lexical import search_bm25
from retrieval.index.update import UpdateOptions, from_files, update_index
from retrieval.index.vectors import take_vectors

TEXTS = {
    "pay": "# Pay\n\nThe walrus bonus is 40 euros.",
    "rest": "# Rest\n\nA break lasts 25 minutes.",
    "sea": "# Sea\n\n" + "\n\n".join(f"## Part {n}\nThe buoy number {n} drifts, 海 waves and kelp." for n in range(12)),
}


def update(folder, files, embedder, *, on_progress=lambda step, total: None, **choices):
    options = UpdateOptions(**{"passage_tokens": 40, **choices})
    return update_index(folder, from_files(list_files(files)), embedder, options, on_progress)


def search(index, embedder, words, mode):
    """Return the texts found by one kind of search, without what other tests are about."""
    if mode == "dense":
        ids = [i for i in index.search_vectors(embedder.encode([words]), 3)[1][0].tolist() if i >= 0]
    else:
        ids = [int(index.ids[position]) for position, _ in search_bm25(index.bm25, words, 3)]
    return [passage.text for passage in index.load_passages(ids)]


def describe(folder, embedder):
    """Return the texts of an index by document, after checking that its parts belong together."""
    index = open_index(folder, embedder.fingerprint, task="t")
    passages = index.load_passages(index.ids)
    assert index.notes == ()
    assert index.vectors.ntotal == len(index.bm25) == len(index) == len(passages)
    assert np.allclose(take_vectors(index.vectors, index.ids), embedder.encode([searchable_text(p) for p in passages]))
    for passage in passages:
        document = index.load_document(passage.document)
        assert document.text[passage.start : passage.end] == passage.text
    return {name: index.load_document(name).text for name in index.list_documents()}
