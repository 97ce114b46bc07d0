"""The example workflow is valid, and every `ragft` command in it exists with the options that it uses."""

import re
import shlex
from pathlib import Path

import yaml
from typer.main import get_command

from ui.cli.main import app

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "gate.yml"


def test_the_example_uses_only_commands_that_there_are():
    workflow = yaml.safe_load(EXAMPLE.read_text())
    steps = workflow["jobs"]["gate"]["steps"]
    assert workflow[True] == {"pull_request": {"paths": ["tasks/support/**"]}}  # YAML 1.1 reads `on` as true.
    assert all(("uses" in step) != ("run" in step) for step in steps)
    lines = [line.strip() for step in steps for line in step.get("run", "").splitlines()]
    commands = [shlex.split(re.split(r" > | \|\| ", line)[0]) for line in lines if line.startswith("ragft ")]
    assert [words[1] for words in commands] == ["models", "index", "compare", "runs", "runs", "runs", "runs"]
    for words in commands:
        command = get_command(app)
        rest = words[1:]
        while hasattr(command, "commands"):
            command = command.commands[rest.pop(0)]
        known = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known
