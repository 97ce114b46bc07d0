"""Run by `tests/finetune/train/test_distributed.py` in one or two processes: train a little, the first process stores the adapter.

python -m tests.finetune.train.train_once MODEL TASK RESULT STORAGE
"""

import sys
from pathlib import Path


def main():
    import torch

    from core.generation import loading
    from core.generation.device import Device
    from core.tasks.loading import load_task
    from finetune.config import TrainConfig
    from finetune.data import encode_examples
    from finetune.train.checkpoint import Checkpoints, read_adapter
    from finetune.train.distributed import end_process, join_group
    from finetune.train.held_out import Evaluator
    from finetune.train.model import add_adapter, load_trainable
    from finetune.train.trainer import train

    torch.set_num_threads(1)
    loading.choose_device = lambda: Device("cpu", torch.float32)
    model_folder, task_folder, result, storage = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    group = join_group()
    config = TrainConfig(rank=4, alpha=8, epochs=4, batch_size=2, learning_rate=1e-2, storage=storage, evaluations=2)
    task = load_task(task_folder)
    loaded = load_trainable(model_folder, storage=storage)
    examples, _ = encode_examples(task, task.train, loaded.tokenizer, max_tokens=2048)
    model = add_adapter(loaded, config)
    lines = []
    outcome = train(
        model, examples, config, on_step=lambda report: lines.append(report.loss),
        evaluate=Evaluator(model, loaded.tokenizer, task, task.train, examples, 8), checkpoints=Checkpoints(result / "states", "x"),
    )  # fmt: skip
    if group.leads:
        from safetensors.torch import save_file

        divided = sum(hasattr(parameter, "full_tensor") for parameter in model.parameters())
        told = {"losses": " ".join(map(str, lines)), "steps": str(outcome.steps), "divided": str(divided)}
        save_file(read_adapter(model), result / "adapter.safetensors", told)
    else:
        assert not lines
    end_process()


if __name__ == "__main__":
    main()
