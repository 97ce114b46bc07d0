"""Models that are built at once leave torch's default type of numbers as it was."""

from threading import Barrier, Thread

from core.generation.building import build_alone


def test_two_at_once_wait_for_each_other_and_leave_the_default_type(tmp_path):
    import torch

    start, seen = Barrier(2), []

    def build(dtype):
        start.wait()
        for _ in range(20):
            with build_alone():
                torch.set_default_dtype(dtype)
                seen.append(torch.empty(1).dtype == dtype)

    threads = [Thread(target=build, args=(dtype,)) for dtype in (torch.bfloat16, torch.float64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert torch.get_default_dtype() == torch.float32
    assert seen == [True] * 40


def test_a_build_that_fails_puts_the_default_type_back():
    import torch

    try:
        with build_alone():
            torch.set_default_dtype(torch.bfloat16)
            raise ValueError
    except ValueError:
        pass
    assert torch.get_default_dtype() == torch.float32
