"""Loading the model and the embedder beside the page, and what is told meanwhile to people who wait for them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event, RLock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Literal, TypeVar

from core.errors import LabError
from core.values import DecodeOptions, Generator, Message

if TYPE_CHECKING:
    from core.tasks.task import Task
    from lab.lab import Lab

Stage = Literal["absent", "loading", "ready", "failed"]
Result = TypeVar("Result")
WARM_TOKENS = 2
TELL_SECONDS = 1.0

log = logging.getLogger(__name__)


class LoadWatch:
    """How far the loading of one thing is. Whoever loads tells it, any number of threads may look."""

    def __init__(self) -> None:
        self.stage: Stage = "absent"
        self.problem = ""
        self._lock = RLock()
        self._ended = Event()
        self._began = 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the present load began."""
        return monotonic() - self._began

    def begin(self) -> None:
        """Note that a load begins, or is about to."""
        if self.stage != "loading":
            self._ended.clear()
            self.stage, self._began = "loading", monotonic()

    def end(self, stage: Stage, problem: str = "") -> None:
        """Note what came of it: `ready`, or `failed` and why; `absent` where nothing is loaded any more."""
        self.stage, self.problem = stage, problem
        self._ended.set()

    def wait(self, seconds: float) -> None:
        """Wait for the end of a load, at most for a while."""
        self._ended.wait(seconds)

    @contextmanager
    def follow(self) -> Iterator[None]:
        """Note the beginning and the end of the load that happens inside."""
        self.begin()
        try:
            yield
            self.end("ready")
        except LabError as error:
            self.end("failed", str(error))
            raise
        finally:
            if self.stage == "loading":  # A bug of ours, which goes on to the log.
                self.end("failed", "It could not be loaded; the server's log says why.")

    def load_once(self, find: Callable[[], Result | None], load: Callable[[], Result]) -> Result:
        """Return what is there, else load it; of several who ask at once the first loads, the others wait."""
        with self._lock:
            found = find()
            if found is not None:
                self.end("ready")
                return found
            with self.follow():
                return load()


def load_in_background(lab: Lab, task: str = "") -> Thread:
    """Load model and embedder in a thread of their own; what is there already is left as it is.

    Args:
        lab: Whose.
        task: Its schema is compiled and its index opened, so that its first question does not wait for that.
    """
    lab.slot.watch.begin()
    # On a page that strangers share the lab asks whose request it works for: that of whoever started the load.
    thread = Thread(target=copy_context().run, args=(_load_all, lab, task), name="loading", daemon=True)
    thread.start()
    return thread


def wait_for_model(lab: Lab) -> Iterator[str]:
    """Load the model where it is not loaded; yields a sentence about it each second until it is, or cannot be."""
    watch = lab.slot.watch
    if lab.generator is not None or watch.stage == "ready":
        return
    if watch.stage != "loading":
        load_in_background(lab)
    while watch.stage == "loading":
        yield describe_load(lab)[1]
        watch.wait(TELL_SECONDS)


def describe_load(lab: Lab) -> tuple[Stage, str]:
    """Return how far the loading is, the model's before the embedder's, and say it in a sentence."""
    for name, watch, there in (
        ("model", lab.slot.watch, lab.generator),
        ("search model", lab.embedding, lab.embedder),
    ):
        if there is not None or watch.stage == "ready":
            continue
        if watch.stage == "failed":
            return "failed", f"The {name} is not loaded. {watch.problem}"
        if watch.stage == "loading":
            return "loading", f"The {name} is loading, {watch.seconds:.0f} s so far. A question may be asked and waits for it."
        return "absent", f"The {name} is loaded by the first question that needs it."
    return "ready", "The model is ready."


def _load_all(lab: Lab, task: str) -> None:
    """Load what is not loaded; what fails is kept for people to read, and tried again by the next who needs it."""
    from core.generation.models import fetch_model

    found = None
    try:
        found = lab.task(task) if task else None
    except LabError as error:
        log.warning("Nothing is prepared: %s", error)
    try:
        if lab.generator is None:
            with lab.slot.watch.follow():
                fetch_model(lab.settings, notify=log.warning)
                lab.slot.load(lab.settings, prepare=lambda generator: _warm(generator, found))
    except LabError as error:
        log.warning("The model is not loaded: %s", error)
    try:
        lab.load_embedder()
        if found is not None:
            lab.library.find_index(found)
    except LabError as error:
        log.warning("The embedder is not loaded: %s", error)


def _warm(generator: Generator, task: Task | None) -> None:
    """Write two tokens under a task's schema: the first use compiles it, ranks the vocabulary, and touches all weights."""
    if task is None or not task.train:
        return
    schema = task.decoding_schema
    prompt = [Message("system", task.instruction), Message("user", task.train[0].input)]
    try:
        held = generator.check_support(schema).enforced
    except LabError:  # A tokenizer that the engine cannot read: answers are free, and who wants them held is told.
        held = False
    options = DecodeOptions(mode="constrained" if held else "free", max_new_tokens=WARM_TOKENS)
    for _ in generator.generate([prompt], adapter=None, options=options, schema=schema if held else None):
        pass
