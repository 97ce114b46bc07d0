"""A stand-in for the package `spaces` of a Space that lends GPUs: it forks, pickles both ways, and forbids CUDA outside."""

import multiprocessing
import pickle
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from core.generation.device import choose_device
from core.generation.zero_gpu import borrow_gpu

SECONDS = 120  # After which a forked process is taken for hung.


class Lender:
    """What was borrowed: names of functions, and for how many seconds."""

    def __init__(self):
        self.registered, self.calls = [], []

    def GPU(self, function, *, duration):
        self.registered.append(function.__name__)

        def call(*values):
            self.calls.append((function.__name__, duration(*values)))
            packed = pickle.dumps(values)
            context = multiprocessing.get_context("fork")
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(function, packed, sender), daemon=True)
            process.start()
            sender.close()
            if not receiver.poll(SECONDS):
                process.kill()
                raise TimeoutError(f"{function.__name__} hung")
            try:
                kind, value = pickle.loads(receiver.recv_bytes())
            except EOFError:
                raise RuntimeError("ZeroGPU worker error: GPU task aborted") from None
            process.join()
            if kind == "error":
                raise RuntimeError(f"ZeroGPU worker error: {value}")  # The real one tells no more than the class either.
            return value

        return call


def _work(function, packed, sender):
    import torch

    torch.cuda.is_available = lambda: False  # This machine has none: the same numbers as everywhere else here.
    try:
        answer = ("value", function(*pickle.loads(packed)))
    except BaseException as error:  # noqa: BLE001 - whatever it was, the other side must hear of it
        answer = ("error", type(error).__name__)
    sender.send_bytes(pickle.dumps(answer))
    sender.close()


@pytest.fixture
def lender(monkeypatch):
    """A Space that lends GPUs; whoever touches CUDA in this process fails."""
    import torch

    lender = Lender()
    module = ModuleType("spaces")
    module.GPU, module.__spec__ = lender.GPU, ModuleSpec("spaces", None)
    monkeypatch.setitem(sys.modules, "spaces", module)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # As the real package pretends.
    monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: pytest.fail("CUDA was touched outside of a borrowed process"))
    for known in (choose_device, borrow_gpu):
        known.cache_clear()
    yield lender
    for known in (choose_device, borrow_gpu):
        known.cache_clear()
