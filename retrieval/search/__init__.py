"""Searching an index: retrievers, fusion, reranking."""
