"""Vectors by number: kept in a folder of memory-mapped files, searched by likeness, exactly or through FAISS."""

from mlcore.exports import exports

__getattr__, __dir__ = exports(__name__, {"Found": "search", "VectorStore": "store", "write_embeddings": "exports"})
