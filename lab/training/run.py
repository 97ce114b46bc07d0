"""A training from task to stored adapter: encode, test the device, train, answer held-out examples, write the card."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.environment import describe_environment
from core.errors import LabError
from core.jobs import RESTART, STATES
from core.progress import Watcher
from core.storage import hash_json
from core.tasks.leakage import fingerprint
from core.tasks.task import Task
from core.values import Evidence, Example, Hit
from finetune.config import TrainConfig
from lab.passages import find_passages

if TYPE_CHECKING:
    from core.generation.loading import Loaded
    from finetune.data import Encoded
    from finetune.plan.estimate import Machine
    from finetune.plan.memory import MemoryPlan
    from finetune.train.held_out import Evaluator
    from finetune.train.probe import OnProbe, Probe
    from finetune.train.report import Evaluation, Listeners, Outcome, StepReport
    from lab.lab import Lab

CONTEXT_TOKENS, MARGIN = 2048, 8
NO_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


def train_watched(lab: Lab, task: Task, config: TrainConfig, watcher: Watcher, *, job: Path | None = None) -> dict[str, Any]:
    """Train here, telling the watcher of every step, evaluation and notice; in a job's folder states to go on from are kept.

    Raises:
        LabError: As `train_task`.
        Cancelled: As `train_task`.
    """
    from finetune.train.report import Listeners

    def on_step(report: StepReport) -> None:
        values = {name: value for name, value in asdict(report).items() if name not in {"step", "total", "seconds"}}
        watcher("train", report.step, report.total, f"loss {report.loss:.2f}", **values)

    def on_evaluation(evaluation: Evaluation) -> None:
        watcher.record({"kind": "evaluation", **asdict(evaluation)})

    def on_warning(step: int, text: str) -> None:
        watcher.record({"kind": "notice", "step": step, "text": text})

    def on_start(step: int) -> None:
        watcher.record({"kind": RESTART, "step": step})

    listeners = Listeners(on_step, on_evaluation, on_warning, on_start, watcher.check)
    return train_task(lab, task, config, listeners=listeners, notify=watcher, states=job / STATES if job else None)


def train_task(
    lab: Lab, task: Task, config: TrainConfig, *, listeners: Listeners, states: Path | None = None,
    notify: Callable[..., None] = lambda *said: None,
) -> dict[str, Any]:  # fmt: skip
    """Train a QLoRA adapter for a task in this process and store it; returns its card.

    Where `accelerate launch` started several processes, all of them train and the first one stores the adapter.

    Args:
        lab: Where models, indexes and adapters are.
        task: What to learn.
        config: How.
        listeners: Told of steps, evaluations and notices.
        states: Where states to resume from are kept; they are removed once the adapter is stored.
        notify: Told of the stage before the first step.

    Raises:
        LabError: The task has no training examples, the model is absent, memory is short, or the loss is not a number.
        Cancelled: Stopped before anything useful was learned.
    """
    from finetune.plan.estimate import inspect_machine
    from finetune.shuffled_labels import SENTENCE
    from finetune.train.checkpoint import Checkpoints
    from finetune.train.distributed import join_group
    from finetune.train.trainer import train
    from finetune.train.warnings import describe_holdout

    group = join_group()
    machine = inspect_machine(lab.settings.home)
    with _explain_memory():
        ready = _prepare(lab, task, config, notify)
        told = [SENTENCE] if config.shuffle_labels else []
        for text in [*told, *describe_holdout(config.holdout, task.train, ready.held)] if group.leads else ():
            listeners.on_warning(0, text)
        on_wait = (lambda: None) if group.sharded else listeners.on_wait  # There all must answer to the end together.
        outcome = train(
            ready.model, ready.examples, config, listeners=listeners,
            evaluate=_make_evaluator(lab, task, ready, config, on_wait) if ready.held else None,
            checkpoints=Checkpoints(states, _identify(task, config, ready)) if states else None,
            memory=_plan_memory(ready, config, machine),
        )  # fmt: skip
    if not group.leads:
        return {"outcome": asdict(outcome)}
    card = _store(lab, task, config, ready, outcome)
    if states is not None and not outcome.cancelled:
        shutil.rmtree(states, ignore_errors=True)
    return card


@contextmanager
def _explain_memory() -> Iterator[None]:
    """Say in words that memory ran out: torch does so by errors of several kinds."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        said = str(error).split("\n")[0]
        if not isinstance(error, MemoryError) and not any(word in said.lower() for word in NO_MEMORY):
            raise
        raise LabError(
            f"The training does not fit into memory: {said[:200] or 'out of memory'}",
            "Lower --batch-size, choose --storage nf4, or shorten the examples; or free memory and resume the job: its last "
            "state is kept.",
        ) from error


def _identify(task: Task, config: TrainConfig, ready: _Ready) -> str:
    """Return a hash of all that a training's steps follow from; the prompts hold the retrieved passages."""
    told = [[item.prompt, item.answer, *([item.other] if item.other else [])] for item in ready.examples]
    about = [task.hash_split(task.train), task.instruction, dict(task.schema)]
    return hash_json([asdict(config), ready.loaded.weights_hash, about, told])


def probe_task(
    lab: Lab, task: Task, config: TrainConfig, *, rates: Sequence[float], on_step: OnProbe,
    notify: Callable[..., None] = lambda *said: None,
) -> Probe:  # fmt: skip
    """Begin the training that `config` plans with each of a few learning rates; nothing is stored.

    Raises:
        LabError: As `train_task`, or the rates are no rates.
        Cancelled: `on_step` raised it.
    """
    from finetune.train.probe import check_rates, probe_rates

    check_rates(rates)  # Said before the model is loaded, which takes seconds.
    ready = _prepare(lab, task, config, notify)
    return probe_rates(ready.model, ready.examples, config, rates=rates, on_step=on_step)


@dataclass(frozen=True)
class _Ready:
    """What a training begins with. `learned` are the examples that `examples` encodes, `held` those kept out."""

    folder: Path
    loaded: Loaded
    model: Any
    examples: list[Encoded]
    learned: list[Example]
    held: list[Example]
    too_long: list[str]
    limit: int


def _prepare(lab: Lab, task: Task, config: TrainConfig, notify: Callable[..., None]) -> _Ready:
    """Load the model, encode the examples, add a fresh adapter and test that it learns on this device."""
    from core.generation.device import set_threads
    from core.generation.models import find_model
    from finetune.data import encode_examples
    from finetune.plan.estimate import choose_unpacking, inspect_machine, read_shape
    from finetune.shuffled_labels import shuffle_outputs
    from finetune.train.held_out import split_holdout
    from finetune.train.model import add_adapter, check_gradients, load_trainable

    if not task.train:
        raise LabError(f"The task {task.name} has no training examples.", f"Fill {task.folder / 'train.jsonl'}.")
    folder = find_model(lab.settings)
    set_threads(lab.settings.threads)
    notify("load", 0, 0)
    unpack = choose_unpacking(read_shape(folder), inspect_machine(lab.settings.home), storage=config.storage)
    loaded = load_trainable(folder, storage=config.storage, unpack=unpack)
    text = loaded.model.config.get_text_config()  # Of a model that also sees, the part that reads.
    limit = min(int(getattr(text, "max_position_embeddings", CONTEXT_TOKENS)), CONTEXT_TOKENS)
    rows = shuffle_outputs(task.train, seed=config.seed) if config.shuffle_labels else task.train
    learned, held = split_holdout(rows, config.holdout, seed=config.seed)
    examples, too_long = encode_examples(
        task, learned, loaded.tokenizer, max_tokens=limit, hits=_find_shown(lab, task, learned, config),
        mixed=config.prompts == "mixed",
    )  # fmt: skip
    model = add_adapter(loaded, config)
    model.train()
    check_gradients(model, examples[0])
    fitting = [example for example in learned if example.id not in set(too_long)]
    return _Ready(folder, loaded, model, examples, fitting, held, too_long, limit)


def _plan_memory(ready: _Ready, config: TrainConfig, machine: Machine) -> MemoryPlan:
    """Choose what is given up where the training would not fit into what was free before the model was loaded."""
    from core.generation.decoder import common_prefix
    from finetune.data import measure_own
    from finetune.plan.estimate import estimate_training, read_shape
    from finetune.plan.memory import plan_memory

    prefix = common_prefix([item.prompt for item in ready.examples])
    own, answers = measure_own(ready.examples, prefix), [len(item.answer) for item in ready.examples]
    estimate = estimate_training(read_shape(ready.folder), config, machine, prefix=prefix, own=own, answers=answers)
    return plan_memory(estimate, device=machine.device)


def _find_hits(lab: Lab, task: Task, examples: list[Example], config: TrainConfig) -> list[list[Hit]] | None:
    """Return what retrieval finds for each example, where the adapter is to learn with passages in its prompt."""
    if config.prompts == "plain":
        return None
    return find_passages(lab, task, examples)


def _find_shown(lab: Lab, task: Task, examples: list[Example], config: TrainConfig) -> list[list[Hit]] | None:
    """Return the passages to learn with: what retrieval finds, and mostly the evidence where it missed it."""
    from finetune.data import holds_quote, show_evidence

    hits = _find_hits(lab, task, examples, config)
    if hits is None:
        return None
    retriever = lab.library.load_retriever(task)

    def find(proof: Evidence) -> Hit | None:
        found = retriever.search([proof.quote], top_k=task.prompting.passages)[0]
        return next((hit for hit in found if holds_quote(hit, proof)), None)

    return [show_evidence(example, shown, find, seed=config.seed) for example, shown in zip(examples, hits, strict=True)]


def _make_evaluator(lab: Lab, task: Task, ready: _Ready, config: TrainConfig, on_wait: Callable[[], None]) -> Evaluator:
    """Return what answers the held-out examples; of a mixture about half of them are asked with their passages."""
    from finetune.data import encode_examples, take_turn
    from finetune.train.held_out import Evaluator

    tokenizer = ready.loaded.tokenizer
    encoded, too_long = encode_examples(
        task, ready.held, tokenizer, max_tokens=ready.limit, hits=_find_hits(lab, task, ready.held, config),
        mixed=config.prompts == "mixed",
    )  # fmt: skip
    encoded = [take_turn(item, 0, seed=config.seed) for item in encoded]
    kept = [example for example in ready.held if example.id not in set(too_long)]
    longest = max(len(item.answer) for item in encoded) + MARGIN
    return Evaluator(ready.model, tokenizer, task, kept, encoded, longest, on_wait)


def _store(lab: Lab, task: Task, config: TrainConfig, ready: _Ready, outcome: Outcome) -> dict[str, Any]:
    from finetune.adapters.card import AdapterCard, describe_prompts
    from finetune.adapters.store import find_licence, new_adapter_id, save_adapter

    card = AdapterCard(
        id=new_adapter_id(task.name), task=task.name, model=ready.folder.name, weights=ready.loaded.weights_hash,
        data=task.hash_split(task.train), config=asdict(config), outcome=asdict(outcome),
        created=datetime.now(UTC).isoformat(timespec="seconds"), dropped=tuple(ready.too_long),
        trained_on=tuple(fingerprint(example.input) for example in ready.learned),
        licence={"base": find_licence(ready.folder), "data": task.licence}, environment=describe_environment(),
        instruction=task.instruction, schema=dict(task.schema),
        prompting=describe_prompts(task, passages=config.prompts != "plain"),
    )  # fmt: skip
    save_adapter(lab.settings, ready.model, card)
    return card.as_json()
