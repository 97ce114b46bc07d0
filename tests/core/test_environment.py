"""What a result depends on: whatever may change an answer is told."""

from importlib.metadata import version

from core.environment import describe_environment


def test_versions_of_what_splits_prompts_and_holds_answers_are_told():
    versions = describe_environment()["versions"]
    assert versions["tokenizers"] == version("tokenizers")
    assert "llguidance" in versions


def test_the_hardware_is_named(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "Card A")
    about = describe_environment()
    assert about["gpu"] == "Card A"
    assert about["processor"]
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert describe_environment()["gpu"] is None
