"""An embedding model as an ONNX graph: on a CPU without 16-bit arithmetic 1.6 times as fast as torch (`benchmarks/LOG.md`).

ONNX Runtime keeps the weights as its products read them and joins attention, GELU and the norms with what stands beside
them. The graph is made once from the torch model, compared with it, and kept; without the packages `onnx` and
`onnxruntime` (the extra `onnx`), or for a model that is no BERT, torch computes.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from importlib.util import find_spec
from io import StringIO
from logging import ERROR, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import LabError
from core.storage import hash_file, hash_json, new_folder, verify_folder

if TYPE_CHECKING:
    import torch

PACKAGES = ("onnx", "onnxruntime")
GRAPH = "graph.onnx"
PROBES = ["a", "Two texts of unlike length: this one is the longer, so that the shorter one is filled up."]
OPSET = 20  # Of ONNX: the first with GELU as one operation.
LARGEST_DIFFERENCE = 1e-4  # Of a vector's components to torch's, relative to the largest; rounding gives 1e-6.

_log = getLogger(__name__)


class EmbeddingGraph:
    """A graph that is ready to compute. Any number of threads may run it, each call on one of them.

    Args:
        path: The graph.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._inputs = [item.name for item in self._session.get_inputs()]

    def run(self, features: Mapping[str, torch.Tensor]) -> np.ndarray:
        """Return the sentence embeddings, not normalised. Shapes: each feature (texts, tokens), result (texts, dimension)."""
        embeddings: np.ndarray = self._session.run(None, {name: features[name].numpy() for name in self._inputs})[0]
        return embeddings


def load_graph(model: Any, source: Path, folder: Path) -> EmbeddingGraph | None:
    """Return a model's graph, made at the first call and kept in a folder; None where torch must compute.

    Args:
        model: A SentenceTransformer in float32 on the CPU.
        source: The model's own folder: a change of any file of it asks for a new graph.
        folder: Where graphs are kept.
    """
    if any(find_spec(name) is None for name in PACKAGES) or model[0].auto_model.config.model_type != "bert":
        return None
    try:
        return EmbeddingGraph(_find_or_make(model, source, folder) / GRAPH)
    except Exception as error:  # noqa: BLE001 - nothing that goes wrong in three libraries may cost more than the speed.
        _log.warning("The embedder's ONNX graph cannot be made or read (%s: %s); torch computes.", type(error).__name__, error)
        return None


def _find_or_make(model: Any, source: Path, folder: Path) -> Path:
    """Return the folder of a graph that is whole and was compared with torch when it was made."""
    import onnxruntime

    files = {str(path.relative_to(source)): hash_file(path) for path in sorted(source.rglob("*")) if path.is_file()}
    place = folder / hash_json([files, onnxruntime.__version__])[:16]
    try:
        verify_folder(place, remedy="It is made again.")
    except LabError as error:
        if place.exists():
            _log.warning("%s", error)
        with new_folder(place, replace=True) as new:
            _export(model, new / GRAPH)
            _compare(EmbeddingGraph(new / GRAPH), model)
    return place


def _compare(graph: EmbeddingGraph, model: Any) -> None:
    """Compare a graph with torch on texts of other lengths and numbers than those it was traced with.

    Raises:
        ValueError: They differ: the tracer took a branch for all inputs, or operations were joined wrongly.
    """
    import torch

    window = int(model.max_seq_length or 512)
    for texts in ([PROBES[0]], [*PROBES, "Every place of the window is taken. " * window]):
        features = _prepare(model, texts)
        with torch.inference_mode():
            expected = model(dict(features))["sentence_embedding"].numpy()
        difference = float(np.abs(graph.run(features) - expected).max() / np.abs(expected).max())
        if difference > LARGEST_DIFFERENCE:
            raise ValueError(f"it differs from torch by {difference:.1e} of the largest component")


def _export(model: Any, path: Path) -> None:
    """Write the graph: traced with plain attention, which the optimizer then joins into one operation."""
    import torch
    from onnxruntime.transformers.optimizer import optimize_model

    class Whole(torch.nn.Module):
        """All modules, from token ids to a text's embedding."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *values: torch.Tensor) -> torch.Tensor:
            """Return embeddings. Shape: each value (texts, tokens), result (texts, dimension)."""
            embeddings: torch.Tensor = self.model(dict(zip(names, values, strict=True)))["sentence_embedding"]
            return embeddings

    for name in ("fusion_embedlayer", "fusion_skiplayernorm"):
        getLogger(name).setLevel(ERROR)  # Of what it does not join; whether the result is right is measured.
    features = _prepare(model, PROBES)
    names = list(features)
    bert = model[0].auto_model
    attention = bert.config._attn_implementation
    bert.set_attn_implementation("eager")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # The tracer's, about branches that hold for every input here.
            torch.onnx.export(
                Whole().eval(), tuple(features.values()), str(path), input_names=names, output_names=["embedding"],
                dynamic_axes={name: {0: "texts", 1: "tokens"} for name in names}, opset_version=OPSET, dynamo=False,
            )  # fmt: skip
    finally:
        bert.set_attn_implementation(attention)
    config = bert.config
    with redirect_stdout(StringIO()):  # It prints there what it could not infer; results of commands stand on stdout.
        joined = optimize_model(
            str(path), model_type="bert", num_heads=config.num_attention_heads, hidden_size=config.hidden_size, opt_level=0
        )
    joined.save_model_to_file(str(path))


def _prepare(model: Any, texts: list[str]) -> dict[str, torch.Tensor]:
    """Return texts as the model reads them."""
    import torch

    prepare = getattr(model, "preprocess", model.tokenize)
    return {name: value for name, value in prepare(texts).items() if isinstance(value, torch.Tensor)}
