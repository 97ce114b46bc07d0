"""The training loop: steps planned from measured speed, checkpoints, held-out answers, the best adapter kept.

The loop is our own because a step is one packed row (see `finetune/data.py`), which transformers' Trainer and its
collators do not know: 2.8 times the real tokens of a padded batch, at the same loss (`benchmarks/LOG.md`). Optimizer,
adapters and 4-bit layers are torch, peft and bitsandbytes. Nothing is padded, so batches are not grouped by length.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any

from core.errors import Cancelled, LabError
from finetune.checkpoint import Checkpoints, Progress, read_adapter, write_adapter
from finetune.config import TrainConfig
from finetune.data import Encoded, pack
from finetune.distributed import Group, join_group, shard_frozen
from finetune.evaluation import Evaluation
from finetune.model import add_adapter, compute_loss, load_trainable
from finetune.notices import describe_evaluations, describe_steps
from finetune.savings import Savings, checkpoint_blocks, make_optimizer

if TYPE_CHECKING:
    import torch

__all__ = ["Diverged", "Listeners", "Outcome", "StepReport", "add_adapter", "compute_loss", "load_trainable", "train"]

MIN_STEPS_TO_KEEP = 5
MEASURED_STEPS = 3


class Diverged(LabError):
    """The loss is no number any more."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """One optimizer step.

    `tokens_per_second` counts real tokens: every example's prompt and answer. `seconds` is the time of all steps so
    far, `memory_gib` the process's memory, on CUDA the device's peak.
    """

    step: int
    total: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens_per_second: float
    seconds: float
    memory_gib: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training went. `best_step` is the step whose adapter was kept, where held-out answers chose it."""

    steps: int
    examples: int
    first_loss: float
    last_loss: float
    seconds: float
    tokens: int
    trainable_parameters: int
    cancelled: bool
    best_step: int = 0
    stopped_early: bool = False
    resumed_from: int = 0
    evaluations: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Listeners:
    """Who is told what. `on_step` may raise `Cancelled`, and then what was learned is kept."""

    on_step: Callable[[StepReport], None]
    on_evaluation: Callable[[Evaluation], None] = lambda evaluation: None
    on_notice: Callable[[int, str], None] = lambda step, text: None


def train(
    model: Any, examples: Sequence[Encoded], config: TrainConfig, *, on_step: Callable[[StepReport], None] | None = None,
    listeners: Listeners | None = None, evaluate: Callable[[int], Evaluation] | None = None,
    checkpoints: Checkpoints | None = None, savings: Savings | None = None,
) -> Outcome:  # fmt: skip
    """Train the adapter of `model` in place.

    Args:
        model: A peft model from `add_adapter`.
        examples: Encoded training examples.
        config: The settings.
        on_step: Told of every step; short for listeners with nothing else.
        listeners: Told of steps, evaluations and notices.
        evaluate: Answers the held-out sample at a step; its field score chooses the adapter that is kept.
        checkpoints: Where states are kept; the newest whole one is gone on from.
        savings: What is done to need less memory.

    Raises:
        LabError: The loss is not a number, or no gradient reaches the adapter.
        Cancelled: Cancelled before anything useful was learned.
    """
    group = join_group()
    told = listeners or Listeners(on_step or (lambda report: None))
    if not group.leads:
        told = Listeners(lambda report: None)
    if not (group.leads or group.sharded):
        evaluate = None
    return _Training(model, examples, config, told, evaluate, checkpoints, group, savings or Savings()).run()


@dataclass
class _Training:
    """The state of one training while it runs."""

    model: Any
    examples: Sequence[Encoded]
    config: TrainConfig
    told: Listeners
    evaluate: Callable[[int], Evaluation] | None
    checkpoints: Checkpoints | None
    group: Group
    savings: Savings
    progress: Progress = field(default_factory=Progress)
    best: dict[str, torch.Tensor] | None = None
    norms: list[float] = field(default_factory=list)
    noticed: set[str] = field(default_factory=set)
    saved_at: float = 0.0

    def run(self) -> Outcome:
        self.parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = make_optimizer(self.parameters, self.config.learning_rate, self.savings)
        if self.savings.checkpoint_activations:
            checkpoint_blocks(self.model)
        shard_frozen(self.model, self.group)
        self.per_epoch = math.ceil(len(self.examples) / self.config.batch_size)
        self.progress = replace(self.progress, total=max(1, round(self.config.epochs * self.per_epoch)))
        resumed = self._resume()
        self.saved_at = time.perf_counter()
        cancelled, early = self._run_steps(resumed)
        self.model.eval()
        if self.best is not None and not cancelled and self.progress.best_step != self.progress.step:
            write_adapter(self.model, self.best)
        done = self.progress
        tail = done.losses[-self.per_epoch :]
        return Outcome(
            steps=done.step, examples=len(self.examples), first_loss=done.losses[0], last_loss=sum(tail) / len(tail),
            seconds=done.seconds, tokens=done.tokens, trainable_parameters=sum(p.numel() for p in self.parameters),
            cancelled=cancelled, best_step=done.best_step, stopped_early=early, resumed_from=resumed,
            evaluations=done.evaluations,
        )  # fmt: skip

    def _resume(self) -> int:
        """Go on from the newest whole state; returns its step, 0 where there is none."""
        found = self.checkpoints.load(self.model, self.optimizer) if self.checkpoints else None
        if found is not None:
            self.progress, self.best = found
        self.group.require_same(self.progress.step)
        return self.progress.step

    def _run_steps(self, resumed: int) -> tuple[bool, bool]:
        """Do the steps that are left; returns whether it was cancelled, and whether it ended early."""
        if self.evaluate is not None and not resumed:
            self._evaluate()  # The base model's answers: what every later one is compared with.
        self.model.train()
        warm = 0.0
        for batch in _batches(self.examples, self.config, done=resumed):
            if self.progress.step >= self.progress.total:
                break
            report = self._do_step(batch)
            if report.step == resumed + 1:
                warm = self.progress.seconds  # The first step also allocates, so it is not measured.
            elif not self.progress.planned and report.step == resumed + MEASURED_STEPS:
                self._plan((self.progress.seconds - warm) / (MEASURED_STEPS - 1))
            if self._was_cancelled(report):
                return True, False
            if self._look_after(report):
                return False, True
        return False, False

    def _was_cancelled(self, report: StepReport) -> bool:
        """Tell of a step; whether somebody asked to stop. Too few steps are worth nothing: then the request is passed on."""
        asked = False
        try:
            self.told.on_step(report)
        except Cancelled:
            asked = True
        if not self.group.agree(asked):
            return False
        if report.step < MIN_STEPS_TO_KEEP:
            raise Cancelled
        self._save()
        return True

    def _look_after(self, report: StepReport) -> bool:
        """Say what is to be said, evaluate and keep a state where due; whether training should end early."""
        self._notice(describe_steps(self.progress.losses, self.norms))
        ended = False
        if self._is_due():
            self._evaluate()
            self.model.train()
            self._save()
            ended = 0 < self.config.patience <= self.progress.stale and report.step < self.progress.total
        elif time.perf_counter() - self.saved_at >= self.config.checkpoint_seconds:
            self._save()
        return bool(self.group.agree(ended))

    def _do_step(self, batch: Sequence[Encoded]) -> StepReport:
        """Do one optimizer step."""
        started = time.perf_counter()
        step = self.progress.step + 1
        rate = self.config.learning_rate * _schedule(step, self.progress.total, self.config.warmup)
        loss, norm = self._learn(batch, rate)
        _check_step(step, loss, norm)
        spent = time.perf_counter() - started
        counted = sum(len(item.prompt) + len(item.answer) for item in batch)
        self.norms.append(norm)
        self.progress = replace(
            self.progress, step=step, losses=(*self.progress.losses, loss), tokens=self.progress.tokens + counted,
            seconds=self.progress.seconds + spent,
        )  # fmt: skip
        return StepReport(
            step, self.progress.total, loss, rate, norm, counted / spent, self.progress.seconds, _read_memory(self.model)
        )

    def _learn(self, batch: Sequence[Encoded], rate: float) -> tuple[float, float]:
        """Move the adapter along the gradient; returns the loss and the gradient norm before clipping."""
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = rate
        part, weight = self.group.share(batch)
        loss = compute_loss(self.model, pack(part)) * weight
        loss.backward()
        loss = self.group.add_up(self.parameters, loss.detach())
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.config.clip)
        if math.isfinite(float(norm)):
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(loss), float(norm)

    def _plan(self, seconds_per_step: float) -> None:
        """Fix the number of steps by the time budget, once the speed is known."""
        total = self.progress.total
        if self.config.minutes is not None:
            left = self.config.minutes * 60 - self.progress.seconds
            total = int(self.group.agree(_plan_steps(total, left, seconds_per_step, self.progress.step)))
        self.progress = replace(self.progress, total=total, planned=True)

    def _is_due(self) -> bool:
        """Whether the held-out sample is answered after this step: at even distances, the last time at the end."""
        if self.evaluate is None:
            return False
        done, total, parts = self.progress.step, self.progress.total, self.config.evaluations
        return done == total or (done * parts) // total > ((done - 1) * parts) // total

    def _evaluate(self) -> None:
        """Answer the held-out sample; keep the adapter if it answers best, by field score, then by loss."""
        if self.evaluate is None:
            return
        self.model.eval()
        found = self.evaluate(self.progress.step)
        known = self.progress
        better = (found.score, -found.held_loss) > (known.best_score, -known.best_loss)
        measured = (*known.evaluations, {k: v for k, v in asdict(found).items() if k != "samples"})
        self.progress = replace(known, evaluations=measured, stale=0 if better else known.stale + 1)
        if better:
            self.progress = replace(self.progress, best_step=known.step, best_score=found.score, best_loss=found.held_loss)
            self.best = read_adapter(self.model)
        self.told.on_evaluation(found)
        trained = [_mean_before(known.losses, item["step"]) for item in measured if item["step"]]
        self._notice(describe_evaluations([item["held_loss"] for item in measured], trained))

    def _notice(self, texts: Sequence[str]) -> None:
        """Tell of what is new, each kind once."""
        for text in texts:
            kind = text.split(":")[0]
            if kind not in self.noticed:
                self.noticed.add(kind)
                self.told.on_notice(self.progress.step, text)

    def _save(self) -> None:
        """Keep a state; a full disk costs the state, not the training."""
        self.saved_at = time.perf_counter()
        if self.checkpoints is None or not self.group.leads:
            return
        try:
            self.checkpoints.save(self.progress, self.model, self.optimizer, self.best)
        except LabError as error:
            self._notice([f"Not saved: {error}"])


def _read_memory(model: Any) -> float:
    """Return GiB: CUDA's peak where the model is there, else what the process holds."""
    import psutil
    import torch

    if model.device.type == "cuda":
        return float(torch.cuda.max_memory_allocated() / 2**30)
    return float(psutil.Process().memory_info().rss / 2**30)


def _mean_before(losses: Sequence[float], step: int, count: int = 5) -> float:
    part = losses[max(0, step - count) : step]
    return sum(part) / len(part)


def _check_step(step: int, loss: float, norm: float) -> None:
    if not math.isfinite(loss) or not math.isfinite(norm):
        raise Diverged(
            f"The loss became {loss} at step {step} (gradient norm {norm}).",
            "Lower the learning rate (--lr) and train anew; a state from before is kept with the job.",
        )
    if norm == 0:
        raise LabError(f"No gradient reached the adapter at step {step}.", "Run `ragft doctor` and report its output.")


def _batches(examples: Sequence[Encoded], config: TrainConfig, *, done: int = 0) -> Iterator[list[Encoded]]:
    """Yield batches for ever, every epoch in a new order that depends on the seed alone, the first `done` left out."""
    random = Random(config.seed)
    number = 0
    while True:
        order = list(examples)
        random.shuffle(order)
        for start in range(0, len(order), config.batch_size):
            number += 1
            if number > done:
                yield order[start : start + config.batch_size]


def _schedule(step: int, total: int, warmup: float) -> float:
    """Return the share of the peak rate: linear warm-up, then a cosine to zero."""
    rising = max(1, round(total * warmup))
    if step <= rising:
        return step / rising
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rising) / max(1, total - rising))))


def _plan_steps(total: int, left: float, seconds_per_step: float, step: int) -> int:
    """Return how many steps fit: those done and what `left` seconds allow at the measured speed, at most `total`."""
    return max(step + 1, min(total, step + int(left / seconds_per_step)))
