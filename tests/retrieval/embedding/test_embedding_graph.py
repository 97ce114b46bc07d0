"""The ONNX graph gives torch's vectors, is made once, and is never needed."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest

from retrieval.embedding import graph
from retrieval.embedding.embedder import SentenceEmbedder
from tests.retrieval.embedding.test_embedding import TEXTS, folder  # noqa: F401

needs_onnx = pytest.mark.skipif(
    any(find_spec(name) is None for name in graph.PACKAGES), reason="the extra onnx is not installed"
)


@pytest.fixture(autouse=True)
def _float32(monkeypatch):
    import torch

    from core.generation.device import Device

    monkeypatch.setattr("retrieval.embedding.embedder.choose_device", lambda: Device("cpu", torch.float32))


@pytest.fixture
def exports(monkeypatch):
    """Counts how often a graph is made."""
    made = []
    export = graph._export
    monkeypatch.setattr(graph, "_export", lambda model, path: (made.append(path), export(model, path)))
    return made


@needs_onnx
def test_a_graph_gives_torchs_vectors_and_is_made_once(folder, tmp_path, exports, capsys):  # noqa: F811
    expected = SentenceEmbedder(str(folder)).encode(TEXTS)
    for _ in range(2):
        embedder = SentenceEmbedder(str(folder), graphs=tmp_path)
        assert embedder.backend == "onnxruntime"
        assert np.abs(embedder.encode(TEXTS) - expected).max() < 1e-5
    assert len(exports) == 1
    assert capsys.readouterr().out == ""
    assert len(list(tmp_path.iterdir())) == 1
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: embedder.encode(TEXTS), range(16)):
            assert np.abs(found - expected).max() < 1e-5


@needs_onnx
@pytest.mark.parametrize("damage", ["emptied", "cut", "one byte", "no manifest"])
def test_a_damaged_graph_is_made_again(folder, tmp_path, exports, damage):  # noqa: F811
    SentenceEmbedder(str(folder), graphs=tmp_path)
    path = next(tmp_path.glob("*/graph.onnx"))
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    if damage == "no manifest":
        (path.parent / "manifest.json").unlink()
    elif damage == "one byte":
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 64]) + whole[middle + 1 :])
    else:
        path.write_bytes(whole[: 0 if damage == "emptied" else middle])
    again = SentenceEmbedder(str(folder), graphs=tmp_path)
    assert len(exports) == 2
    assert np.abs(again.encode(TEXTS) - SentenceEmbedder(str(folder)).encode(TEXTS)).max() < 1e-5


@needs_onnx
def test_another_pooling_of_the_same_weights_gets_its_own_graph(folder, tmp_path, exports):  # noqa: F811
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    config = other / "1_Pooling" / "config.json"
    config.write_text(config.read_text().replace('"mean"', '"cls"'))
    graphs = tmp_path / "graphs"
    for _ in range(2):
        for source in (folder, other):
            found = SentenceEmbedder(str(source), graphs=graphs).encode(TEXTS)
            assert np.abs(found - SentenceEmbedder(str(source)).encode(TEXTS)).max() < 1e-5
    assert np.abs(found - SentenceEmbedder(str(folder)).encode(TEXTS)).max() > 1e-3
    assert len(exports) == 2


@needs_onnx
def test_a_graph_that_disagrees_with_torch_is_not_used(folder, tmp_path, monkeypatch, caplog):  # noqa: F811
    monkeypatch.setattr(graph, "LARGEST_DIFFERENCE", -1.0)
    embedder = SentenceEmbedder(str(folder), graphs=tmp_path)
    assert embedder.backend == "torch"
    assert "differs from torch" in caplog.text
    assert not list(tmp_path.iterdir())
    assert embedder.encode(TEXTS).shape == (40, 16)


@needs_onnx
@pytest.mark.parametrize("error", [RuntimeError, TypeError, ImportError, MemoryError])
def test_torch_computes_where_no_graph_can_be_made(folder, tmp_path, monkeypatch, caplog, error):  # noqa: F811
    def fail(model, path):
        raise error("no such thing")

    monkeypatch.setattr(graph, "_export", fail)
    embedder = SentenceEmbedder(str(folder), graphs=tmp_path)
    assert embedder.backend == "torch"
    assert "no such thing" in caplog.text
    assert embedder.encode(TEXTS).shape == (40, 16)


def test_torch_computes_where_there_is_no_runtime_no_room_or_bfloat16(folder, tmp_path, monkeypatch):  # noqa: F811
    import torch

    from core.generation.device import Device

    blocked = tmp_path / "file"
    blocked.write_text("")
    assert SentenceEmbedder(str(folder), graphs=blocked / "graphs").backend == "torch"
    monkeypatch.setattr(graph, "PACKAGES", ("a_package_that_nobody_has",))
    assert SentenceEmbedder(str(folder), graphs=tmp_path / "graphs").backend == "torch"
    monkeypatch.undo()
    monkeypatch.setattr("retrieval.embedding.embedder.choose_device", lambda: Device("cpu", torch.bfloat16))
    assert SentenceEmbedder(str(folder), graphs=tmp_path / "graphs").backend == "torch"
    assert not (tmp_path / "graphs").exists()
