"""What cannot be made is refused in the same words each time, by an error of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from arena_assets import estimation as e
from arena_assets.estimation._once import Once
from arena_assets.estimation.preparation import Preparation
from arena_assets.estimation.studies.worlds import TARGET


def refusals(ask: Callable[[], object], count: int) -> list[e.EstimationError]:
    found = []
    for _ in range(count):
        with pytest.raises(e.EstimationError) as caught:
            ask()
        found.append(caught.value)
    return found


def frames(error: BaseException) -> int:
    count, trace = 0, error.__traceback__
    while trace is not None:
        count, trace = count + 1, trace.tb_next
    return count


@pytest.mark.parametrize(
    "ask",
    [
        lambda made: made.calibration("deterministic", "monotone"),
        lambda made: made.target("deterministic", "monotone", TARGET),
    ],
)
def test_a_refusal_is_raised_afresh(ask: Callable[[Preparation], object]) -> None:
    """One instance that is raised again collects the frames of every raise, and keeps their variables alive."""
    data = e.draw(e.Scenario("good", True, 1, 40), np.random.default_rng(0))
    preparation = Preparation(data)
    first, second, third = refusals(lambda: ask(preparation), 3)
    assert str(first) == str(second) == str(third)
    assert "1 of the rows are labelled" in str(first)
    assert second is not third
    assert frames(second) == frames(third)


def test_a_thing_is_made_once_and_other_errors_are_not_kept() -> None:
    made: list[int] = []
    cache: Once[str, int] = Once()

    def make() -> int:
        made.append(1)
        return len(made)

    assert [cache.get("a", make), cache.get("a", make), cache.get("b", make)] == [1, 1, 2]
    with pytest.raises(ZeroDivisionError):
        cache.get("c", lambda: 1 // 0)
    assert cache.get("c", make) == 3
