import time

import pytest

from core.errors import Cancelled, LabError
from ui.page.compare.streaming import stream


def test_partial_texts_then_the_result():
    def work(tell):
        for count in range(4):
            tell(0, "x" * count)
            time.sleep(0.12)
        return 42

    *parts, last = stream(work)
    assert last == (42,)
    assert parts
    assert all(part.keys() == {0} for part in parts)


def test_each_answer_has_its_own_text():
    def work(tell):
        tell(0, "a")
        tell(1, "b")
        tell(0, "aa")
        time.sleep(0.4)
        return None

    assert next(stream(work)) == {0: "aa", 1: "b"}


def test_an_error_reaches_the_one_who_waits():
    def work(_tell):
        raise LabError("no model")

    with pytest.raises(LabError, match="no model"):
        list(stream(work))


def test_closing_stops_the_work():
    ended = []

    def work(tell):
        try:
            while True:
                tell(0, "more")
                time.sleep(0.05)
        except Cancelled:
            ended.append(True)
            raise

    parts = stream(work)
    next(parts)
    parts.close()
    time.sleep(0.4)
    assert ended == [True]
