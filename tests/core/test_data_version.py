"""The data version of a table: another as soon as one bit of it is, and no other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from arena_assets.config import Experiment
from arena_assets.orchestration.checked_write import content_version
from arena_assets.storage import Store
from tests.made_up import frames


def table(value: float = -1.1) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "prompt_id": ["a", "b"],
            "total_logprob": [value, None],
            "target_logps": [{"x": value, "y": None}, {}],
            "tokens": [np.array([1, 2]), None],
            "rejected": [[{"policy": "x", "value": value}], []],
            "seconds": [0.1, 0.2],
        }
    )


CHANGES: dict[str, Callable[[pd.DataFrame, float], object]] = {
    "a column": lambda frame, value: frame.__setitem__("total_logprob", [value, None]),
    "a map": lambda frame, value: frame["target_logps"][0].__setitem__("x", value),
    "a list of records": lambda frame, value: frame["rejected"][0][0].__setitem__("value", value),
}


@pytest.mark.parametrize("where", CHANGES)
@pytest.mark.parametrize("value", [-1.1, 1e-300, -12345.678901234567, 0.1 + 0.2])
def test_one_bit_of_a_number_makes_another_version(where: str, value: float) -> None:
    changed = table(value)
    assert content_version(changed, ["seconds"]) == content_version(table(value), ["seconds"])
    CHANGES[where](changed, float(np.nextafter(value, np.inf)))
    assert content_version(changed, ["seconds"]) != content_version(table(value), ["seconds"])


def test_what_took_another_time_or_says_missing_otherwise_is_the_same() -> None:
    first = content_version(table(), ["seconds"])
    assert content_version(table().assign(seconds=[7.0, 8.0]), ["seconds"]) == first
    assert content_version(table().assign(total_logprob=[-1.1, float("nan")]), ["seconds"]) == first
    assert content_version(table().assign(total_logprob=[-1.1, 0.0]), ["seconds"]) != first
    assert content_version(table().iloc[::-1], ["seconds"]) != first


def test_every_table_has_one_and_keeps_it(experiment: Experiment, store: Store) -> None:
    frames.write(store, experiment)
    versions = [content_version(frame, ()) for frame in frames.tables(experiment, "0001").values()]
    again = [content_version(frame, ()) for frame in frames.tables(experiment, "0001").values()]
    assert versions == again
    assert len(set(versions)) == len(versions) == 5
