"""DESIGN section 2, held by the imports themselves."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "core": {"core"},
    "retrieval": {"core", "retrieval"},
    "finetune": {"core", "finetune"},
    "lab": {"core", "retrieval", "finetune", "lab"},
    "ui": {"core", "retrieval", "finetune", "lab", "ui"},
}
HEAVY = {
    "torch",
    "transformers",
    "peft",
    "faiss",
    "sentence_transformers",
    "bitsandbytes",
    "accelerate",
    "bm25s",
    "scipy",
    "statsmodels",
}
FILES = [path for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))]


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0], node


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards_and_gradio_stays_in_ui(path):
    package = path.relative_to(ROOT).parts[0]
    names = {name for name, _ in imported(ast.parse(path.read_text()))}
    assert names & set(ALLOWED) <= ALLOWED[package]
    assert package == "ui" or "gradio" not in names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_libraries_are_imported_where_they_are_needed(path):
    top = ast.parse(path.read_text()).body
    names = {
        name for node in top if isinstance(node, ast.Import | ast.ImportFrom) for name, _ in imported(ast.Module([node], []))
    }
    assert not names & HEAVY


def test_help_needs_no_heavy_library():
    code = f"import sys, ui.cli.main, ui.page.app; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_requirements_equal_pyproject():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == wanted


def test_files_named_in_the_readme_exist():
    tree = (ROOT / "README.md").read_text().split("<!-- tree -->")[1].split("```")[1]
    names = [line.split()[0] for line in tree.splitlines()[1:] if line.strip()]
    assert len(names) >= 10
    assert [name for name in names if not (ROOT / name).exists()] == []
