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
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from core.errors import Cancelled, LabError
from finetune.config import TrainConfig
from finetune.data import Encoded, pack
from finetune.plan.memory import Savings, checkpoint_blocks, make_optimizer
from finetune.train.checkpoint import Checkpoints, Progress, read_adapter, write_adapter
from finetune.train.distributed import Group, join_group, shard_frozen
from finetune.train.model import compute_loss
from finetune.train.report import Evaluation, Listeners, Outcome, StepReport
from finetune.train.warnings import describe_best, describe_evaluations, describe_steps

if TYPE_CHECKING:
    import torch

Ended = Literal["", "early", "cancelled"]
MIN_STEPS_TO_KEEP = 5
MEASURED_STEPS = 3


class Diverged(LabError):
    """The loss is no number any more."""


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
        found = self.checkpoints.find() if self.checkpoints else None
        self._agree(found)
        self.optimizer = make_optimizer(self.parameters, self.config.learning_rate, self.savings)
        if self.savings.checkpoint_activations:
            checkpoint_blocks(self.model)
        shard_frozen(self.model, self.group)
        self.per_epoch = math.ceil(len(self.examples) / self.config.batch_size)
        self.progress = replace(self.progress, total=max(1, round(self.config.epochs * self.per_epoch)))
        if self.checkpoints is not None and found is not None:
            self.progress, self.best = found[1], self.checkpoints.load(found[0], self.model, self.optimizer)
        resumed = self.progress.step
        self.told.on_start(resumed)
        self.saved_at = time.perf_counter()
        ended = self._run_steps(resumed)
        self.model.eval()
        done = self.progress
        if self.best is not None and done.best_step != done.step:
            write_adapter(self.model, self.best)
        self._notice(describe_best(done.evaluations, done.best_step))
        tail = done.losses[-self.per_epoch :]
        return Outcome(
            steps=done.step, examples=len(self.examples), first_loss=done.losses[0], last_loss=sum(tail) / len(tail),
            seconds=done.seconds, tokens=done.tokens, trainable_parameters=sum(p.numel() for p in self.parameters),
            cancelled=ended == "cancelled", best_step=done.best_step, stopped_early=ended == "early", resumed_from=resumed,
            evaluations=done.evaluations,
        )  # fmt: skip

    def _agree(self, found: tuple[Path, Progress] | None) -> None:
        """Let all processes do alike: begin at one step, and save memory if one must; the optimizer is that of the state."""
        known = found[1] if found else Progress()
        self.group.require_same(known.step)
        paged = known.paged if found else self.group.any(self.savings.paged_optimizer)
        self.savings = Savings(paged, self.group.any(self.savings.checkpoint_activations))
        self.progress = replace(self.progress, paged=paged)

    def _run_steps(self, resumed: int) -> Ended:
        """Do the steps that are left; returns why it ended before the last one, if it did."""
        if self.evaluate is not None and not resumed:
            self._evaluate()  # The base model's answers: what every later one is compared with.
        self.model.train()
        ended = self._look_after() if resumed else ""  # Its process may have ended before it did what was due.
        warm = 0.0
        for batch in _batches(self.examples, self.config, done=resumed):
            if ended or self.progress.step >= self.progress.total:
                break
            report = self._do_step(batch)
            if report.step == resumed + 1:
                warm = self.progress.seconds  # The first step also allocates, so it is not measured.
            elif not self.progress.planned and report.step == resumed + MEASURED_STEPS:
                self._plan((self.progress.seconds - warm) / (MEASURED_STEPS - 1))
            ended = self._tell(report) or self._look_after()
        return ended

    def _tell(self, report: StepReport) -> Ended:
        """Tell of a step, and stop where somebody asks for it."""
        asked = False
        try:
            self.told.on_step(report)
        except Cancelled:
            asked = True
        return self._stop() if self.group.agree(asked) else ""

    def _stop(self) -> Ended:
        """Keep a state. Too few steps are worth nothing: then the request is passed on."""
        if self.progress.step < MIN_STEPS_TO_KEEP:
            raise Cancelled
        self._save()
        return "cancelled"

    def _look_after(self) -> Ended:
        """Say what is to be said, evaluate and keep a state where due; whether training should end."""
        self._notice(describe_steps(self.progress.losses, self.norms))
        asked = False
        if self._is_due():
            try:
                self._evaluate()
            except Cancelled:
                asked = True
            self.model.train()
            if not asked:
                self._save()
        elif time.perf_counter() - self.saved_at >= self.config.checkpoint_seconds:
            self._save()
        early = 0 < self.config.patience <= self.progress.stale and self.progress.step < self.progress.total
        ended = self.group.agree(2 if asked else early)
        if ended == 2:
            return self._stop()
        return "early" if ended else ""

    def _do_step(self, batch: Sequence[Encoded]) -> StepReport:
        """Do one optimizer step."""
        started = time.perf_counter()
        step = self.progress.step + 1
        rate = self.config.learning_rate * _schedule(step, self.progress, self.config.warmup)
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
        """Fix the number of steps by the time budget, once the speed is known; the rate goes on from where it is."""
        known = self.progress
        self.progress = replace(known, planned=True)
        if self.config.minutes is None:
            return
        left = self.config.minutes * 60 - known.seconds
        total = int(self.group.agree(_plan_steps(known.total, left, seconds_per_step, known.step)))
        if total != known.total:
            share = _schedule(known.step, known, self.config.warmup)
            self.progress = replace(self.progress, total=total, planned_at=known.step, planned_share=share)

    def _is_due(self) -> bool:
        """Whether the held-out sample is answered after this step: at even distances, the last time at the end."""
        if self.evaluate is None:
            return False
        done, total, parts = self.progress.step, self.progress.total, self.config.evaluations
        if self.progress.evaluations and self.progress.evaluations[-1]["step"] == done:
            return False
        return done == total or (done * parts) // total > ((done - 1) * parts) // total

    def _evaluate(self) -> None:
        """Answer the held-out sample; keep the adapter if it answers best, by field score, then by loss.

        The untrained adapter is not chosen among: it is the base model.

        Raises:
            Diverged: The held-out loss is not a number.
            Cancelled: Somebody asked to stop.
        """
        if self.evaluate is None:
            return
        self.model.eval()
        found = self.evaluate(self.progress.step)
        known = self.progress
        if not math.isfinite(found.held_loss):
            raise Diverged(f"The held-out loss became {found.held_loss} at step {known.step}.", _describe_way_out(known.step))
        better = known.step > 0 and (found.score, -found.held_loss) > (known.best_score, -known.best_loss)
        measured = (*known.evaluations, {k: v for k, v in asdict(found).items() if k != "samples"})
        stale = 0 if better or not known.step else known.stale + 1
        self.progress = replace(known, evaluations=measured, stale=stale)
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
                self.told.on_warning(self.progress.step, text)

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
        raise Diverged(f"The loss became {loss} at step {step} (gradient norm {norm}).", _describe_way_out(step))
    if norm == 0:
        raise LabError(f"No gradient reached the adapter at step {step}.", "Run `ragft doctor` and report its output.")


def _describe_way_out(step: int) -> str:
    if step:
        return "Lower the learning rate (--lr) and train anew; a state from before is kept with the job."
    return "No step was done yet, so it is the base model or the data: run `ragft doctor`, then check the examples."


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


def _schedule(step: int, progress: Progress, warmup: float) -> float:
    """Return the share of the peak rate: linear warm-up, then a cosine that would be zero one step after the last.

    Where a time budget changed the number of steps, the warm-up goes on from the share reached then, if it was not over.
    """
    rising = max(1, round(progress.total * warmup))
    begun, share = progress.planned_at, progress.planned_share
    if step <= begun + rising:
        return share + (1 - share) * (step - begun) / rising
    falling = progress.total + 1 - begun - rising
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - begun - rising) / falling)))


def _plan_steps(total: int, left: float, seconds_per_step: float, step: int) -> int:
    """Return how many steps fit: those done and what `left` seconds allow at the measured speed, at most `total`."""
    return max(step + 1, min(total, step + int(left / seconds_per_step)))
