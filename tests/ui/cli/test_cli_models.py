"""`ragft models` and `ragft ladders` as a person or a script types them."""

import json
import sys

import pytest

from core.settings import DEFAULT_MODEL, read_settings
from ui.cli.main import main


@pytest.fixture
def ragft(monkeypatch, capsys):
    """Run the command line; returns (exit code, stdout, stderr)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ragft", *arguments])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, " ".join(captured.err.split())

    return run


def test_a_model_comes_is_shown_and_goes(ragft, tiny_model):
    assert "ragft models fetch" in ragft("models", "list")[1]
    code, out, err = ragft("models", "import", str(tiny_model), "--name", "tiny", "--json")
    assert code == 0, err
    assert json.loads(out)["model"] == "tiny"
    (row,) = json.loads(ragft("models", "list", "--json")[1])
    assert row["name"] == "tiny"
    assert row["speeds"] == {}
    shown = ragft("models", "show", "tiny")[1]
    assert "tokens/s: not measured" in shown
    assert "licence: not stated" in shown
    assert "adapters: none" in shown
    assert ragft("models", "remove", "tiny", "--yes")[0] == 0
    assert json.loads(ragft("models", "list", "--json")[1]) == []


def test_refusals_are_sentences(ragft, tiny_model):
    for arguments, said in (
        (("import", "nothing.gguf"), "no file or folder"),
        (("import", str(tiny_model), "--name", "../up"), "cannot be called"),
        (("show", "nobody"), "not on this machine"),
        (("show", ".."), "no model"),
        (("remove", "nobody", "--yes"), "no model"),
        (("measure", "nobody"), "no model"),
        (("fetch", ".."), "no model"),
    ):
        code, _, err = ragft("models", *arguments)
        assert (code, said in err) == (2, True), (arguments, err)
    ragft("models", "import", str(tiny_model), "--name", DEFAULT_MODEL, "--link")
    code, _, err = ragft("models", "remove", DEFAULT_MODEL, "--yes")
    assert code == 2
    assert "--force" in err


def test_a_storage_or_model_that_is_none_is_a_sentence(ragft, task_folder):
    code, _, err = ragft("ask", str(task_folder), "Why?", "--storage", "fp8")
    assert code == 2
    assert "nf4, int8, bf16" in err
    code, _, err = ragft("ask", str(task_folder), "Why?", "--model", "nobody/nothing")
    assert code == 2
    assert "ragft models fetch nobody/nothing" in err


def test_ladders_that_are_none_or_damaged_are_sentences(ragft):
    assert "--model A --model B" in ragft("ladders")[1]
    assert "no ladder" in ragft("ladders", "nothing")[2]
    assert "no ladder" in ragft("ladders", "../up")[2]
    folder = read_settings().folder("ladders")
    folder.mkdir(parents=True)
    (folder / "x.json").write_text("{")
    code, out, err = ragft("ladders", "--json")
    assert (code, json.loads(out)) == (0, [])
    assert "damaged" in err
