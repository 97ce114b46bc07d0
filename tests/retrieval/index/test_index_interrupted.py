"""The stored index under fire: killed writers, two writers, many readers beside one."""

import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.values import Document
from retrieval.embedding.cache import CACHE
from retrieval.index.index import open_index
from retrieval.index.update import from_documents, update_index
from retrieval.index.versions import CURRENT, LOCK, read_stamp
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


def test_two_writers_at_once_take_turns(folder, files, embedder):
    reports = []
    threads = [threading.Thread(target=lambda: reports.append(update(folder, files, embedder))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.built for report in reports) == [False, False, False, True]
    assert describe(folder, embedder) == TEXTS


def test_many_searches_beside_a_writer_see_one_state_each(folder, tmp_path, embedder):
    def state(word):
        return from_documents([Document(f"d{n}", "", f"{word} common topic{n}") for n in range(40)])

    update_index(folder, state("alpha"), embedder)
    end, seen, torn = threading.Event(), set(), []

    def read():
        stamp, index = "", None
        while not end.is_set():
            if stamp != read_stamp(folder):
                stamp, index = read_stamp(folder), open_index(folder, embedder.fingerprint, task="t")
            for mode in ("dense", "bm25"):
                texts = search(index, embedder, f"common topic{random.randrange(40)}", mode)
                found = {text.split()[0] for text in texts}
                torn.extend([texts] if len(found) != 1 or len(texts) != 3 else [])
                seen.update(found)
            time.sleep(0.01)  # Leave the writer some of the interpreter.

    with ThreadPoolExecutor(32) as pool:
        readers = [pool.submit(read) for _ in range(32)]
        for word in ("beta", "gamma", "delta", "alpha"):
            update_index(folder, state(word), embedder)
        time.sleep(0.2)
        end.set()
        for reader in readers:
            reader.result()
    assert torn == []
    assert len(seen) > 1


KILLER = """
import os, random, shutil, signal, sys, time
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
from conftest import HashingEmbedder
from retrieval.documents import list_files
from retrieval.index.update import UpdateOptions, from_files, update_index
import retrieval.index.builder, retrieval.index.versions, faiss, bm25s, Stemmer, semantic_text_splitter

retrieval.index.builder.BATCH = 4

class Slow(HashingEmbedder):
    def encode(self, texts):
        time.sleep(0.01)
        return super().encode(texts)

def point_and_die(last, point):
    def replaced(*arguments):
        if last == "after":
            point(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    return replaced

def start(folder, last=""):
    pid = os.fork()
    if pid == 0:
        if last:
            retrieval.index.versions._point = point_and_die(last, retrieval.index.versions._point)
        update_index(folder, from_files(list_files(Path({files!r}))), Slow(), UpdateOptions(passage_tokens=40))
        os._exit(0)
    return pid

place = Path({place!r})
shutil.copytree(place / "old", place / "whole")
began = time.monotonic()
os.waitpid(start(place / "whole"), 0)
whole = time.monotonic() - began
moments = random.Random(0)
for number in range(20):
    shutil.copytree(place / "old", place / str(number))
    pid = start(place / str(number))
    time.sleep(whole * 1.1 * moments.random())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
for last in ("before", "after"):
    shutil.copytree(place / "old", place / last)
    os.waitpid(start(place / last, last), 0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_killed_at_any_moment_the_old_or_the_new_state_remains(tmp_path, files, embedder):
    """One process loads the libraries and forks; each child updates a copy of the index.

    Twenty are killed at a random moment; two with the new version in its place, right before and after CURRENT names it.
    """
    update(tmp_path / "old", files, embedder)
    (files / "pay.md").write_text("# Pay\n\nThe heron bonus is 50 euros.")
    (files / "rest.md").unlink()
    (files / "more.md").write_text(
        "# More\n\n" + "\n\n".join(f"## P{n}\nThe gull number {n} cries over the cliffs." for n in range(60))
    )
    new = {path.stem: path.read_text() for path in files.iterdir()}
    root = Path(__file__).resolve().parents[3]
    script = KILLER.format(root=str(root), tests=str(root / "tests"), files=str(files), place=str(tmp_path))
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert describe(tmp_path / "whole", embedder) == new
    states = [describe(tmp_path / str(number), embedder) for number in range(20)]
    assert all(state in (TEXTS, new) for state in states)
    assert (tmp_path / "before" / "000002").is_dir()
    assert describe(tmp_path / "before", embedder) == TEXTS
    assert describe(tmp_path / "after", embedder) == new
    for number in [*range(20), "before", "after"]:
        update(tmp_path / str(number), files, embedder)
        assert describe(tmp_path / str(number), embedder) == new
        left = {path.name for path in (tmp_path / str(number)).iterdir()}
        assert left <= {CURRENT, LOCK, CACHE, f"{CACHE}-journal", "000001", "000002", "000003"}
        assert len(left & {"000001", "000002", "000003"}) == 2
