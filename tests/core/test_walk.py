"""The walk in CONTRIBUTING is true: the files that handle `dr_cpo` on its way to a row are those that it names."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from arena_assets.config import Experiment
from arena_assets.estimation import Estimator, Method, Result
from arena_assets.stages.analysis import ablation_spec, analyse
from arena_assets.stages.collecting import as_data, collect
from arena_assets.storage import Store
from tests.conftest import ROOT, ConfigFolder
from tests.made_up import frames

NAME = "dr_cpo"
# Handed a method, but on no way to its row: they check a name, keep what was made, or make another table of it.
BESIDE = {
    "diagnostics/difference_gate.py",
    "diagnostics/advice.py",  # a sentence for people, of what the gates said
    "data/validate.py",
    "_once.py",
    "ranking.py",
    "reporting/labelled_rows.py",
    "reporting/policy_table.py",
    "reporting/accuracy_table.py",
    "../stages/generated.py",
}


def walk() -> set[str]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return set(re.findall(r"`(arena_assets/[\w./]+\.py)`", text[text.index(f"### `{NAME}`") :]))


def carries(value: object) -> bool:
    first = value[0] if isinstance(value, list | tuple) and value else value
    return isinstance(first, Method | Result | Estimator) or (isinstance(first, str) and first == NAME)


@contextmanager
def followed() -> Iterator[tuple[set[str], set[str]]]:
    """The project's files that are entered within the block, and those of them that are handed the method."""
    entered: set[str] = set()
    handed: set[str] = set()
    package = str(ROOT / "arena_assets")

    def see(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(package):
            file = frame.f_code.co_filename.removeprefix(f"{ROOT}/")
            entered.add(file)
            if any(carries(value) for value in frame.f_locals.values()):
                handed.add(file)

    sys.setprofile(see)
    try:
        yield entered, handed
    finally:
        sys.setprofile(None)


@pytest.fixture
def one_method(config_folder: ConfigFolder) -> Experiment:
    method = f"{{estimator: {NAME}, reward_calibration: monotone}}"
    (config_folder.path / "ablations" / "own.yaml").write_text(f"methods: [{method}]\n", encoding="utf-8")
    return config_folder.load(analysis={"ablation": "own"})


def test_the_walk_from_yaml_to_a_row_is_the_one_that_is_taken(one_method: Experiment) -> None:
    store = Store.of(one_method)
    frames.write(store, one_method)
    data = as_data(one_method, collect(one_method, store).tables)
    with followed() as (entered, handed):
        results = analyse(one_method, data, time.perf_counter).results
        ablation_spec(one_method)
    assert set(results["estimator"]) == {NAME}
    beside = {f"arena_assets/estimation/{name}".replace("estimation/../", "") for name in BESIDE}
    assert handed - walk() - beside == set()
    # The contract is data; all other files on the walk are entered.
    assert walk() - entered == {"arena_assets/tables/analysis.py"}
