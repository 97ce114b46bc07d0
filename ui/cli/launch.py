"""A training in several processes: `accelerate launch --num_processes 2 -m ui.cli.launch TASK` (see `finetune/train/distributed.py`).

No job is started: the launcher owns the processes. States to resume from lie in `$RAGFT_HOME/launched/<task>-<settings>`, so the
same command goes on where the last one ended.
"""

from __future__ import annotations

from dataclasses import asdict

import typer

from core.settings import read_settings
from core.storage import hash_json
from finetune.config import TrainConfig
from ui.cli.console import Bars, TaskName, err, show_fields
from ui.cli.main import run_command
from ui.cli.options import ModelName, take_settings
from ui.cli.training import AllowLeakage


@take_settings()
def launch(task: TaskName, config: TrainConfig, allow_leakage: AllowLeakage = False, model: ModelName = "") -> None:
    """Train in this process and its siblings; the first one reports and stores the adapter."""
    from finetune.train.distributed import end_process, join_group
    from lab.jobs import train
    from lab.lab import Lab
    from lab.requests import TrainRequest

    lab = Lab(read_settings().at_model(model))
    states = lab.settings.folder("launched") / f"{lab.task(task).name}-{hash_json(asdict(config))[:8]}"
    with Bars() as bars:
        card = train(lab, TrainRequest(task, config, allow_leakage), bars, states)
    if join_group().leads:
        show_fields({"id": card["id"], "model": card["model"]})
        err.print("The adapter is ready.")
    end_process()


def main() -> None:
    """Run the command; an error of ours is a sentence."""
    run_command(lambda: typer.run(launch))


if __name__ == "__main__":
    main()
