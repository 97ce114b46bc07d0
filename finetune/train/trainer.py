"""The training loop: steps planned from measured speed, checkpoints, held-out answers, the best adapter kept.

The loop is our own because a step is one packed row (see `finetune/data.py`), which transformers' Trainer and its
collators do not know: 2.8 times the real tokens of a padded batch, at the same loss (`benchmarks/LOG.md`). Optimizer,
adapters and 4-bit layers are torch, peft and bitsandbytes. Nothing is padded, so batches are not grouped by length.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from core.errors import Cancelled, LabError, Paused
from finetune.config import TrainConfig
from finetune.data import Encoded, pack
from finetune.plan.memory import MemoryPlan, checkpoint_blocks, make_optimizer
from finetune.train.checkpoint import Checkpoints, TrainingProgress, read_adapter, write_adapter
from finetune.train.distributed import ProcessGroup, join_group, shard_frozen
from finetune.train.model import compute_loss
from finetune.train.report import Evaluation, Listeners, Outcome, StepReport
from finetune.train.schedule import count_steps, fit_steps, is_evaluation_due, order_batches, scale_rate
from finetune.train.warnings import describe_best, describe_evaluations, describe_steps

if TYPE_CHECKING:
    import torch

Ended = Literal["", "early", "cancelled"]
STOP = 2  # What a process says to the others where somebody asked to stop; 1 is that patience has run out.
MIN_STEPS_TO_KEEP = 5  # An adapter of fewer is hardly another than the base, and is not stored when stopped.
MEASURED_STEPS = 3  # The speed is known after so many, the first of which is not measured.
COMPARED_LOSSES = 5  # Steps whose mean training loss is compared with a held-out loss.


class Diverged(LabError):
    """The loss is no number any more."""


# Eight parameters: three say what is learned; who hears, who marks, where states lie and what memory allows are each
# left out by most callers.
def train(
    model: Any, examples: Sequence[Encoded], config: TrainConfig, *, on_step: Callable[[StepReport], None] | None = None,
    listeners: Listeners | None = None, evaluate: Callable[[int], Evaluation] | None = None,
    checkpoints: Checkpoints | None = None, memory: MemoryPlan | None = None,
) -> Outcome:  # fmt: skip
    """Train the adapter of `model` in place.

    Args:
        model: A peft model from `add_adapter`.
        examples: Encoded training examples.
        config: The settings.
        on_step: Told of every step; short for listeners with nothing else.
        listeners: Told of steps, evaluations and warnings.
        evaluate: Answers the held-out sample at a step; its field score chooses the adapter that is kept.
        checkpoints: Where states are kept; the training goes on from the newest whole one.
        memory: What is done to need less memory.

    Raises:
        LabError: The loss is not a number, or no gradient reaches the adapter.
        Cancelled: Cancelled before anything useful was learned.
        Paused: `on_step` raised it.
    """
    group = join_group()
    told = listeners or Listeners(on_step or (lambda report: None))
    if not group.leads:
        told = Listeners(lambda report: None)  # One process speaks for all.
    if not (group.leads or group.sharded):
        evaluate = None  # A process that holds all weights can answer alone.
    return _Training(model, examples, config, told, evaluate, checkpoints, group, memory or MemoryPlan()).run()


@dataclass
class _Training:
    """One training while it runs.

    `best` is the adapter that answered best, `norms` the gradient norm of every step of this process, `warned` the
    kinds of warning that were given, `saved_at` when the last state was kept.
    """

    model: Any
    examples: Sequence[Encoded]
    config: TrainConfig
    told: Listeners
    evaluate: Callable[[int], Evaluation] | None
    checkpoints: Checkpoints | None
    group: ProcessGroup
    memory: MemoryPlan
    progress: TrainingProgress = field(default_factory=TrainingProgress)
    best: dict[str, torch.Tensor] | None = None
    norms: list[float] = field(default_factory=list)
    warned: set[str] = field(default_factory=set)
    saved_at: float = 0.0

    def run(self) -> Outcome:
        self.parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        state = self.checkpoints.find() if self.checkpoints else None
        self._agree(state)
        self.optimizer = make_optimizer(self.parameters, self.config.learning_rate, self.memory)
        if self.memory.checkpoint_activations:
            checkpoint_blocks(self.model)
        shard_frozen(self.model, self.group)
        self.progress = replace(self.progress, total=count_steps(len(self.examples), self.config))
        if self.checkpoints is not None and state is not None:
            self.progress, self.best = state[1], self.checkpoints.load(state[0], self.model, self.optimizer)
        resumed = self.progress.step
        self.told.on_start(resumed)
        self.saved_at = time.perf_counter()
        ended = self._run_steps(resumed)
        self.model.eval()
        if self.best is not None and self.progress.best_step != self.progress.step:
            write_adapter(self.model, self.best)  # The last step need not be the one that answered best.
        self._warn(describe_best(self.progress.evaluations, self.progress.best_step))
        return self._describe(ended, resumed)

    def _describe(self, ended: Ended, resumed: int) -> Outcome:
        done = self.progress
        # One pass, so that every example counts once in the loss that people read: single steps differ by what is in them.
        tail = done.losses[-math.ceil(len(self.examples) / self.config.batch_size) :]
        return Outcome(
            steps=done.step, examples=len(self.examples), first_loss=done.losses[0], last_loss=sum(tail) / len(tail),
            seconds=done.seconds, tokens=done.tokens, trainable_parameters=sum(p.numel() for p in self.parameters),
            cancelled=ended == "cancelled", best_step=done.best_step, stopped_early=ended == "early", resumed_from=resumed,
            evaluations=done.evaluations,
        )  # fmt: skip

    def _agree(self, state: tuple[Path, TrainingProgress] | None) -> None:
        """Let all processes begin at one step and use one kind of optimizer, and save memory if one of them must."""
        begun = state[1] if state else TrainingProgress()
        self.group.require_same(begun.step)
        # Moments of 8 bits cannot be read into the other optimizer, whatever memory is free by now.
        paged = begun.paged if state else self.group.any(self.memory.paged_optimizer)
        self.memory = MemoryPlan(paged, self.group.any(self.memory.checkpoint_activations))
        self.progress = replace(self.progress, paged=paged)

    def _run_steps(self, resumed: int) -> Ended:
        """Do the steps that are left; returns why it ended before the last one, if it did."""
        if self.evaluate is not None and not resumed:
            self._evaluate()  # The base model's answers: what every later one is compared with.
        self.model.train()
        ended = self._look_after() if resumed else ""  # Its process may have ended before it did what was due.
        warm = 0.0
        for batch in order_batches(self.examples, self.config, done=resumed):
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
        """Tell of a step; returns `cancelled` where somebody asks to stop.

        Raises:
            Paused: The time is over; the state after this step is kept.
        """
        asked = False
        try:
            self.told.on_step(report)
        except Paused:
            self._save()
            raise
        except Cancelled:
            asked = True
        # All stop after the same step: one that went on alone would wait for the others' gradients for ever.
        return self._stop() if self.group.agree(asked) else ""

    def _stop(self) -> Ended:
        """Keep a state, and say that somebody stopped the training.

        Raises:
            Cancelled: Too few steps were done to be worth keeping.
        """
        if self.progress.step < MIN_STEPS_TO_KEEP:
            raise Cancelled
        self._save()
        return "cancelled"

    def _look_after(self) -> Ended:
        """Warn, evaluate and keep a state where due; returns why the training ends here, if it does."""
        self._warn(describe_steps(self.progress.losses, self.norms))
        asked = False
        if self.evaluate is not None and is_evaluation_due(self.progress, self.config.evaluations):
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
        decided = self.group.agree(STOP if asked else early)
        if decided == STOP:
            return self._stop()
        return "early" if decided else ""

    def _do_step(self, batch: Sequence[Encoded]) -> StepReport:
        """Do one optimizer step."""
        started = time.perf_counter()
        step = self.progress.step + 1
        rate = self.config.learning_rate * scale_rate(step, self.progress, self.config.warmup)
        loss, norm = self._learn(batch, rate)
        _check_step(step, loss, norm)
        spent = time.perf_counter() - started
        tokens = sum(len(item.prompt) + len(item.answer) for item in batch)
        self.norms.append(norm)
        self.progress = replace(
            self.progress, step=step, losses=(*self.progress.losses, loss), tokens=self.progress.tokens + tokens,
            seconds=self.progress.seconds + spent,
        )  # fmt: skip
        return StepReport(
            step, self.progress.total, loss, rate, norm, tokens / spent, self.progress.seconds, _read_memory(self.model)
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
        # A gradient that is no number would make the moments so too; the caller ends the training, its state is kept.
        if math.isfinite(float(norm)):
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(loss), float(norm)

    def _plan(self, seconds_per_step: float) -> None:
        """Fix the number of steps by the time budget, once the speed is known; the rate goes on from where it is."""
        before = self.progress
        self.progress = replace(before, planned=True)
        if self.config.minutes is None:
            return
        left = self.config.minutes * 60 - before.seconds
        # Every process measures another speed; the leading one's decides, for all must do the same number of steps.
        total = int(self.group.agree(fit_steps(before.total, left, seconds_per_step, before.step)))
        if total != before.total:
            share = scale_rate(before.step, before, self.config.warmup)
            self.progress = replace(self.progress, total=total, planned_at=before.step, planned_share=share)

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
        marks = self.evaluate(self.progress.step)
        before = self.progress
        if not math.isfinite(marks.held_loss):
            raise Diverged(f"The held-out loss became {marks.held_loss} at step {before.step}.", _describe_way_out(before.step))
        better = before.step > 0 and (marks.score, -marks.held_loss) > (before.best_score, -before.best_loss)
        # Without the answers themselves: a card is for reading, and the events of the job keep them.
        evaluations = (*before.evaluations, {name: value for name, value in asdict(marks).items() if name != "samples"})
        stale = 0 if better or not before.step else before.stale + 1
        self.progress = replace(before, evaluations=evaluations, stale=stale)
        if better:
            self.progress = replace(self.progress, best_step=before.step, best_score=marks.score, best_loss=marks.held_loss)
            self.best = read_adapter(self.model)
        self.told.on_evaluation(marks)
        trained = [_mean_before(before.losses, item["step"]) for item in evaluations if item["step"]]
        self._warn(describe_evaluations([item["held_loss"] for item in evaluations], trained))

    def _warn(self, texts: Sequence[str]) -> None:
        """Tell of what is new, each kind once: a text's kind is what stands before its colon."""
        for text in texts:
            kind = text.split(":")[0]
            if kind not in self.warned:
                self.warned.add(kind)
                self.told.on_warning(self.progress.step, text)

    def _save(self) -> None:
        """Keep a state; a full disk costs the state, not the training."""
        self.saved_at = time.perf_counter()
        if self.checkpoints is None or not self.group.leads:
            return
        try:
            self.checkpoints.save(self.progress, self.model, self.optimizer, self.best)
        except LabError as error:
            self._warn([f"Not saved: {error}"])


def _read_memory(model: Any) -> float:
    """Return GiB: CUDA's peak where the model is there, else what the process holds."""
    import psutil
    import torch

    if model.device.type == "cuda":
        return float(torch.cuda.max_memory_allocated() / 2**30)
    return float(psutil.Process().memory_info().rss / 2**30)


def _mean_before(losses: Sequence[float], step: int) -> float:
    """Return the mean training loss of the steps that led to this one."""
    part = losses[max(0, step - COMPARED_LOSSES) : step]
    return sum(part) / len(part)


def _check_step(step: int, loss: float, norm: float) -> None:
    """Check that a step can have taught anything.

    Raises:
        Diverged: The loss or the gradient is not a number.
        LabError: The gradient is nothing at all, which no real step gives: a layer cuts it off.
    """
    if not math.isfinite(loss) or not math.isfinite(norm):
        raise Diverged(f"The loss became {loss} at step {step} (gradient norm {norm}).", _describe_way_out(step))
    if norm == 0:
        raise LabError(f"No gradient reached the adapter at step {step}.", "Run `ragft doctor` and report its output.")


def _describe_way_out(step: int) -> str:
    if step:
        return "Lower the learning rate (--lr) and train anew; a state from before is kept with the job."
    return "No step was done yet, so it is the base model or the data: run `ragft doctor`, then check the examples."
