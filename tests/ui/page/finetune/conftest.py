"""A lab with a small task of its own."""

import pytest

from core.settings import Settings
from lab.lab import Lab
from tests.conftest import row, write_task


@pytest.fixture
def lab(settings, tiny_model, tmp_path):
    train = [row(n, f"Question number {n} about pay?", f"{n} euros", "pay") for n in range(30)]
    write_task(settings.folder("tasks") / "tiny", train=train, test=[row(99, "Another?", "no", "time")])
    return Lab(Settings(home=settings.home, model=str(tiny_model)))
