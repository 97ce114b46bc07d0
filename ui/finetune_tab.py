"""Fine-tune: start a QLoRA training, watch its loss, cancel it; it goes on without the page."""

from __future__ import annotations

import gradio as gr

from core.errors import LabError
from core.jobs import start_job
from finetune.adapters import list_adapters
from finetune.config import TrainConfig
from ui.compare_tab import Choices
from ui.job_panel import build_job_panel
from ui.lab import Lab
from ui.watch import train_arguments

HEADERS = ["Adapter", "Model", "Steps", "First loss", "Last loss", "Minutes", "Trainable parameters"]


def build_finetune_tab(page: gr.Blocks, lab: Lab, choices: Choices, job: gr.BrowserState) -> gr.Dropdown:
    """Build the tab; returns its list of tasks."""
    first = choices[0][1] if choices else None
    with gr.Row():
        task = gr.Dropdown(list(choices), value=first, label="Task")
        minutes = gr.Slider(0.5, 60, value=4, step=0.5, label="Time budget of the training steps (minutes)")
        epochs = gr.Slider(0.5, 10, value=3, step=0.5, label="Passes over the examples, at most")
    with gr.Accordion("QLoRA settings", open=False), gr.Row():
        rank = gr.Slider(2, 64, value=16, step=2, label="Rank r (alpha is 2r)")
        rate = gr.Number(1e-3, label="Learning rate", minimum=1e-6, maximum=1e-1)
        seed = gr.Number(0, label="Seed", precision=0, minimum=0)
    start = gr.Button("Start fine-tuning", variant="primary")
    panel = build_job_panel(page, lab.settings, job, kind="train", curve="loss")
    table = gr.Dataframe(
        _list_trained(lab, first), headers=HEADERS, label="Adapters of this task", interactive=False, wrap=True
    )

    def begin(name: str, budget: float, passes: float, r: int, learning_rate: float, number: int) -> str:
        try:
            config = TrainConfig(
                rank=r, alpha=2 * r, learning_rate=learning_rate, epochs=passes, minutes=budget, seed=int(number or 0)
            )
            chosen = lab.task(name)
            return start_job(lab.settings, kind="train", task=name, arguments=train_arguments(chosen, config)).name
        except LabError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def show(name: str) -> list[list[object]]:
        return _list_trained(lab, name)

    start.click(begin, [task, minutes, epochs, rank, rate, seed], panel.job, api_visibility="private")
    gr.on([task.change, page.load, panel.cancel.click], show, task, table, api_visibility="private")
    return task


def _list_trained(lab: Lab, name: str | None) -> list[list[object]]:
    if not name:
        return []
    return [
        [
            card.id,
            card.model,
            card.outcome["steps"],
            round(card.outcome["first_loss"], 3),
            round(card.outcome["last_loss"], 3),
            round(card.outcome["seconds"] / 60, 1),
            card.outcome["trainable_parameters"],
        ]
        for card in list_adapters(lab.settings, task=name)
    ]
