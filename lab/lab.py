"""The composition root: the only file that knows all packages and joins them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.answers.writing import serialize
from core.comparison.arms import Arm
from core.comparison.pipeline import answer
from core.comparison.prompts import choose_shots
from core.comparison.runs import Run, describe_environment, new_run_id, save_run
from core.errors import Cancelled, LabError
from core.evaluation.baselines import measure_baselines
from core.evaluation.report import render_report
from core.evaluation.sampling import choose_items
from core.evaluation.summary import stamp_leaks, summarize
from core.settings import Settings
from core.storage import MANIFEST, hash_file
from core.tasks.leakage import find_seen, fingerprint
from core.tasks.task import Task, find_task, load_task
from core.values import MODES, DecodeOptions, Example, Generator, Message, OnText, Prediction, Retriever
from lab.library import Library, Notify

MAX_NEW_TOKENS, MARGIN = 256, 8


def _silent(stage: str, step: int, total: int) -> None:
    """Report to nobody."""


def _record_arm(arm: Arm) -> dict[str, Any]:
    """Return an arm as kept in a run: its adapter by id and by the hash of its manifest, which holds its files' hashes."""
    if arm.adapter is None:
        return asdict(arm)
    folder = Path(arm.adapter)
    known = hash_file(folder / MANIFEST) if (folder / MANIFEST).is_file() else None  # Deleted just now: the arm will say so.
    return {**asdict(arm), "adapter": folder.name, "adapter_hash": known}


@dataclass(frozen=True)
class Comparison:
    """A stored comparison and where it lies."""

    run: Run
    folder: Path
    missing: dict[str, str]


@dataclass
class Lab:
    """The lab on one machine. Heavy parts are loaded when first needed and kept.

    Args:
        settings: Where state lives and which model answers.
        generator: Set by tests to a fake; otherwise the model is loaded from disk.
        embedder: Set by tests; otherwise MiniLM.
    """

    settings: Settings
    generator: Generator | None = None
    embedder: Any = None
    library: Library = field(init=False)

    def __post_init__(self) -> None:
        self.library = Library(self.settings, lambda: self.load_embedder())

    def task(self, name: str) -> Task:
        """Load a task by name or path."""
        return load_task(find_task(name, self.settings))

    def load_generator(self) -> Generator:
        """Return the generator, loading the model at the first call."""
        if self.generator is None:
            from core.generation.decoder import load_generator
            from core.generation.device import set_threads
            from core.generation.models import find_model

            folder = find_model(self.settings)
            set_threads(self.settings.threads)
            self.generator = load_generator(folder)
        return self.generator

    def load_embedder(self) -> Any:
        """Return the embedder, loading it at the first call."""
        if self.embedder is None:
            from retrieval.embedding.embedder import SentenceEmbedder

            self.embedder = SentenceEmbedder(graphs=self.settings.folder("graphs"))
        return self.embedder

    def build_index(
        self, task: Task, *, add: Sequence[Path] = (), rebuild: bool = False, notify: Notify = _silent
    ) -> dict[str, Any]:
        """Bring the index of a task's documents up to date, adding documents first; see `Library.update`."""
        return self.library.update(task, add=add, rebuild=rebuild, notify=notify)

    def load_retriever(self, task: Task, *, mode: str = "hybrid") -> Retriever:
        """Return a retriever over a task's index; see `Library.load_retriever`."""
        return self.library.load_retriever(task, mode=mode)

    def load_examples(self, task: Task) -> Retriever:
        """Return a search over the inputs of the training examples; see `Library.load_examples`."""
        return self.library.load_examples(task)

    def measure_baselines(self, task: Task, *, limit: int | None = None, seed: int = 0) -> dict[str, dict[str, Any]]:
        """Mark the majority answer and the copied nearest example on the items that `compare` would choose."""
        return measure_baselines(task, choose_items(task.test, limit, seed=seed), self.load_examples(task))

    def find_leaks(self, task: Task, items: Sequence[Example], arms: Sequence[Arm], *, adapter: str | None) -> dict[str, Any]:
        """Return which items an adapter was trained on, or an example of the prompts repeats; `items` is empty if none.

        What an adapter was trained on is recognised in whatever version of the task that was.
        """
        from finetune.adapters.store import read_card

        cards = {}
        for arm in (arm for arm in arms if arm.uses_adapter):
            with suppress(LabError):  # A missing adapter is reported as a missing arm.
                cards[arm.name] = read_card(Path(arm.adapter or self.find_adapter(task, arm, adapter=adapter)))
        trained = {seen for card in cards.values() for seen in card.trained_on}
        shown = {example.input for arm in arms for example in (task.train if arm.nearest else choose_shots(task, arm.shots))}
        return {
            "adapters": sorted({card.id for card in cards.values()}),
            "unknown": sorted({card.id for card in cards.values() if not card.trained_on}),
            "items": find_seen(items, (*trained, *map(fingerprint, shown))),
        }

    def describe_misfits(self, task: Task, arms: Sequence[Arm]) -> list[str]:
        """Return a note for each arm whose adapter learned with other prompts than the arm's: it is below its best.

        On hiring-handbook an adapter trained with passages made RAG + QLoRA six times as good (tasks/README.md).
        """
        from finetune.adapters.store import read_card

        notes = []
        for arm in arms:
            with suppress(LabError):  # A missing adapter is reported as a missing arm.
                card = read_card(Path(arm.adapter)) if arm.adapter else None
                if card and (card.kind == "passages") != (arm.top_k > 0):
                    trained, option = ("without", " --with-context") if arm.top_k else ("with", "")
                    notes.append(
                        f"{arm.title} answered with the adapter {card.id}, trained {trained} passages in its prompts; "
                        f"one trained as it is asked may do better: `ragft train {task.name}{option}`."
                    )
        return notes

    def find_adapter(self, task: Task, arm: Arm, *, adapter: str | None = None) -> Path:
        """Return the folder of the adapter that an arm would answer with.

        Raises:
            LabError: There is none, or it is damaged.
        """
        from finetune.adapters.store import choose_adapter

        weights = str(self.load_generator().description["weights"])
        return choose_adapter(self.settings, task=task.name, weights=weights, wanted=adapter, with_context=arm.top_k > 0)

    def prepare(self, task: Task, arm: Arm, *, adapter: str | None = None) -> tuple[Arm, Retriever | None]:
        """Fill in what an arm needs: the adapter's folder, the retriever.

        Raises:
            LabError: Something is missing; it says how to make it.
        """
        if arm.uses_adapter and arm.adapter is None:
            arm = arm.with_adapter(str(self.find_adapter(task, arm, adapter=adapter)))
        return arm, self.load_retriever(task) if arm.top_k else None

    def answer(
        self,
        task: Task,
        items: Sequence[Example],
        arm: Arm,
        *,
        options: DecodeOptions | None = None,
        adapter: str | None = None,
        on_text: OnText | None = None,
    ) -> Iterator[tuple[int, Prediction]]:
        """Answer items with one arm; see `core.comparison.pipeline.answer`."""
        ready, retriever = self.prepare(task, arm, adapter=adapter)
        options = options or self.choose_options(task)
        generator = self.load_generator()
        examples = self.load_examples(task) if arm.nearest else None
        yield from answer(
            task, items, ready, generator=generator, retriever=retriever, examples=examples, options=options, on_text=on_text
        )

    def choose_options(self, task: Task, *, mode: str = "free", seed: int = 0, batch_size: int = 16) -> DecodeOptions:
        """Return greedy decoding with room for the longest known answer and a margin, for every arm alike.

        Held answers get twice that: their texts and lists may be twice as long as known ones, and must end.

        Raises:
            LabError: There is no such mode.
        """
        if mode not in MODES:
            raise LabError(f"There is no decoding mode {mode!r}.", f"Choose one of {', '.join(MODES)}.")
        generator = self.load_generator()
        lengths = [
            generator.count_tokens([Message("system", ""), Message("assistant", serialize(example.output, task.schema))])
            for example in task.train
        ]
        longest = max(lengths, default=MAX_NEW_TOKENS) + MARGIN
        longest *= 1 if mode == "free" else 2
        return DecodeOptions(mode=mode, max_new_tokens=longest, seed=seed, batch_size=batch_size)

    def describe_support(self, task: Task, mode: str) -> str:
        """Say in a sentence what of the task's schema constrained decoding does not hold answers to; empty when it holds all."""
        if mode == "free":
            return ""
        support = self.load_generator().check_support(task.decoding_schema)
        if not support.enforced:
            return f"Decoded freely and validated afterwards: {support.reason}."
        return f"Only validated afterwards: {', '.join(support.afterwards)}." if support.afterwards else ""

    def compare(
        self, task: Task, arms: Sequence[Arm], *, limit: int | None = None, seed: int = 0,
        options: DecodeOptions | None = None, adapter: str | None = None, allow_leakage: bool = False, notify: Notify = _silent,
    ) -> Comparison:  # fmt: skip
        """Let every arm answer the same test items, judge the differences and store the run.

        An arm that lacks its adapter or index is reported with what to do; the others go on. Interrupted, the
        arms that had finished are stored under the status `cancelled`.

        Raises:
            LabError: No arm could answer, or items were trained on and `allow_leakage` is not set.
            Cancelled: Stopped by the user, after storing.
            KeyboardInterrupt: The same, from the terminal.
        """
        options = options or self.choose_options(task, seed=seed)
        items = choose_items(task.test, limit, seed=seed)
        arms = [self._fix_adapter(task, arm, adapter) for arm in arms]
        leaks = self.find_leaks(task, items, arms, adapter=adapter)
        if leaks["items"] and not allow_leakage:
            raise LabError(
                f"{len(leaks['items'])} of the {len(items)} test items were trained on or stand in the prompts' examples "
                f"(first: {leaks['items'][0]!r}), so their marks mean nothing.",
                "Train an adapter without them, or insist with --allow-leakage: every table and report is then stamped.",
            )
        # Before the answers: an adapter that is deleted meanwhile must not cost the run.
        recorded, notes = {arm.name: _record_arm(arm) for arm in arms}, self.describe_misfits(task, arms)
        answers: dict[str, list[Prediction]] = {}
        missing: dict[str, str] = {}
        try:
            for arm in arms:
                notify(arm.name, 0, len(items))
                try:
                    answers[arm.name] = self._answer_all(task, items, arm, options, adapter, notify)
                except LabError as error:
                    missing[arm.name] = str(error)
        except (Cancelled, KeyboardInterrupt):
            self._store(task, items, recorded, answers, missing, "cancelled", options, seed, leaks, notes)
            raise
        if not answers:
            raise LabError("No arm could answer. " + " ".join(missing.values()))
        run, folder = self._store(task, items, recorded, answers, missing, "ok", options, seed, leaks, notes)
        return Comparison(run, folder, missing)

    def _fix_adapter(self, task: Task, arm: Arm, adapter: str | None) -> Arm:
        """Choose an arm's adapter once: one that finishes training meanwhile must not answer unchecked."""
        if arm.uses_adapter and arm.adapter is None:
            with suppress(LabError):  # Reported as a missing arm when it is asked.
                return arm.with_adapter(str(self.find_adapter(task, arm, adapter=adapter)))
        return arm

    def _answer_all(
        self, task: Task, items: Sequence[Example], arm: Arm, options: DecodeOptions, adapter: str | None, notify: Notify
    ) -> list[Prediction]:
        found: dict[int, Prediction] = {}
        for index, prediction in self.answer(task, items, arm, options=options, adapter=adapter):
            found[index] = prediction
            notify(arm.name, len(found), len(items))
        return [found[index] for index in range(len(items))]

    def _record_constraint(self, task: Task) -> dict[str, Any]:
        """Return what constrained decoding held answers to, as kept in a run."""
        return {**asdict(self.load_generator().check_support(task.decoding_schema)), "schema": task.decoding_schema}

    def _store(
        self, task: Task, items: Sequence[Example], recorded: dict[str, Any], answers: dict[str, list[Prediction]],
        missing: dict[str, str], status: Any, options: DecodeOptions, seed: int, leaks: dict[str, Any], notes: list[str],
    ) -> tuple[Run, Path]:  # fmt: skip
        summary = summarize(task, items, answers, seed=seed).as_json() if answers else {}
        if summary:
            stamp_leaks(summary, leaks, len(items))
            summary["notes"] = notes
            summary["arms"] = {**summary["arms"], **{arm: {"status": "missing", "reason": why} for arm, why in missing.items()}}
        run = Run(
            id=new_run_id(task.name),
            task=task.name,
            status=status,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            config={
                "seed": seed,
                "items": [item.id for item in items],
                "decoding": asdict(options),
                "constraint": self._record_constraint(task) if options.mode != "free" else None,
                "arms": {arm: about for arm, about in recorded.items() if arm in answers or arm in missing},
                "generator": dict(self.load_generator().description),
                "test_hash": task.hash_split(task.test),
                "train_hash": task.hash_split(task.train),
            },
            environment=describe_environment(),
            summary=summary,
        )
        report = render_report(task, items, run, answers)
        return run, save_run(self.settings, run, answers, report)
