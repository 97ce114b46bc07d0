"""An order in which nothing stays at its place."""

from hypothesis import given
from hypothesis import strategies as some

from core.derangement import derange


@given(count=some.integers(0, 60), seed=some.integers(0, 2**32))
def test_everything_moves_nothing_is_lost_and_the_seed_decides(count, seed):
    order = derange(count, seed=seed)
    assert sorted(order) == list(range(count))
    assert count == 1 or all(place != other for place, other in enumerate(order))
    assert derange(count, seed=seed) == order


def test_seeds_differ():
    assert derange(30, seed=0) != derange(30, seed=1)
