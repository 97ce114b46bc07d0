"""A cross-encoder reads question and passage together: better order, some hundred times the work. Nothing is bundled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.errors import LabError


class CrossEncoderReranker:
    """A sentence-transformers cross-encoder out of a folder, for `HybridRetriever`.

    Args:
        folder: The model, as `CrossEncoder.save_pretrained` writes it.
        device: Where it computes.

    Raises:
        LabError: It is no such folder.
    """

    def __init__(self, folder: Path, *, device: str = "cpu") -> None:
        if not (folder / "config.json").is_file():
            raise LabError(f"{folder} is no folder of a cross-encoder: it has no config.json.", "Give the path of one.")
        from sentence_transformers import CrossEncoder

        try:
            self._model = CrossEncoder(str(folder), device=device, local_files_only=True)
        except (OSError, ValueError) as error:
            raise LabError(
                f"The cross-encoder in {folder} cannot be loaded: {error}.", "Give the path of another one."
            ) from error

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return the relevance of each text to the query, of the model's own scale."""
        marks = self._model.predict([(query, text) for text in texts], show_progress_bar=False)
        return [float(mark) for mark in marks.reshape(len(texts), -1)[:, 0]]
