"""The README's section for programs, run as it stands against a page that was started here."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from core.generation.fake import FakeGenerator
from core.settings import Settings
from lab.lab import Lab
from tests.conftest import HashingEmbedder, row, write_task
from ui.page.app import serve

ROOT = Path(__file__).resolve().parents[3]
USUAL = "http://127.0.0.1:7860"
SECTION = (ROOT / "README.md").read_text(encoding="utf-8").partition("## From a program\n")[2].partition("\n## ")[0]
BLOCKS = dict(re.findall(r"```(python|sh)\n(.*?)```", SECTION, flags=re.DOTALL))
QUESTION = "By what proportion are exercises stretched for those who need it?"
RIGHT = '{"answer": "50 percent", "area": "time", "sure": true}'


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page whose task has the name that the section uses, small enough to be indexed in a moment."""
    home = tmp_path_factory.mktemp("readme") / "home"
    folder = write_task(
        home / "tasks" / "hiring-handbook", train=[row(1, "How high is the bonus?", "40 euros", "pay")],
        test=[row(2, QUESTION, "50 percent", "time")],
    )  # fmt: skip
    (folder / "documents" / "exercises.md").write_text(
        "# Exercises\nExercises are stretched by 50 percent for those who need it.\n"
    )
    lab = Lab(Settings(home=home), FakeGenerator({(None, f"Question: {QUESTION}"): RIGHT}, 4096), HashingEmbedder())
    lab.library.update(lab.task("hiring-handbook"))
    page, address = serve(lab)
    yield address.rstrip("/")
    page.close()


def test_the_python_of_the_readme_runs(address, capsys):
    assert USUAL in BLOCKS["python"]
    exec(compile(BLOCKS["python"].replace(USUAL, address), "README.md", "exec"), {})
    _, *lines = capsys.readouterr().out.splitlines()  # The client says first where it is.
    assert lines[0].startswith("{'answer': '50 percent'")
    assert "True ['exercises'" in lines[0]
    assert lines[1:3] == [f"Base model {RIGHT}", f"RAG {RIGHT}"]
    assert lines[3] == "expected: {'answer': '50 percent', 'area': 'time', 'sure': True}"
    assert "should be of type string" in lines[4]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_shell_of_the_readme_runs(address):
    assert BLOCKS["sh"].count(USUAL) == 2
    words = ["sh", "-c", BLOCKS["sh"].replace(USUAL, address)]
    told = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "event: complete" in told
    assert '"valid": false' in told
    assert '"status":"ok"' in told
