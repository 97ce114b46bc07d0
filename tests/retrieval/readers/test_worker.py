"""The process that parses: killed when it hangs, replaced when it crashes, gone when nobody reads on."""

import sys
import time

import pytest

from retrieval.documents import Limits, Problem, list_files, parse_files, read_documents
from retrieval.readers.worker import ParsingWorker


def start(code):
    """The command of a worker with a reader of the test's own."""
    limits = "Limits(**json.loads(sys.argv[1]))"
    lines = [
        "import json, os, sys, time",
        "from retrieval.readers import registry, worker",
        "from retrieval.readers.limits import Limits, Text",
    ]
    return [sys.executable, "-c", "\n".join([*lines, *code, f"worker.main({limits})"])]


def test_a_hanging_parser_is_killed_and_replaced(tmp_path):
    for name in ("a.pdf", "b.html"):
        (tmp_path / name).write_text("<p>fine</p>")
    hang, fine = list_files(tmp_path)
    command = start(["registry.READERS['.pdf'] = lambda path, limits: time.sleep(60)"])
    began = time.monotonic()
    with ParsingWorker(Limits(seconds=2), command=command) as worker:
        assert worker.parse(hang) == [Problem("a.pdf", "Reading it took longer than 2 s and was stopped.")]
        assert worker.parse(fine)[0].text == "fine"
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("os.abort()", "exit code -6"),
        ("[][1]", "IndexError: list index out of range"),
        ("bytearray(8 * 2**30)", "more than 0.5 GiB of memory"),
        ("print('noise', flush=True) or Text('text')", ""),
    ],
)
def test_a_crash_costs_one_file(tmp_path, fault, reason):
    for name in ("a.pdf", "b.pdf", "c.html"):
        (tmp_path / name).write_text("<p>fine</p>")
    bad, also_bad, fine = list_files(tmp_path)
    with ParsingWorker(
        Limits(memory_bytes=2**29), command=start([f"registry.READERS['.pdf'] = lambda path, limits: {fault}"])
    ) as worker:
        results = [*worker.parse(bad), *worker.parse(also_bad)]
        assert worker.parse(fine)[0].text == "fine"
    if reason:
        assert all(reason in result.reason for result in results)
    else:
        assert [result.text for result in results] == ["text", "text"]


def test_plain_text_needs_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(ParsingWorker, "_start", lambda self: pytest.fail("a process was started"))
    (tmp_path / "a.md").write_text("fine")
    (tmp_path / "b.txt").write_bytes("café".encode("latin-1"))
    assert [document.text for document in read_documents(tmp_path).documents] == ["fine", "café"]


def test_no_process_is_left_behind(tmp_path):
    import psutil

    for number in range(3):
        (tmp_path / f"{number}.html").write_text("<p>fine</p>")
    results = parse_files(list_files(tmp_path))
    next(results)
    children = [child for child in psutil.Process().children() if "retrieval.readers.worker" in child.cmdline()]
    assert len(children) == 1
    results.close()
    assert not children[0].is_running()
