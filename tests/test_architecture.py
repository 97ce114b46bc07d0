"""ARCHITECTURE.md, held by the code itself: who may import whom, and how long things may be."""

import ast
import re
import shutil
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
DOORS = ("ui.cli", "ui.page")
ONLY_IN = {"gradio": "ui/page", "typer": "ui/cli", "rich": "ui/cli"}
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
LONGEST_FILE, LONGEST_FUNCTION, MOST_PARAMETERS = 400, 60, 6
FILES = [path for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))]
by_path = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def named(tree):
    """The texts of a file that name one of our modules, as `python -m` or `import_module` would take them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(rf"(?<![\w./])(?:-m )?((?:{'|'.join(ALLOWED)})\.\w[\w.]*)", strip_docs(tree, node))


def strip_docs(tree, node):
    """A text that only stands there to be read names modules freely."""
    documents = {
        id(owner.body[0].value)
        for owner in ast.walk(tree)
        if isinstance(owner, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and owner.body
        and isinstance(owner.body[0], ast.Expr)
    }
    return "" if id(node) in documents else node.value


@by_path
def test_imports_point_downwards(path):
    package = path.relative_to(ROOT).parts[0]
    tree = ast.parse(path.read_text())
    names = {name.split(".")[0] for name in imported(tree)}
    assert names & set(ALLOWED) <= ALLOWED[package]


@by_path
def test_no_module_is_started_by_a_string_from_below(path):
    package = path.relative_to(ROOT).parts[0]
    tree = ast.parse(path.read_text())
    assert {name for name in named(tree) if name.split(".")[0] not in ALLOWED[package]} == set()


@by_path
def test_each_front_door_keeps_its_library_and_knows_no_other(path):
    place = path.relative_to(ROOT).as_posix()
    names = set(imported(ast.parse(path.read_text())))
    for library, home in ONLY_IN.items():
        assert place.startswith(home) or library not in {name.split(".")[0] for name in names}
    door = next((door for door in DOORS if place.startswith(door.replace(".", "/"))), None)
    others = {name for name in names for other in DOORS if other != door and f"{name}.".startswith(f"{other}.")}
    if door is None:
        assert not others
    elif door == "ui.cli":
        assert others <= ({"ui.page.app", "ui.page.app.launch"} if path.name == "main.py" else set())  # Only `serve`.
    else:
        assert not others


@by_path
def test_heavy_libraries_are_imported_where_they_are_needed(path):
    top = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {name.split(".")[0] for node in top for name in imported(ast.Module([node], []))}
    assert not names & HEAVY


@by_path
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert {node.name: node.end_lineno - node.lineno + 1 for node in functions if lines_of(node) > LONGEST_FUNCTION} == {}
    wide = {node.name for node in functions if count_parameters(node) > MOST_PARAMETERS and not is_command(node)}
    assert {name for name in wide if not has_reason(text, name)} == set()


def lines_of(node):
    return node.end_lineno - node.lineno + 1


def count_parameters(node):
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([item for item in every if item.arg not in {"self", "cls"}])


def is_command(node):
    """A command of the terminal has a parameter for each option."""
    return any("command" in ast.unparse(decorator) for decorator in node.decorator_list)


def has_reason(text, name):
    """A function with more parameters says why in a comment just before it or at its head."""
    before = text[: re.search(rf"def {name}\(", text).start()].rstrip().splitlines()
    while before and before[-1].lstrip().startswith("@"):
        before.pop()
    return bool(before) and before[-1].lstrip().startswith("#")


def test_help_needs_no_heavy_library():
    # Nor does Gradio parse its own components at each start, which took half of it.
    code = (
        "import ast, inspect, sys; find, parsed = inspect.getfile, []; ast.get_source_segment = lambda *given: parsed.append(given);"
        f"import ui.cli.main, ui.page.app; print(sorted({HEAVY!r} & set(sys.modules)), len(parsed), inspect.getfile is find)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[] 0 True"


def test_the_help_of_the_command_line_loads_no_page_and_no_reader():
    code = "import sys, ui.cli.main; print(sorted({'gradio', 'pydantic', 'numpy', 'jinja2'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_no_two_classes_have_one_name():
    names: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                names.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: places for name, places in names.items() if len(places) > 1} == {}


def test_requirements_equal_pyproject():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == wanted


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_files_named_in_the_documents_exist(document):
    text = (ROOT / document).read_text()
    trees = [
        line.split()[0]
        for block in text.split("<!-- tree -->")[1:]
        for line in block.split("```")[1].splitlines()[1:]
        if line.strip()
    ]
    names = [*trees, *re.findall(r"`((?:core|retrieval|finetune|lab|ui|tests|benchmarks|tasks|docs)/[\w/.-]*)`", text)]
    assert [name for name in names if not (ROOT / name).exists()] == []
    assert document == "CONTRIBUTING.md" or len(names) >= 10


@pytest.mark.slow
def test_an_installation_elsewhere_has_the_tasks_and_checks_one(tmp_path):
    """`pip install .` into an environment of its own; the dependencies are lent to it, our packages are not."""
    import sysconfig
    import venv

    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], capture_output=True, text=True
    )
    # A path in a .pth file lends the packages of that folder, but not what its own .pth files point to: our checkout.
    source = tmp_path / "source"  # A copy: building leaves files beside what it builds.
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__"))
    (Path(site.stdout.strip()) / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", str(source)], check=True, cwd=tmp_path)
    environment = {
        "PATH": f"{tmp_path / 'env' / 'bin'}:/usr/bin:/bin",
        "RAGFT_HOME": str(tmp_path / "home"),
        "HOME": str(tmp_path),
    }

    def run(*words):
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert str(tmp_path) in run("python", "-c", "import core; print(core.__file__)")
    for name in ("hiring-handbook", "cv-screening", "cv-match", "answer-grading", "ml-interview"):
        assert name in run("ragft", "tasks")
    assert '"usable": true' in run("ragft", "check", "hiring-handbook", "--json")
    run(
        "python",
        "-c",
        "from ui.page.markup import TEMPLATES; assert (TEMPLATES.parent / 'styles' / 'page.css').is_file(); assert list(TEMPLATES.rglob('*.jinja'))",
    )
