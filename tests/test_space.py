"""What a Space reads of this repository: the front matter of the README, and the workflow that pushes it there."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from huggingface_hub import SpaceHardware

from core.generation.models import SOURCES
from core.settings import DEFAULT_MODEL

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# The Hub's reference of the front matter; another key is a slip that nobody tells.
TEXTS = {"title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "short_description"}
TEXTS |= {"license", "suggested_hardware", "thumbnail", "startup_duration_timeout", "header", "base_path"}
LISTS = {"tags", "models", "datasets", "preload_from_hub", "hf_oauth_scopes"}
SWITCHES = {"pinned", "fullWidth", "disable_embedding", "hf_oauth"}
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
SCOPES = {"email", "read-repos", "contribute-repos", "write-repos", "manage-repos", "inference-api", "jobs", "webhooks"}
NEEDED = TEXTS - {"base_path"} | {"tags", "models", "pinned"}
LONGEST = {"short_description": 60, "title": 60}
ZERO_GPU_TORCH = ("2.8.0", "2.9.1", "2.10.0", "2.11.0", "2.12.1", "2.13.0")


@pytest.fixture(scope="module")
def front():
    assert README.startswith("---\n")
    return yaml.safe_load(README.split("---\n")[1])


def read_pins():
    lines = [line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    return dict(line.split("==") for line in lines if line)


def test_every_key_is_one_that_the_hub_knows_and_none_is_missing(front):
    assert set(front) <= TEXTS | LISTS | SWITCHES
    assert set(front) >= NEEDED
    assert {name for name in TEXTS & set(front) if not isinstance(front[name], str)} == set()
    assert {name for name in SWITCHES & set(front) if not isinstance(front[name], bool)} == set()
    assert {
        name for name in LISTS & set(front) if not (front[name] and all(isinstance(one, str) for one in front[name]))
    } == set()
    assert {name for name, most in LONGEST.items() if len(front[name]) > most} == set()


def test_every_value_is_one_that_the_hub_takes(front):
    assert {front["colorFrom"], front["colorTo"]} <= COLOURS
    assert (front["sdk"], front["header"]) == ("gradio", "mini")
    assert front["suggested_hardware"] in {one.value for one in SpaceHardware}
    assert re.fullmatch(r"\d+(m|h)", front["startup_duration_timeout"])
    assert not any(character.isalnum() for character in front["emoji"])
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+", name) for name in front["models"])
    assert all(re.fullmatch(r"[a-z0-9-]+", tag) for tag in front["tags"])


def test_what_it_names_is_here_and_what_is_used(front):
    assert front["sdk_version"] == read_pins()["gradio"]
    assert front["python_version"] == "3.12"
    assert (ROOT / front["app_file"]).is_file()
    picture = (ROOT / front["thumbnail"]).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 500_000
    hub = SOURCES[DEFAULT_MODEL].hub
    assert hub in front["models"]
    assert [line.split()[0] for line in front["preload_from_hub"]] == [hub]


def test_sign_in_is_asked_for_only_where_the_page_has_one(front):
    page = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "ui" / "page").rglob("*.py"))
    assert front.get("hf_oauth", False) == ("LoginButton(" in page)
    assert set(front.get("hf_oauth_scopes", ())) <= SCOPES - {"write-repos", "manage-repos", "webhooks"}


def test_torch_is_one_that_shared_gpus_take():
    from packaging.requirements import Requirement

    lines = (ROOT / "requirements.txt").read_text().splitlines()
    torch = next(Requirement(line) for line in lines if line.startswith("torch"))
    assert all(torch.specifier.contains(version) for version in ZERO_GPU_TORCH)
    assert not any(torch.specifier.contains(version) for version in ("2.14.0", "2.15.0", "3.0.0"))
    assert read_pins()["torch"] in ZERO_GPU_TORCH


def test_the_workflow_pushes_with_one_secret_and_real_commands(front):
    text = (ROOT / "docs" / "examples" / "deploy-space.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    steps = workflow["jobs"]["deploy"]["steps"]
    assert workflow["permissions"] == {"contents": "read"}
    assert set(re.findall(r"secrets\.(\w+)", text)) == {"HF_TOKEN"}
    assert [step["name"] for step in steps if "HF_TOKEN" in str(step)] == ["Push"]
    assert all(("uses" in step) != ("run" in step) for step in steps)
    (push,) = [line for step in steps for line in step.get("run", "").splitlines() if line.startswith("hf upload")]
    words = shlex.split(push)
    assert words[2:5] == ["$SPACE", "../space", "."]
    change = next(line for step in steps for line in step.get("run", "").splitlines() if line.startswith("sed"))
    assert f"^{'thumbnail'}: " in change
    assert front["thumbnail"] in change
