"""A training in several processes: `accelerate launch --num_processes 2 -m ui.cli.launch TASK` (see `finetune/train/distributed.py`).

No job is started: the launcher owns the processes. States to resume from lie in `$RAGFT_HOME/launched/<task>-<settings>`, so the
same command goes on where the last one ended.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from core.errors import LabError
from core.settings import prepare_libraries, read_settings
from core.storage import hash_json
from ui.cli.console import TaskName, err, run_as_job, show, show_fields


def launch(
    task: TaskName,
    minutes: Annotated[float | None, typer.Option(help="Time budget of the training steps.")] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the examples.")] = 3.0,
    lr: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-3,
    rank: Annotated[int, typer.Option(help="LoRA rank r; alpha is 2r.")] = 16,
    batch_size: Annotated[int, typer.Option(help="Examples a step, over all processes.")] = 8,
    storage: Annotated[str, typer.Option(help="Frozen weights: nf4 (QLoRA), int8 or full.")] = "nf4",
    holdout: Annotated[int, typer.Option(help="Training examples kept out to choose the best adapter.")] = 16,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    allow_leakage: Annotated[bool, typer.Option(help="Train although test examples are among the training examples.")] = False,
) -> None:
    """Train in this process and its siblings; the first one reports and stores the adapter."""
    from finetune.config import TrainConfig, default_alpha
    from finetune.train.distributed import end_process, join_group
    from lab.lab import Lab
    from lab.training.jobs import train_in_process
    from lab.training.preflight import require_go, run_preflight

    lab = Lab(read_settings())
    loaded = lab.task(task)
    config = TrainConfig(
        rank=rank, alpha=default_alpha(rank), learning_rate=lr, epochs=epochs, minutes=minutes, batch_size=batch_size, storage=storage,
        holdout=holdout, seed=seed,
    )  # fmt: skip
    states = lab.settings.folder("launched") / f"{loaded.name}-{hash_json(asdict(config))[:8]}"
    require_go(run_preflight(lab, task, config), allow_leakage=allow_leakage)
    card = run_as_job(lab.settings, None, lambda bars: train_in_process(lab, loaded, config, bars, job=states), done="")
    if join_group().leads:
        show(card, False, lambda value: show_fields({"id": value["id"], "model": value["model"]}))
        err.print("The adapter is ready.")
    end_process()


def main() -> None:
    """Run the command; an error of ours is a sentence."""
    prepare_libraries()
    try:
        typer.run(launch)
    except LabError as error:
        err.print(str(error), style="red", markup=False, highlight=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
