"""`ragft adapters` as a person or a script types it: results, refusals, exit codes, no question nobody can answer."""

import json
import sys

import pytest
from adapter_files import fake_adapter, tiny_adapter

from core.settings import read_settings
from ui.cli.main import main


@pytest.fixture
def ragft(monkeypatch, capsys):
    """Run the command line; returns (exit code, stdout, stderr)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ragft", "adapters", *arguments])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, " ".join(captured.err.split())

    return run


def ask(ragft, *arguments):
    code, out, err = ragft(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_listing_names_the_damaged_and_keeps_the_rest(ragft):
    assert "ragft train TASK" in ragft("list")[1]
    for name in ("1", "2"):
        fake_adapter(read_settings(), name)
    (read_settings().folder("adapters") / "2" / "card.json").write_text("{")
    code, out, err = ragft("list", "--json")
    assert code == 0
    assert [row["adapter"] for row in json.loads(out)] == ["1"]
    assert "2:" in err
    assert "damaged" in err
    assert ask(ragft, "list", "--task", "other") == []
    assert "tiny-llama" in ragft("list")[1]


def test_showing_selecting_and_undoing(ragft):
    for name in ("1", "2"):
        fake_adapter(read_settings(), name)
    assert ask(ragft, "show", "1")["task"] == "tiny"
    assert "0 examples" in ragft("show", "1")[1]
    assert ask(ragft, "select", "1") == {"adapter": "1", "task": "tiny", "selected": True}
    assert [row["selected"] for row in ask(ragft, "list")] == [False, True]
    assert ask(ragft, "select", "1", "--undo")["selected"] is False
    code, out, err = ragft("select", "1", "--undo", "--json")
    assert (code, out) == (2, "")
    assert "is not selected" in err


def test_deleting_asks_and_never_hangs(ragft, monkeypatch):
    for name in ("1", "2", "3"):
        fake_adapter(read_settings(), name)
    home = read_settings().folder("adapters")
    for arguments in (("delete", "1"), ("delete", "1", "--json")):
        code, _, err = ragft(*arguments)
        assert code == 2
        assert "--yes" in err
    assert (home / "1").is_dir()
    assert ask(ragft, "delete", "1", "--yes") == {"adapter": "1", "deleted": True}
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("ui.cli.adapters.sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    assert ragft("delete", "2")[0] == 0
    assert [path.name for path in home.iterdir()] == ["3"]


@pytest.mark.parametrize("command", ["show", "select", "delete", "merge", "export"])
@pytest.mark.parametrize("name", ["nobody", "..", "../x"])
def test_an_unknown_adapter_is_two_and_a_sentence(ragft, command, name):
    code, out, err = ragft(command, name, "--json")
    assert (code, out) == (2, "")
    assert "There is no adapter" in err


def test_bad_input_is_said(ragft, tmp_path):
    fake_adapter(read_settings(), "1")
    assert "no form 'exe'" in ragft("export", "1", "--format", "exe")[2]
    assert "There is no" in ragft("import", str(tmp_path / "none.zip"))[2]
    assert ragft("import", str(tmp_path / "none.zip"), "--task", "no-such-task")[0] == 2
    assert ragft("export")[0] == 2
    assert ragft("list", "--wrong")[0] == 2


def test_pushing_without_a_token_is_refused(ragft, monkeypatch):
    fake_adapter(read_settings(), "1")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    code, _, err = ragft("push", "1", "me/mine", "--json")
    assert code == 2
    assert "HF_TOKEN" in err


def test_export_delete_import_and_merge(ragft, tiny_model, tmp_path, monkeypatch, task_folder):
    monkeypatch.setenv("RAGFT_MODEL", str(tiny_model))
    tiny_adapter(read_settings(), tiny_model, "one")
    path = tmp_path / "one.zip"
    assert ask(ragft, "export", "one", "--output", str(path))["file"] == str(path)
    assert "exists already" in ragft("export", "one", "--output", str(path))[2]
    assert ask(ragft, "delete", "one", "--yes")["deleted"] is True
    imported = ask(ragft, "import", str(path))
    one = imported["adapter"]
    assert imported == {"adapter": one, "task": "tiny", "model": tiny_model.name}
    assert f"already, as {one}" in ragft("import", str(path))[2]
    result = ask(ragft, "merge", one)
    assert result["use"] == f"RAGFT_MODEL={read_settings().folder('models') / one}"
    assert (read_settings().folder("models") / one / "config.json").is_file()
    monkeypatch.chdir(tmp_path)
    lora = ask(ragft, "export", one, "--format", "gguf-lora")
    assert (tmp_path / f"{one}-lora.gguf").is_file()
    assert lora["modelfile"] == f"FROM ./{one}-base.gguf\nADAPTER ./{one}-lora.gguf"
    code, _, err = ragft("export", one, "--format", "gguf")
    assert code == 2
    assert "no BPE with merges" in err  # the tiny model's bytes
    assert not (tmp_path / f"{one}.gguf").exists()
