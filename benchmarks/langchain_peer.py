"""The peer of `retrieval.py`: LangChain as its tutorials put it together, with the same embedding model.

RecursiveCharacterTextSplitter (1,000 characters, 200 overlapping), FAISS and BM25Retriever joined by EnsembleRetriever
(reciprocal ranks, equal weights), every setting otherwise as it comes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.values import Document

CHUNK, OVERLAP = 1000, 200


class Peer:
    """LangChain's FAISS and BM25 over one corpus.

    Args:
        model: Folder of the embedding model.
    """

    def __init__(self, model: Path) -> None:
        from langchain_huggingface import HuggingFaceEmbeddings

        logging.getLogger("langchain_text_splitters").setLevel(logging.ERROR)
        self.embeddings = HuggingFaceEmbeddings(model_name=str(model))
        self._chunks: list[Any] = []
        self._vectors: Any = None
        self._words: Any = None

    def split(self, documents: Sequence[Document]) -> list[Any]:
        """Cut documents into chunks."""
        from langchain_core.documents import Document as Chunk
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK, chunk_overlap=OVERLAP, add_start_index=True)
        return splitter.split_documents([Chunk(item.text, metadata={"id": item.id}) for item in documents])

    def ingest(self, documents: Sequence[Document], folder: Path | None = None) -> int:
        """Split, embed and index documents, and save the vectors if a folder is given; returns the number of chunks."""
        from langchain_community.vectorstores import FAISS

        chunks = self.split(documents)
        self.adopt(chunks, FAISS.from_documents(chunks, self.embeddings))
        if folder is not None:
            self._vectors.save_local(str(folder))
        return len(chunks)

    def ingest_embedded(self, texts: Sequence[str], names: Sequence[str], vectors: np.ndarray) -> None:
        """Index texts whose vectors are known. Shape of `vectors`: (texts, dimension)."""
        from langchain_community.vectorstores import FAISS
        from langchain_core.documents import Document as Chunk

        metadata = [{"id": name} for name in names]
        store = FAISS.from_embeddings(zip(texts, vectors.tolist(), strict=True), self.embeddings, metadatas=metadata)
        self.adopt([Chunk(text, metadata=item) for text, item in zip(texts, metadata, strict=True)], store)

    def adopt(self, chunks: list[Any], vectors: Any) -> None:
        """Take chunks and their FAISS store, and index the words."""
        from langchain_community.retrievers import BM25Retriever

        self._chunks, self._vectors = chunks, vectors
        self._words = BM25Retriever.from_documents(chunks)

    def make_retriever(self, mode: str, *, count: int) -> Any:
        """Return a retriever of the best `count` chunks of each kind: `dense`, `bm25` or `hybrid`."""
        from langchain_classic.retrievers import EnsembleRetriever

        dense = self._vectors.as_retriever(search_kwargs={"k": count})
        self._words.k = count
        if mode == "hybrid":
            return EnsembleRetriever(retrievers=[self._words, dense], weights=[0.5, 0.5])
        return dense if mode == "dense" else self._words

    def rank(self, query: str, *, mode: str, count: int) -> list[str]:
        """Return the documents found for a query, each once, best first."""
        return list(dict.fromkeys(chunk.metadata["id"] for chunk in self.make_retriever(mode, count=count).invoke(query)))
